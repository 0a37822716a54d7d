"""What a training takes on the disk is what was said, and what only continuing needs goes when it is finished."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.core.device import device
from engine.core.errors import BadParameter, Diverged, Stopped
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.runs import listing as runs
from engine.runs.run import Run
from engine.runs.state import all_runs, can_free, free, free_all, spare, state_bytes
from engine.training import TrainingConfig, continue_run, loop, train_run
from engine.training.checkpoint import Checkpoints
from engine.training.config import OBJECTIVES, with_defaults
from engine.training.disk import disk_use
from engine.training.pictures import Data
from engine.training.setup import objective_of
from engine.training.train import training_data
from tests.engine.training.stopping import SMALL, StopAfter


def small(objective: str, **more: Any) -> TrainingConfig:
    """A quick training of that objective that keeps what continuing needs."""
    given = {"objective": objective, "size": 32, "batch": 8, "epochs": 1, "probe": 0, "keep_state": True}
    models = {} if "small-resnet" in with_defaults({"objective": objective}).values() else {"model": 1}
    return TrainingConfig.from_dict(with_defaults({**given, **models, "clusters": 4, **more}))


@pytest.mark.parametrize(
    ("objective", "more"),
    [
        *((objective, {}) for objective in ("contrastive", "autoencoding", "deepcluster")),
        ("autoencoding", {"optimizer": "sgd"}),
        ("autoencoding", {"optimizer": "sgd", "momentum": 0.0}),
        ("autoencoding", {"optimizer": "rmsprop"}),
        ("autoencoding", {"optimizer": "nadam"}),
    ],
)
def test_the_disk_said_before_is_the_disk_taken(home: Home, blobs: Any, objective: str, more: dict[str, Any]) -> None:
    config = small(objective, name="sized", **{"probe": 0 if more else 24, **more})
    said = disk_use(config, blobs)
    run = train_run(home, config, blobs, Reporter())
    assert said.state == pytest.approx(state_bytes(run), rel=0.02)
    assert said.weights == pytest.approx(len(run.weights_data()), rel=0.02)
    assert said.after == pytest.approx(run.size_bytes, rel=0.15)  # samples of the epochs depend on the pictures
    assert 2 * said.state + 2 * said.weights < said.during
    free(run)
    assert disk_use(replace(config, keep_state=False), blobs).after == pytest.approx(run.size_bytes, rel=0.15)


def test_decoded_pictures_count_until_they_are_there(home: Home, blobs: Any) -> None:
    config = TrainingConfig(**SMALL)
    blobs.folder = home.datasets / "blobs"
    blobs.folder.mkdir(parents=True)
    assert disk_use(config, blobs).pixels == len(blobs) * 32 * 32 * 3
    (blobs.folder / "pixels" / "32").mkdir(parents=True)
    (blobs.folder / "pixels" / "32" / "current.json").write_text("{}")
    assert disk_use(config, blobs).pixels == 0


def test_a_disk_that_is_too_small_is_said(blobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    said = disk_use(TrainingConfig(**SMALL), blobs)
    assert said.fits
    assert "has" not in said.sentence()
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("", (), {"free": 1_500_000}))
    short = disk_use(TrainingConfig(**SMALL), blobs)
    assert not short.fits
    assert short.sentence().endswith("The disk has 1.5\xa0MB left.")


def test_a_finished_run_goes_on_from_its_kept_weights(home: Home, blobs: Any) -> None:
    """Freed later or never kept: nothing differs, and the note says which weights it went on from."""
    run = train_run(home, TrainingConfig(**SMALL, name="plain"), blobs, Reporter())
    kept = train_run(home, TrainingConfig(**SMALL, keep_state=True, name="kept"), blobs, Reporter())
    assert state_bytes(run) == 0 < state_bytes(kept)
    assert free(kept) > 0
    assert state_bytes(kept) == 0
    for one in (run, kept):
        continue_run(one, blobs, Reporter(), 3)
        assert [event["epoch"] for event in one.events()] == [0, 1, 2, 3]
        [note] = one.notes()
        assert (note["kind"], note["epoch_begun"], note["weights_of"]) == ("continued", 2, 2)
    assert run.digest == kept.digest
    assert state_bytes(kept) > 0  # it was asked to keep it


def test_the_first_loss_of_such_a_run_is_that_of_its_kept_weights(home: Home, blobs: Any) -> None:
    config = TrainingConfig(**(SMALL | {"rate": 1e-8}), name="slow")  # so slow that nothing changes
    run = train_run(home, config, blobs, Reporter())
    continue_run(run, blobs, Reporter(), 3)
    assert run.events()[-1]["validation"] == pytest.approx(run.events()[-2]["validation"], rel=1e-4)


def test_only_finished_runs_are_freed(home: Home, blobs: Any) -> None:
    with pytest.raises(Stopped):
        train_run(home, TrainingConfig(**SMALL, name="stopped"), blobs, StopAfter(1))
    run = runs.run(home, "stopped")
    assert state_bytes(run) > 0
    assert not can_free(run)
    with pytest.raises(BadParameter, match="a finished one"):
        free(run)
    assert not list(spare(all_runs(home)))
    continue_run(run, blobs, Reporter(), None)
    assert state_bytes(run) == 0


def test_a_run_prolonged_just_before_it_is_freed_keeps_its_state(
    home: Home, blobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train_run(home, TrainingConfig(**SMALL, keep_state=True, name="longer"), blobs, Reporter())
    before, locked = state_bytes(run), Run.locked

    def prolonged_first(run: Run) -> Any:
        run.prolong(9)
        return locked(run)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "locked", prolonged_first)
        with pytest.raises(BadParameter, match="a finished one"):
            free(run)
    assert state_bytes(run) == before
    other = runs.create(home, "other", run.config, {})
    shutil.copytree(run.folder / "checkpoint", other.folder / "checkpoint")
    other.end("done", 2)
    assert free_all([run, Run(home.weights / "deleted"), other]) > 0, "those that can be are freed"
    assert (state_bytes(run), state_bytes(other)) == (before, 0)


def test_runs_of_former_versions_are_found_and_freed(home: Home, blobs: Any) -> None:
    """They kept it without being asked, with no word of it in their settings."""
    run = train_run(home, TrainingConfig(**SMALL, keep_state=True, name="former"), blobs, Reporter())
    asked = train_run(home, TrainingConfig(**SMALL, keep_state=True, name="asked"), blobs, Reporter())
    facts = run.facts
    del facts["config"]["keep_state"]
    run._write(**facts)
    (home.weights / "damaged").mkdir()
    (home.weights / "damaged" / "run.json").write_text("{")
    assert [(found.name, size) for found, size in spare(all_runs(home))] == [("former", state_bytes(run))]
    free(run)
    assert not list(spare(all_runs(home)))
    assert can_free(asked)


def test_what_diverged_leaves_nothing_to_continue(home: Home, blobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENZER_CHECKPOINT_SECONDS", "0")
    monkeypatch.setattr(loop.Training, "finite", property(lambda training: training.position.epoch < 1))
    with pytest.raises(Diverged):
        train_run(home, TrainingConfig(**SMALL, name="wild"), blobs, Reporter())
    run = runs.run(home, "wild")
    assert run.ready
    assert not (run.folder / "checkpoint").exists()


def test_a_checkpoint_is_written_beside_the_steps(home: Home, blobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps go on while the disk is busy; what is stored is the state from before them."""
    config, busy = TrainingConfig(**SMALL, name="beside"), threading.Event()
    run = runs.create(home, "beside", config.as_dict(), {})
    training = loop.Training.on_pictures(config, training_data(config, blobs, Reporter()), run, Reporter(), device())
    publish = Checkpoints._publish
    monkeypatch.setattr(Checkpoints, "_publish", lambda *values: (busy.wait(30), publish(*values)))
    training.begin()
    training.begin_epoch()
    weights = {name: value.clone() for name, value in training.objective.network.state_dict().items()}
    training.checkpoint()
    training.step(training.learning[:8])  # not held up by the disk
    assert not (run.folder / "checkpoint" / "current.json").exists()
    busy.set()
    training.checkpoints.wait()
    training.close()
    assert weights.keys() == stored(run).keys()
    assert all((stored(run)[name] == value).all() for name, value in weights.items())


def stored(run: Run) -> dict[str, Any]:
    path: Path = max((run.folder / "checkpoint").glob("*/last.safetensors"))
    return load_file(path)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_kept_weights_can_be_set_in_every_objective(objective: str) -> None:
    """What `weights` gives are the network's own tensors: a run goes on from them."""
    config = small(objective)
    data = Data(np.zeros((16, 32, 32, 3), np.uint8), np.arange(16), ("a", "b") * 8)
    trained = objective_of(config, data, device(), None)
    with torch.no_grad():
        for weight in trained.weights().values():
            weight.fill_(0.5)
    assert all((weight == 0.5).all() for weight in trained.weights().values())
    assert any((weight == 0.5).all() for weight in trained.network.parameters())
