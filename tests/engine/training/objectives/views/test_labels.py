"""Learning from labels, and collections with too few, equal or other pictures."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.core.device import device
from engine.core.errors import BadParameter, Stopped
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.runs import listing as runs
from engine.training import TrainingConfig, continue_run, train_run
from engine.training.learned import learned_note
from engine.training.pictures import Data, batches
from engine.training.split import rows_of, split
from engine.training.train import card
from tests.engine.training.conftest import Blobs
from tests.engine.training.objectives.views.conftest import KINDS, SMALL
from tests.engine.training.stopping import StopAfter


class Equal(Blobs):
    """Twice as many pictures as a batch, all of them the same."""

    def pixels(self, size: int, report: Reporter) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        return np.arange(self.count), np.full((self.count, size, size, 3), 90, np.uint8)


# ── odd collections ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
def test_equal_pictures_end_without_an_error(home: Home, kind: str) -> None:
    run = train_run(home, TrainingConfig(**(SMALL | KINDS[kind]), name="equal"), Equal(20), Reporter())
    assert run.state == "done"
    assert all(np.isfinite(event["train"]) for event in run.events()[1:])


def test_ten_pictures_are_too_few(home: Home, few: Blobs) -> None:
    with pytest.raises(BadParameter, match="at least 16"):
        train_run(home, TrainingConfig(**SMALL), few, Reporter())
    assert not [run for run in runs.runs(home) if not run.shipped]


def test_other_pictures_do_not_continue_a_run(home: Home) -> None:
    with pytest.raises(Stopped):
        train_run(home, TrainingConfig(**SMALL, name="cut"), Blobs(24), StopAfter(2))
    with pytest.raises(BadParameter, match="Train a new run"):
        continue_run(runs.run(home, "cut"), Blobs(25), Reporter(), None)


# ── labels ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Some(Blobs):
    """Blobs of which every third has no label."""

    def images(self) -> SimpleNamespace:
        labels = ["" if row % 3 == 0 else "ab"[row % 2] for row in range(self.count)]
        return SimpleNamespace(ids=np.arange(self.count), labels=labels)


class Named(Blobs):
    """Blobs with these labels in turn."""

    def __init__(self, count: int, names: str) -> None:
        super().__init__(count)
        self.names = names

    def images(self) -> SimpleNamespace:
        labels = [self.names[row % len(self.names)] for row in range(self.count)]
        return SimpleNamespace(ids=np.arange(self.count), labels=labels)


SUPERVISED = SMALL | {"objective": "supcon", "validation": 0.2}


def test_it_learns_two_labels_and_is_judged_by_pictures_that_it_has_not_seen(home: Home) -> None:
    config = TrainingConfig(**(SUPERVISED | {"epochs": 8, "validation": 0.5}), name="labels")
    run = train_run(home, config, Blobs(80), Reporter())
    assert run.events()[-1]["train"] < run.events()[1]["train"]
    assert (run.learned_labels, config.keep) == (True, "retrieval")
    assert run.card["labels"]["title"] == "learned from: 2 (even, odd)"
    probe = run.probe()
    assert probe is not None
    held_out = set(split(80, config)[1].tolist())
    assert set(probe.ids.tolist()) <= held_out
    assert learned_note(run, Blobs(80), probe.ids) == ""  # type: ignore[arg-type]
    said = learned_note(run, Blobs(80), np.arange(80))  # type: ignore[arg-type]
    assert said.startswith("It learned the labels of 40 of the 80 queries")


def test_pictures_without_a_label_are_left_out(home: Home) -> None:
    config = TrainingConfig(**SUPERVISED, name="some")
    learning, held_out = rows_of(Some(48).images().labels, config)
    assert all(row % 3 for row in [*learning, *held_out])
    assert train_run(home, config, Some(48), Reporter()).state == "done"


def test_labels_of_held_out_pictures_alone_are_not_said_to_be_learned() -> None:
    config, labels = TrainingConfig(**SUPERVISED), ["a", "b"] * 20
    labels[split(40, config)[1][0]] = "c"
    data = Data(np.zeros((40, 32, 32, 3), np.uint8), np.arange(40), tuple(labels))
    said = card(config, Blobs(40), data, device())["labels"]["title"]  # type: ignore[arg-type]
    assert said == "learned from: 2 (a, b)"


def test_held_out_pictures_of_one_folder_are_not_measured_by_themselves() -> None:
    labels = ["a"] * 100 + ["b"] * 100
    config = TrainingConfig(**(SUPERVISED | {"validation": 0.5}))
    learning, held_out = rows_of(labels, config)
    assert all({labels[row] for row in some} == {"a", "b"} for some in batches(held_out, 20))
    assert sorted([*learning, *held_out]) == list(range(200))
    assert (rows_of(labels, config)[1] == held_out).all()


@pytest.mark.parametrize("names", ["", "a", ["", "", "", "a", "b", ""]])
def test_too_few_labels_are_one_sentence_and_leave_no_run(home: Home, names: str) -> None:
    with pytest.raises(BadParameter, match="labels of a training with supcon must be of two kinds at least"):
        train_run(home, TrainingConfig(**SUPERVISED), Named(24, names or [""]), Reporter())  # type: ignore[arg-type]
    assert not [run for run in runs.runs(home) if not run.shipped]


def test_other_labels_do_not_continue_a_run_that_learned_them(home: Home) -> None:
    with pytest.raises(Stopped):
        train_run(home, TrainingConfig(**SUPERVISED, name="cut"), Blobs(24), StopAfter(2))
    run, other = runs.run(home, "cut"), Named(24, "xyz")
    with pytest.raises(BadParameter, match="labels of a continued training"):
        continue_run(run, other, Reporter(), None)  # type: ignore[arg-type]
    assert "cannot be told" in learned_note(run, other, np.arange(24))  # type: ignore[arg-type]


def test_the_precision_is_that_of_the_run(home: Home) -> None:
    for precision in ("float32", "bfloat16"):
        run = train_run(home, TrainingConfig(**(SMALL | {"epochs": 1, "precision": precision})), Blobs(16), Reporter())
        assert run.card["device"].endswith(precision)
    losses = [run.events()[1]["train"] for run in runs.runs(home) if not run.shipped]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)
