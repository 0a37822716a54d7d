"""Whatever happens to a training, what is stored stays whole, and it goes on to the same bits."""

from __future__ import annotations

import builtins
import errno
import io
import os
import random
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.encoders import choices
from engine.errors import BenzerError, Corrupt, NameTaken, StorageFull
from engine.home import Home
from engine.jobs import Progress, Reporter
from engine.storage import Store, lines
from engine.training import TrainingConfig, continue_run, runs, train_run
from engine.training.runs import Run
from tests.engine.killing import Killable, killable
from tests.engine.training.conftest import Blobs

RESTLESS: dict[str, Any] = {
    "model": 1, "size": 32, "batch": 8, "epochs": 3, "noise": 0.1, "flip": True, "schedule": "plateau", "probe": 16,
}  # fmt: skip
HERE = "tests.engine.training.test_survival"
STEPS = 3  # of an epoch: 21 of 24 pictures in batches of 8
SEEN = ("epoch", "train", "validation", "mse", "ssim", "retrieval", "rate", "best")


def train_blobs(root: str, name: str) -> None:
    """Begin the run of that name, or go on with it; each step is told in a file before it may be in a checkpoint."""
    home, told = Home(Path(root)), os.open(Path(root) / f"{name}.told", os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def tell(progress: Progress) -> None:
        os.write(told, b"step\n")

    if (home.weights / name / "run.json").exists():
        continue_run(runs.run(home, name), Blobs(24), Reporter(listen=tell), None)
    else:
        train_run(home, TrainingConfig(**RESTLESS, name=name), Blobs(24), Reporter(listen=tell))


def position(run: Run) -> tuple[int, int]:
    """Finished epochs and steps of the last checkpoint, every byte of it checked."""
    snapshot = checkpoints(run).open()
    return (snapshot.facts["epoch"], snapshot.facts["step"]) if snapshot else (0, 0)


def checkpoints(run: Run) -> Store:
    return Store(run.folder / "checkpoint", format="checkpoint", version=1)


def check_whole(run: Run) -> None:
    """All that is stored of a run can be read."""
    assert not run.ready or run.load()
    position(run)
    assert all(run.watched(epoch) for epoch in run.watched_epochs())
    assert [event["epoch"] for event in run.events()] == list(range(len(run.events())))


def history(run: Run) -> list[list[Any]]:
    return [[event.get(name) for name in SEEN] for event in run.events()]


# ── killed ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def killed_to_the_end(work: Killable, root: Path, name: str, longest: float, chance: random.Random) -> int:
    """Train, killed at random moments again and again until it is done; the kills that hit."""
    home, kills, before = Home(root), 0, 0
    while True:
        (root / f"{name}.told").unlink(missing_ok=True)
        if work(str(root), name, kill_after=chance.uniform(0, longest)):
            return kills
        kills += 1
        if not (home.weights / name / "run.json").exists():
            continue
        run = runs.run(home, name)
        assert run.state in ("interrupted", "done")
        check_whole(run)
        epoch, step = position(run)
        told = (root / f"{name}.told").read_bytes().count(b"\n") if (root / f"{name}.told").exists() else 0
        assert STEPS * epoch + step >= before + told - 1, "more than one interval was lost"
        before = STEPS * epoch + step


@pytest.mark.slow
def test_a_training_killed_at_any_moment_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    chance, kills, first = random.Random(0), 0, (str(tmp_path), "whole")
    with killable(HERE, "train_blobs", first, BENZER_CHECKPOINT_SECONDS="0") as work:
        began = time.monotonic()
        assert work(str(tmp_path), "again")
        longest = time.monotonic() - began
        whole = runs.run(Home(tmp_path), "whole")
        for number in range(8):
            kills += killed_to_the_end(work, tmp_path, f"parts-{number}", longest, chance)
            run = runs.run(Home(tmp_path), f"parts-{number}")
            assert (run.state, run.digest, history(run)) == ("done", whole.digest, history(whole))
            assert not list(run.folder.glob("**/.building-*"))
            if kills >= 12:
                return
    raise AssertionError(f"only {kills} kills hit")
