"""What a person decides about predictions: kept, read again, written to the collection, and taken back."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.classification import classifiers
from engine.classification.plan import ClassificationPlan
from engine.classification.review import decide, review, write_decided
from engine.collections.collection import Collection
from engine.collections.labelling import last_writing, undo_labels, write_labels
from engine.core.errors import BadParameter, Corrupt, NotFound
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.workbench.workbench import Workbench

COLOURS = {"Bags": (200, 60, 60), "Caps": (60, 180, 70)}


def pictures(folder: Path, count: int, unlabelled: int) -> Path:
    """Pictures in two colours with a text each, the last of them without a label; the table that names them."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    lines = [["image", "text", "label"]]
    for number in range(count):
        label = list(COLOURS)[number % 2]
        pixels = np.clip(rng.normal(COLOURS[label], 60, (32, 32, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        known = number < count - unlabelled
        lines.append([f"{number}.png", f"one of the {label.lower()}", label if known else ""])
    with open(folder / "table.csv", "w", newline="") as file:
        csv.writer(file).writerows(lines)
    return folder / "table.csv"


def trained(bench: Workbench, collection: str, encoder: str = "colour-histogram", fusion: str = "late") -> str:
    """A classifier of that collection."""
    settings = {"epochs": 3, "batch": 8, "rate": 0.01}
    words: dict[str, Any] = {
        "folds": 2,
        "fusions": ("late", "picture", "text"),
        "embedding": "flatten",
        "settings": settings,
    }
    found = bench.plan_classification(ClassificationPlan("Try it", collection, encoder, "tf-idf", **words))
    return str(bench.run("classifier", name=found.name, fusion=fusion)["classifier"])


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("reviewing")
    bench = Workbench(Home(root / "home"))
    bench.run("import", source="csv", title="Shop", path=str(pictures(root / "table", 16, 6)))
    bench.run("apply", name=trained(bench, "shop"), collection="shop")
    return root / "home"


@pytest.fixture
def home(origin: Path, tmp_path: Path) -> Home:
    shutil.copytree(origin, tmp_path / "home")
    return Home(tmp_path / "home")


def name_of(home: Home) -> str:
    (run,) = Workbench(home).classifiers()
    return run.name


def labels(home: Home) -> dict[int, str]:
    images = Collection.open(home, "shop").images()
    return dict(zip(images.ids.tolist(), images.labels, strict=True))


def test_decisions_are_kept_and_written_only_when_that_is_asked(home: Home) -> None:
    name, before = name_of(home), labels(home)
    found = review(home, name, "shop")
    assert found is not None
    assert len(found.predictions) == len(found.undecided) == 6
    assert [one.confidence for one in found.predictions] == sorted(one.confidence for one in found.predictions)
    first, second, third = (one.id for one in found.predictions[:3])
    said = found.predictions[0].predicted
    decide(home, name, "shop", {first: said, second: " A  new\nlabel ", third: ""})

    again = review(home, name, "shop")
    assert again is not None
    assert [again.decision(one) for one in again.predictions] == ["accepted", "corrected", "skipped", "", "", ""]
    assert again.waiting == {first: said, second: "A new label"}
    assert labels(home) == before
    assert write_decided(home, name, "shop") == 2
    assert labels(home) == before | {first: said, second: "A new label"}
    written = review(home, name, "shop")
    assert written is not None
    assert written.waiting == {}
    note = last_writing(Collection.open(home, "shop"))
    assert note is not None
    assert (note["count"], note["what"]) == (2, "the classifier shop-late-1")

    assert undo_labels(Collection.open(home, "shop")) == 2
    undone = review(home, name, "shop")
    assert undone is not None
    assert undone.waiting == again.waiting


def test_a_decision_can_be_changed_and_taken_back(home: Home) -> None:
    name = name_of(home)
    found = review(home, name, "shop")
    assert found is not None
    id = found.predictions[0].id
    for wanted, decision in (("Caps", {id: "Caps"}), ("Hats", {id: "Hats"}), (None, {})):
        decide(home, name, "shop", {id: wanted})
        now = review(home, name, "shop")
        assert now is not None
        assert now.decisions == decision


def test_what_is_no_label_and_what_is_not_there_is_refused(home: Home) -> None:
    name = name_of(home)
    with pytest.raises(BadParameter, match="at most 200 characters"):
        decide(home, name, "shop", {1: "Caps", 2: "x" * 201})
    found = review(home, name, "shop")
    assert found is not None
    assert found.decisions == {}  # none of them was kept
    with pytest.raises(BadParameter, match="number of labels"):
        write_decided(home, name, "shop")
    for collection in ("other", "../shop", ""):
        with pytest.raises(NotFound):
            write_decided(home, name, collection)
    with pytest.raises(NotFound, match="no classifier"):
        decide(home, "none", "shop", {1: "Caps"})


def test_a_damaged_file_is_told(home: Home) -> None:
    name = name_of(home)
    decide(home, name, "shop", {1: "Caps"})
    path = home.classifiers / name / "reviews" / "shop.json"
    path.write_text(path.read_text().replace("Caps", "Bags"))
    with pytest.raises(Corrupt):
        review(home, name, "shop")


def test_guesses_about_other_pictures_are_left_out(home: Home, tmp_path: Path) -> None:
    """A collection that was deleted and made anew has the same numbers for other pictures."""
    name = name_of(home)
    shutil.rmtree(home.datasets / "shop")
    folder = pictures(tmp_path / "others", 16, 6).parent
    for path in folder.glob("*.png"):
        path.rename(path.with_stem(f"other {path.stem}"))
    Workbench(home).run("import", source="folder", title="Shop", path=str(folder))
    found = review(home, name, "shop")
    assert found is not None
    assert found.predictions == ()


def test_the_table_holds_decisions_and_no_formulas(home: Home) -> None:
    name = name_of(home)
    found = review(home, name, "shop")
    assert found is not None
    decide(home, name, "shop", {found.predictions[0].id: "=1+1"})
    after = review(home, name, "shop")
    assert after is not None
    lines = list(csv.reader(io.StringIO(after.to_csv())))
    assert len(lines) == 7
    assert lines[1][-2:] == ["corrected", "'=1+1"]
    assert lines[2][-2:] == ["", ""]


def test_deleting_a_classifier_deletes_what_was_decided(home: Home) -> None:
    name = name_of(home)
    decide(home, name, "shop", {1: "Caps"})
    classifiers.remove_classifier(home, name)
    assert not (home.classifiers / name).exists()
    with pytest.raises(NotFound):
        review(home, name, "shop")


def test_an_encoder_fitted_to_one_collection_names_no_classes_of_another(tmp_path: Path) -> None:
    bench = Workbench(Home(tmp_path / "home"))
    for title, count in (("Shop", 12), ("Stall", 8)):
        table = pictures(tmp_path / title, count, 4)
        bench.run("import", source="csv", title=title, path=str(table))
    words, plain = trained(bench, "shop", "orb-words"), trained(bench, "shop")
    assert bench.run("apply", name=words, collection="shop")["guesses"] == 4
    with pytest.raises(BadParameter, match=r"must be 'Shop', the only one that its encoder .*ORB.* was fitted to"):
        classifiers.apply(bench.home, words, "stall", Reporter())
    assert not list((bench.home.datasets / "stall").glob("vocabularies/*"))  # nothing was fitted for it in vain
    assert bench.run("apply", name=plain, collection="stall")["guesses"] == 4
    said = bench.judge(bench.classifier(words), (tmp_path / "Shop" / "1.png").read_bytes(), None)
    assert {label for label, _ in said["picture"]} == set(COLOURS)


def test_a_model_of_one_side_keeps_one_encoder(home: Home) -> None:
    bench = Workbench(home)
    for fusion, other in (("picture", "text"), ("text", "picture")):
        card = bench.classifier(trained(bench, "shop", fusion=fusion)).run.card
        assert card[other] is None
        assert card[fusion]


def test_a_changed_encoder_is_reported(home: Home) -> None:
    (run,) = Workbench(home).classifiers()
    card = run.card
    run._write(card=card | {"picture": card["picture"] | {"fingerprint": "another"}})
    write_labels(Collection.open(home, "shop"), {1: ""}, "by hand")
    with pytest.raises(BadParameter, match="which has changed since"):
        classifiers.apply(home, run.name, "shop", Reporter())
