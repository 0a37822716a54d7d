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
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.core.errors import BenzerError, NameTaken
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.store import Store
from engine.encoders import choices
from engine.runs import listing as runs
from engine.runs.run import Run
from engine.training import TrainingConfig, continue_run, train_run
from tests.engine.killing import Killable, killable
from tests.engine.narrow import narrow
from tests.engine.training.conftest import Blobs
from tests.engine.training.told import train_and_tell

RESTLESS: dict[str, Any] = {
    "model": 1, "size": 32, "batch": 8, "epochs": 3, "noise": 0.1, "flip": True, "schedule": "plateau", "probe": 16,
}  # fmt: skip
HERE = "tests.engine.training.test_survival"
STEPS = 3  # of an epoch: 21 of 24 pictures in batches of 8
SEEN = ("epoch", "train", "validation", "mse", "ssim", "retrieval", "rate", "best")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Pictures this small gain nothing from several threads, and wait for them where the machine is busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def train_blobs(root: str, name: str) -> None:
    """Begin the run of that name, or go on with it."""
    narrow()
    train_and_tell(root, name, Blobs(24), RESTLESS)


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
        if work(str(root), name, kill_after=chance.uniform(0, 0.7 * longest)):  # what is left gets shorter each time
            return kills
        kills += 1
        if not (home.weights / name / "run.json").exists():
            continue
        run = runs.run(home, name)
        assert run.state in ("interrupted", "done")
        check_whole(run)
        if run.state == "done":  # the kill hit between its end and that of its process
            return kills
        epoch, step = position(run)
        told = (root / f"{name}.told").read_bytes().count(b"\n") if (root / f"{name}.told").exists() else 0
        assert STEPS * epoch + step >= before + told - 2, "more than the last and the one being written is lost"
        before = STEPS * epoch + step


@pytest.mark.slow
def test_a_training_killed_at_any_moment_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    chance, kills, first = random.Random(0), 0, (str(tmp_path), "whole")
    with killable(HERE, "train_blobs", first, BENZER_CHECKPOINT_SECONDS="0") as work:
        began = time.monotonic()
        assert work(str(tmp_path), "again")
        longest = time.monotonic() - began
        whole = runs.run(Home(tmp_path), "whole")
        for number in range(20):
            kills += killed_to_the_end(work, tmp_path, f"parts-{number}", longest, chance)
            run = runs.run(Home(tmp_path), f"parts-{number}")
            assert (run.state, run.digest, history(run)) == ("done", whole.digest, history(whole))
            assert not list(run.folder.glob("**/.building-*"))
            if kills >= 12:
                return
    raise AssertionError(f"only {kills} kills hit")


# ── a disk that refuses ──────────────────────────────────────────────────────────────────────────────────────────────


