"""Suggested labels: chances against a slow sum, what is chosen among, reviewed, written and undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.classification import suggestions
from engine.classification.predictions import SUGGESTED
from engine.classification.review import review, write_decided
from engine.classification.suggestions import chances
from engine.cli.parser import main
from engine.collections.collection import Collection
from engine.collections.labelling import last_writing, write_labels
from engine.core.errors import BadParameter, NotFound
from engine.core.home import Home
from engine.search import classes
from engine.search.classes import KEPT, ClassProbabilities
from engine.texts.lexicon.lexicon import CLASSES, lexicon
from engine.workbench.workbench import Workbench


@pytest.fixture(autouse=True)
def no_kept_layer() -> Iterator[None]:
    """The layer that classifies is kept by the process; here it is another one in every test."""
    classes.head.cache_clear()
    yield
    classes.head.cache_clear()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """Red pictures that are recognised as pugs, green ones as lemons, and a black one as nothing; one has a label."""
    (tmp_path / "pictures" / "kept").mkdir(parents=True)
    for name, shade in (("kept/0", (250, 0, 0)), ("1", (240, 0, 0)), ("2", (0, 250, 0)), ("3", (0, 0, 0))):
        Image.new("RGB", (32, 32), shade).save(tmp_path / "pictures" / f"{name}.png")
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    found = Workbench()
    found.run("import", source="folder", title="Mixed", path=str(tmp_path / "pictures"))
    layer, plane = torch.zeros(CLASSES, 3, 32 * 32), 20 / 32**2
    layer[lexicon().classes.index("pug"), 0], layer[lexicon().classes.index("lemon"), 1] = plane, plane
    weights = {"_fc.weight": layer.flatten(1), "_fc.bias": torch.zeros(CLASSES)}
    monkeypatch.setattr(classes.packaged, "load", lambda network: weights)
    monkeypatch.setattr(suggestions, "NETWORK", "raw-pixels")
    return found


def suggested(bench: Workbench, **more: object) -> dict[str, tuple[str, float]]:
    """By name of the picture the suggested label and its probability."""
    bench.run("suggest", collection="mixed", **more)
    found = bench.predictions(SUGGESTED, "mixed")
    assert found is not None
    assert found.made_with is not None
    assert found.made_with["images"] == 4
    return {one.name: (one.predicted, one.confidence) for one in found.predictions}


def test_the_chance_of_a_label_is_the_sum_over_its_classes() -> None:
    rng = np.random.default_rng(0)
    picked = np.stack([rng.choice(CLASSES, KEPT, replace=False) for _ in range(9)]).astype(np.int16)
    values = rng.dirichlet(np.ones(KEPT), 9).astype(np.float16)
    owners = rng.integers(-1, 4, CLASSES)
    slow = np.zeros((9, 4))
    for row in range(9):
        for number, value in zip(picked[row], values[row], strict=True):
            if owners[number] >= 0:
                slow[row, owners[number]] += float(value)
    found = chances(ClassProbabilities(np.arange(9), picked, values), owners, 4)
    assert found == pytest.approx(np.minimum(slow, 1))


def test_unlabelled_pictures_get_their_class_unless_none_is_probable(bench: Workbench) -> None:
    assert {name: label for name, (label, _) in suggested(bench).items()} == {"1.png": "pug", "2.png": "lemon"}
    assert set(suggested(bench, every=True)) == {"1.png", "2.png", "kept/0.png"}


def test_labels_to_choose_from_take_the_classes_they_cover(bench: Workbench) -> None:
    found = suggested(bench, among=["cats", "dogs", "fruit"])
    assert {name: label for name, (label, _) in found.items()} == {"1.png": "dogs", "2.png": "fruit"}
    found = suggested(bench, among=["dog", "pug"])  # the narrower word wins where both cover a class
    assert found["1.png"][0] == "pug"
    with pytest.raises(BadParameter, match="happiness"):
        suggested(bench, among=["dog", "happiness"])
    with pytest.raises(BadParameter, match="at most 200 characters"):
        suggested(bench, among=["dog" * 100])


def test_a_collection_with_all_labels_has_nothing_to_suggest(bench: Workbench) -> None:
    write_labels(bench.collection("mixed"), dict.fromkeys(_labels(bench), "mine"), "all of them")
    with pytest.raises(BadParameter, match="without a label"):
        suggested(bench)
    assert set(suggested(bench, every=True)) == {"1.png", "2.png", "kept/0.png"}


def test_suggestions_are_reviewed_written_and_undone(bench: Workbench, capsys: pytest.CaptureFixture[str]) -> None:
    before = _labels(bench)
    assert review(bench.home, SUGGESTED, "mixed") is None
    with pytest.raises(NotFound):
        write_decided(bench.home, SUGGESTED, "mixed")
    assert main(["labels", "--collection", "mixed", "--suggest", "--among", "dog, fruit"]) == 0
    assert _labels(bench) == before
    assert main(["labels", "--collection", "mixed", "--write", "0.5"]) == 0
    assert "2 labels written" in capsys.readouterr().out
    assert sorted(_labels(bench).values()) == ["", "dog", "fruit", "kept"]
    note = last_writing(Collection.open(bench.home, "mixed"))
    assert note is not None
    assert note["what"] == "suggested labels"
    assert main(["labels", "--collection", "mixed", "--undo"]) == 0
    assert _labels(bench) == before


def test_what_cannot_be_written_is_said(bench: Workbench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["labels", "--collection", "mixed", "--write", "0.5"]) == 1
    assert "labels --suggest" in capsys.readouterr().err
    assert main(["labels", "--collection", "mixed", "--suggest"]) == 0
    assert main(["labels", "--collection", "mixed", "--write", "1.5"]) == 1
    assert "from 0 to 1" in capsys.readouterr().err
    assert main(["labels", "--collection", "mixed", "--undo"]) == 1


def test_no_classifier_and_no_list_mistakes_them_for_one(bench: Workbench) -> None:
    suggested(bench)
    assert bench.classifiers() == []
    assert Home(bench.home.root).classifiers.joinpath(SUGGESTED, "guesses", "mixed.json").is_file()


def _labels(bench: Workbench) -> dict[int, str]:
    images = Collection.open(bench.home, "mixed").images()
    return dict(zip(images.ids.tolist(), images.labels, strict=True))
