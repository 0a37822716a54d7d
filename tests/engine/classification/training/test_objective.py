"""Classifiers through the training loop: learned, stopped, resumed to the same bits, and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.classification.folds import held_out
from engine.classification.training.config import ClassifierConfig
from engine.classification.training.objective import Classifying
from engine.classification.training.train import train_classifier
from engine.core.device import Device
from engine.core.errors import BadParameter, Stopped
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders.examples.examples import Examples, Features
from engine.runs import listing as runs
from engine.runs.run import Run
from models.fusion import Fusion
from models.specs import FUSIONS

EXACT = Device("cpu", torch.float32, "processor")


def items(count: int = 60, classes: int = 3, missing: int = 0) -> Examples:
    """Things whose picture and words both tell the class, with noise; of the first `missing` the text is not there."""
    random = np.random.default_rng(0)
    codes = np.arange(count) % classes
    lengths = random.integers(1, 5, count)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    middles = [random.normal(size=(classes, width)).astype(np.float32) for width in (6, 8, 5)]
    picture, text = (middle[codes] + random.normal(0, 0.3, (count, middle.shape[1])) for middle in middles[:2])
    words = middles[2][np.repeat(codes, lengths)] + random.normal(0, 0.3, (starts[-1], 5))
    columns = [values.astype(np.float32) for values in (picture, text, words)]
    has_text = np.arange(count) >= missing
    ids = np.arange(100, 100 + count)
    return Examples(ids, *columns, starts, np.ones(count, bool), has_text, codes, tuple("abc"[:classes]))


def trained(folder: Path, reporter: Reporter | None = None, given: Examples | None = None, **changes: Any) -> Fusion:
    config, given = ClassifierConfig(**{"epochs": 6, "batch": 8, **changes}), given or items()
    learning, apart = held_out(given.codes, np.arange(len(given)), config.validation, config.seed)
    run = Run(folder / "one")
    if not (run.folder / "run.json").exists():
        run = runs.create(Home(folder), "one", config.as_dict(), {}, folder)
    return train_classifier(config, given, learning, apart, run, reporter or Reporter(), EXACT)


class StopAfter(Reporter):
    """Asks to stop at the n-th report."""

    def __init__(self, reports: int) -> None:
        super().__init__()
        self.left = reports

    def update(self, stage: str, done: int, total: int, unit: str = "images", note: str = "") -> None:
        self.left -= 1
        if self.left <= 0:
            raise Stopped


@pytest.mark.parametrize("fusion", FUSIONS)
def test_each_fusion_learns_what_both_sides_tell(tmp_path: Path, fusion: str) -> None:
    given = items()
    network = trained(tmp_path, fusion=fusion, epochs=12)
    with torch.inference_mode():
        said = network(Features(given, "cpu").take(np.arange(len(given)))).argmax(1)
    assert (said.numpy() == given.codes).mean() > 0.9
    run = Run(tmp_path / "one")
    assert run.state == "done"
    assert all(np.isfinite([event["train"], event["validation"]]).all() for event in run.events()[1:])


@pytest.mark.parametrize(("fusion", "stop"), [("late", 3), ("intermediate", 10), ("early", 17)])
def test_a_stopped_training_ends_with_the_same_bits(tmp_path: Path, fusion: str, stop: int) -> None:
    changes: dict[str, Any] = {"fusion": fusion, "missing": 0.3, "dropout": 0.3}
    whole = trained(tmp_path / "whole", **changes).state_dict()
    with pytest.raises(Stopped):
        trained(tmp_path / "parts", StopAfter(stop), **changes)
    assert Run(tmp_path / "parts" / "one").state == "stopped"
    parts = trained(tmp_path / "parts", **changes).state_dict()
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    first = trained(tmp_path).state_dict()
    second = trained(tmp_path, StopAfter(1)).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_leaving_out_never_takes_both_sides(tmp_path: Path) -> None:
    given = items(missing=10)
    config = ClassifierConfig(fusion="early", missing=0.45, dropout=0.0)
    objective = Classifying(config, given, np.arange(60), EXACT)
    seen: list[Any] = []
    objective.network.predictions = lambda pair: seen.append(pair) or Fusion.predictions(objective.network, pair)  # type: ignore[func-returns-value, method-assign, assignment]
    rows = np.arange(60)
    for seed in range(5):
        objective.loss(Features(given, "cpu").take(rows), torch.Generator().manual_seed(seed), rows)
    for pair in seen:
        assert bool((pair.has_picture | pair.has_text).all())
        assert bool(pair.has_picture[:10].all())
        assert 10 < int((~pair.has_picture).sum()) < 40
        assert 10 < int((~pair.has_text).sum()) < 45
    assert not torch.equal(seen[0].has_text, seen[1].has_text)


def test_a_share_of_every_class_is_held_out_but_never_all_of_it() -> None:
    codes = np.repeat(np.arange(4), [1, 2, 10, 30])
    learning, apart = held_out(codes, np.arange(43), 0.2, 0)
    assert np.bincount(codes[apart], minlength=4).tolist() == [0, 0, 2, 6]
    assert np.array_equal(np.sort(np.concatenate([learning, apart])), np.arange(43))
    assert set(held_out(codes, np.arange(5, 20), 0.5, 0)[1]) < set(range(5, 20))


def test_texts_are_padded_to_the_longest_of_a_batch() -> None:
    given = items()
    pair = Features(given, "cpu").take(np.array([7, 3]))
    lengths = [len(given.words_of(7)), len(given.words_of(3))]
    assert pair.words.shape == (2, max(lengths), 5)
    assert pair.there.sum(1).tolist() == lengths
    assert np.array_equal(pair.words[1, : lengths[1]].numpy(), given.words_of(3))
    some = given.of(np.array([7, 3]))
    assert np.array_equal(some.words_of(1), given.words_of(3))
    assert some.ids.tolist() == [107, 103]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fusion": "middle"}, "fusion of the training must be one of picture, text, early"),
        ({"missing": 0.5}, "share of missing ones of the training must be a number from 0 to 0.45"),
        ({"epochs": 0}, "epochs of the training"),
        ({"rate": float("nan")}, "rate of the training"),
        ({"schedule": "up"}, "schedule of the training"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadParameter, match=sentence):
        ClassifierConfig(**changes)


def test_vectors_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    given = items()
    given.picture[3, 2] = np.nan
    with pytest.raises(BadParameter, match="vectors of the pictures of a classification must be finite numbers"):
        trained(tmp_path, given=given)