class Disk:
    """Counts what is written — files opened to write, synced, renamed, folders made — and refuses from the k-th on."""

    def __init__(self, patch: pytest.MonkeyPatch, at: int, lasting: bool) -> None:
        self.at, self.lasting, self.calls = at, lasting, 0
        for module, name in ((os, "fsync"), (os, "replace"), (os, "rename"), (os, "mkdir")):
            patch.setattr(module, name, self.refusing(getattr(module, name)))
        for module, name in ((builtins, "open"), (io, "open"), (os, "open")):
            patch.setattr(module, name, self.refusing(getattr(module, name), self.writes))

    @staticmethod
    def writes(path: Any, mode: Any = "r", *_: Any, **__: Any) -> bool:
        return bool(mode & (os.O_WRONLY | os.O_RDWR)) if isinstance(mode, int) else any(c in mode for c in "wax+")

    def refusing(self, real: Callable[..., Any], counts: Callable[..., bool] = lambda *_, **__: True) -> Any:
        def call(*values: Any, **named: Any) -> Any:
            if counts(*values, **named):
                self.calls += 1
                if self.calls == self.at or (self.lasting and self.calls > self.at):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*values, **named)

        return call


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home with a run of one epoch, and the digest it has after the second."""
    root = tmp_path_factory.mktemp("trained")
    config = TrainingConfig(**(RESTLESS | {"epochs": 1, "batch": 16, "probe": 0, "keep_state": True}), name="mine")
    train_run(Home(root), config, Blobs(16), Reporter())
    shutil.copytree(root, root / "further")
    return root, continue_run(runs.run(Home(root / "further"), "mine"), Blobs(16), Reporter(), 2).digest


def attempt(root: Path, at: int, lasting: bool) -> tuple[str, int]:
    """Go on for a second epoch on a disk that refuses; the sentence, and how much was written until then."""
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk(patch, at, lasting)
        try:
            continue_run(runs.run(Home(root), "mine"), Blobs(16), Reporter(), 2)
        except BenzerError as error:
            return str(error), disk.calls
    return "", disk.calls


@pytest.mark.slow
def test_a_disk_that_refuses_any_write_leaves_all_as_it_was(trained: tuple[Path, str], tmp_path: Path) -> None:
    source, digest = trained
    lasting = True
    for at in count(1, 5):  # every fifth of about a hundred; all of them hold, and take minutes
        lasting = not lasting
        root = tmp_path / str(at)
        shutil.copytree(source / "weights", root / "weights")
        said, calls = attempt(root, at, lasting)
        if calls < at:
            break
        run = runs.run(Home(root), "mine")
        assert run.state in ("failed", "interrupted", "stopped", "done"), at
        assert run.ready, at
        check_whole(run)
        assert "disk refused to store" in said or not lasting, at
        if run.epochs_done < 2 or run.state != "done":
            continue_run(run, Blobs(16), Reporter(), 2)
        assert (run.state, run.digest, [event["epoch"] for event in run.events()]) == ("done", digest, [0, 1, 2]), at
        shutil.rmtree(root)
    assert at > 60


# ── damaged by hand ──────────────────────────────────────────────────────────────────────────────────────────────────


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES = [flipped, truncated, Path.unlink]
DEPENDED_ON = ("weights-*.safetensors", "checkpoint/*/last.safetensors", "checkpoint/*/adam.safetensors",
               "checkpoint/*/position.json", "checkpoint/*/manifest.json", "checkpoint/current.json")  # fmt: skip


@pytest.fixture
def two(trained: tuple[Path, str], tmp_path: Path) -> tuple[Home, Run]:
    """A home with two runs, and one of them to be damaged."""
    for name in ("mine", "other"):
        shutil.copytree(trained[0] / "weights" / "mine", tmp_path / "weights" / name)
    return Home(tmp_path), runs.run(Home(tmp_path), "mine")


def used_in_every_way(home: Home) -> list[str]:
    """What a person may do with the run `mine`; the sentences that say why not."""
    said = []
    ways: list[Callable[[Run], object]] = [
        lambda run: (run.state, run.title, run.epochs_done, run.size_bytes, run.events(), run.notes()),
        lambda run: (run.probe(), [run.watched(epoch) for epoch in run.watched_epochs()]),
        lambda run: run.load(),
        lambda run: run.archive(),
        lambda run: continue_run(run, Blobs(16), Reporter(), 2),
    ]
    for way in ways:
        try:
            way(runs.run(home, "mine"))
        except BenzerError as error:
            said.append(str(error))
    return said


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("pattern", DEPENDED_ON)
def test_damage_to_what_is_depended_on_is_one_sentence_that_names_the_file(
    two: tuple[Home, Run], pattern: str, damage: Callable[[Path], None]
) -> None:
    home, run = two
    path = max(run.folder.glob(pattern))
    damage(path)
    said = used_in_every_way(home)
    if pattern == "checkpoint/current.json" and damage is Path.unlink:  # no checkpoint is there then: from the start
        assert not said
    else:
        assert said
        assert all(path.name in sentence or path.parent.name in sentence for sentence in said), said
    assert {found.name for found in runs.runs(home)} >= {"mine", "other"}
    assert "model-1@other" in {f"{choice.name}@{choice.weights}" for choice in choices(home) if choice.ready}


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("pattern", ["events.jsonl", "watch/probe.json", "watch/0001.json", "tensorboard/*"])
def test_damage_to_what_only_people_look_at_stops_nothing(
    two: tuple[Home, Run], pattern: str, damage: Callable[[Path], None]
) -> None:
    home, run = two
    for path in run.folder.glob(pattern):
        damage(path)
    assert used_in_every_way(home) == []
    assert runs.run(home, "mine").state == "done"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_run_without_its_facts_is_not_listed_and_hides_no_other(
    two: tuple[Home, Run], damage: Callable[[Path], None]
) -> None:
    home, run = two
    damage(run.folder / "run.json")
    assert [found.name for found in runs.runs(home) if not found.shipped] == ["other"]
    assert {choice.weights for choice in choices(home) if choice.ready} >= {"other"}
    said = used_in_every_way(home)
    assert len(said) >= 4
    assert all("run.json" in sentence or "no run 'mine'" in sentence for sentence in said)
    with pytest.raises(NameTaken):  # what is left of it is not written over
        runs.create(home, "mine", {}, {})


def test_of_trainings_of_one_name_that_begin_at_once_one_wins(tmp_path: Path) -> None:
    home, together, said = Home(tmp_path), threading.Barrier(4), list[str]()

    def start() -> None:
        for number in range(50):
            together.wait()
            try:
                runs.create(home, f"run-{number}", {"model": 1}, {})
            except NameTaken as error:
                said.append(str(error))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 3 * 50
    assert len([run for run in runs.runs(home) if not run.shipped]) == 50
