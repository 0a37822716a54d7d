"""Trainings that end at an odd moment: stopped while measuring, killed at the end, out of memory or disk."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from engine.core.errors import BadParameter, Diverged, OutOfMemory, Stopped, StorageFull
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.runs import listing as runs
from engine.runs.run import Run
from engine.training import TrainingConfig, continue_run, loop, train_run
from engine.training.checkpoint import Checkpoints
from engine.training.estimate import estimate
from engine.training.objectives.autoencoding import Autoencoding
from tests.engine.training.stopping import SMALL, StopAfter


def retrieval_goes(monkeypatch: pytest.MonkeyPatch, *course: float) -> None:
    values, validate = iter(course), loop.Training.validate
    monkeypatch.setattr(
        loop.Training, "validate", lambda self, epoch: validate(self, epoch) | {"retrieval": next(values)}
    )


@pytest.mark.parametrize("schedule", ["one-cycle", "warm-restarts"])
def test_the_rate_is_noted_right_where_a_stop_came_while_an_epoch_was_measured(
    home: Home, blobs: Any, schedule: str
) -> None:
    config = SMALL | {"schedule": schedule}
    whole = train_run(home, TrainingConfig(**config, name="whole"), blobs, Reporter())
    with pytest.raises(Stopped):
        train_run(home, TrainingConfig(**config, name="parts"), blobs, StopAfter(2))  # at the last batch of an epoch
    run = continue_run(runs.run(home, "parts"), blobs, Reporter(), None)
    assert [event.get("rate") for event in run.events()] == [event.get("rate") for event in whole.events()]


def test_an_early_stop_stays_one_where_its_process_dies_at_the_end(
    home: Home, blobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    retrieval_goes(monkeypatch, 0.2, 0.3, 0.3, 0.3)
    config = TrainingConfig(**(SMALL | {"epochs": 5}), keep="retrieval", patience=1, name="patient")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "end", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            train_run(home, config, blobs, Reporter())
    run = continue_run(runs.run(home, "patient"), blobs, Reporter(), None)
    assert (run.state, run.epochs_done) == ("done", 2)


def test_after_an_early_stop_the_planned_epochs_can_be_asked_for(
    home: Home, blobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    retrieval_goes(monkeypatch, 0.2, 0.3, 0.3, 0.4, 0.5)
    config = TrainingConfig(**(SMALL | {"epochs": 4}), keep="retrieval", patience=1, name="patient")
    run = train_run(home, config, blobs, Reporter())
    assert (run.state, run.epochs_done) == ("done", 2)
    continue_run(run, blobs, Reporter(), 4)
    assert (run.state, run.epochs_done, run.card["best_epoch"]) == ("done", 4, 4)


def test_what_diverged_is_not_trained_on(home: Home, blobs: Any) -> None:
    run = train_run(home, TrainingConfig(**SMALL, name="wild"), blobs, Reporter())
    run.end("failed", 2, error="The loss stopped being a number.", diverged=True)
    with pytest.raises(BadParameter, match=r"which is failed'\. Train a new run with a lower learning rate"):
        continue_run(run, blobs, Reporter(), 4)
    assert (run.state, run.config["epochs"]) == ("failed", 2)


def test_what_is_being_trained_is_not_given_more_epochs(home: Home, blobs: Any) -> None:
    run = train_run(home, TrainingConfig(**SMALL, name="busy"), blobs, Reporter())
    with run.training(), pytest.raises(BadParameter, match=r"Wait until it has ended"):
        continue_run(run, blobs, Reporter(), 4)
    assert run.config["epochs"] == 2


def test_fewer_readable_pictures_are_not_taken_for_the_same(
    home: Home, blobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Stopped):
        train_run(home, TrainingConfig(**SMALL, name="stopped"), blobs, StopAfter(2))
    whole = type(blobs).pixels

    def some(self: Any, size: int, report: Reporter) -> Any:
        ids, pixels = whole(self, size, report)
        return ids[1:], pixels[1:]

    monkeypatch.setattr(type(blobs), "pixels", some)
    with pytest.raises(BadParameter, match="must be 24, as when the run stopped began; got 23"):
        continue_run(runs.run(home, "stopped"), blobs, Reporter(), None)


def test_no_validation_loss_is_reported_if_nothing_is_held_out(home: Home, blobs: Any) -> None:
    run = train_run(home, TrainingConfig(**SMALL, validation=0.0), blobs, Reporter())
    assert all("validation" not in event for event in run.events())
    assert "validation_loss" not in run.card
    assert run.card["train_loss"] == min(event["train"] for event in run.events()[1:])


def test_weights_that_the_last_step_spoilt_are_not_kept(
    home: Home, blobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_epoch = loop.Training.one_epoch

    def spoilt(self: loop.Training) -> float:
        loss = one_epoch(self)
        if self.position.epoch == 1:
            torch.nn.init.constant_(next(self.objective.network.parameters()), math.nan)
        return loss

    monkeypatch.setattr(loop.Training, "one_epoch", spoilt)
    with pytest.raises(Diverged, match="best checkpoint up to epoch 1 is kept"):
        train_run(home, TrainingConfig(**SMALL, validation=0.0, name="spoilt"), blobs, Reporter())
    assert all(tensor.isfinite().all() for tensor in runs.run(home, "spoilt").load().values())


def test_a_stop_that_cannot_be_stored_is_reported_by_the_run(
    home: Home, blobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise StorageFull("The disk refused.")

    monkeypatch.setattr(Checkpoints, "save", full)
    with pytest.raises(StorageFull):
        train_run(home, TrainingConfig(**SMALL, name="stopped"), blobs, StopAfter(1))
    run = runs.run(home, "stopped")
    assert (run.state, run.error, run.can_continue) == ("failed", "The disk refused.", True)


def test_notes_outlive_a_checkpoint_that_lags_behind(home: Home, blobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off after an epoch that no checkpoint knows: that it was continued, and halved, still stands there."""
    loss = Autoencoding.loss

    def hungry(self: Autoencoding, images: torch.Tensor, *more: Any) -> torch.Tensor:
        if len(images) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return loss(self, images, *more)

    monkeypatch.setattr(Autoencoding, "loss", hungry)
    with pytest.raises(Stopped):
        train_run(home, TrainingConfig(**SMALL, name="cut-off"), blobs, StopAfter(0))
    run = runs.run(home, "cut-off")
    run.note(epoch=1, train=0.5)
    continue_run(run, blobs, Reporter(), None)
    assert sorted(note["kind"] for note in run.notes()) == ["continued", "halved"]
    assert [event["epoch"] for event in run.events()] == [0, 1, 2]


def test_a_lost_file_of_events_is_not_begun_with_a_trained_network_as_the_untrained(home: Home, blobs: Any) -> None:
    run = train_run(home, TrainingConfig(**SMALL, name="mine"), blobs, Reporter())
    (run.folder / "events.jsonl").unlink()
    continue_run(run, blobs, Reporter(), 3)
    assert [event["epoch"] for event in run.events()] == [3]


def test_an_estimate_of_an_absurd_rate_measures_time_only() -> None:
    assert estimate(TrainingConfig(**(SMALL | {"rate": 1000.0})), 100).seconds > 0


def test_a_finished_run_keeps_one_checkpoint(home: Home, blobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENZER_CHECKPOINT_SECONDS", "0")
    run = train_run(home, TrainingConfig(**SMALL, keep_state=True), blobs, Reporter())
    assert len(list((run.folder / "checkpoint").glob("0*"))) == 1
    continue_run(run, blobs, Reporter(), 3)
    assert run.epochs_done == 3


def test_short_memory_beside_the_batches_is_one_sentence(
    home: Home, blobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hungry(self: loop.Training, epoch: int) -> dict[str, float]:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(loop.Training, "validate", hungry)
    with pytest.raises(OutOfMemory, match="Try smaller pictures"):
        train_run(home, TrainingConfig(**SMALL, name="short"), blobs, Reporter())
    assert runs.run(home, "short").state == "failed"
