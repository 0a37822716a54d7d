"""One at a time, in the order in which they were asked for, whatever happens to the others. Real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from engine.core import progress
from engine.core.errors import Stopped
from engine.core.progress import Reporter
from engine.core.storage import write_json
from engine.jobs import job as jobs
from engine.jobs.job import WAITING, Job
from engine.jobs.queue import turn
from tests.counts import count

ROOT = Path(__file__).resolve().parents[3]
WORKER = """
import sys, time
from pathlib import Path
from engine.jobs.job import work
from engine.jobs.queue import turn

folder, late = Path(sys.argv[1]), float(sys.argv[2])

def hold(arguments, reporter):
    time.sleep(late)  # what an import takes on a busy machine
    with turn(folder.parent, "training", reporter):
        reporter.update("Training", 1, 2)
        with open(folder.parent / "order.txt", "a") as order:
            order.write(folder.name + " begins" + chr(10))
        while not (folder / "enough").exists():
            time.sleep(0.01)
            reporter.stop_if_asked()
        with open(folder.parent / "order.txt", "a") as order:
            order.write(folder.name + " ends" + chr(10))

work(folder, {"hold": hold})
"""

MANY = """
import os, sys, time
from pathlib import Path
from engine.jobs.job import work
from engine.jobs.queue import turn

def hold(arguments, reporter):
    with turn(folder.parent, "training", reporter):
        for what in ("begins", "ends"):
            with open(folder.parent / "order.txt", "a") as order:
                order.write(folder.name + " " + what + chr(10))
            time.sleep(0.02)

for folder in sorted(Path(sys.argv[1]).glob("*/")):
    child = os.fork()
    if not child:
        work(folder, {"hold": hold})
        os._exit(0)
    print(child, flush=True)
print("all", flush=True)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
"""
QUEUED = count(20, 100)


class Started:
    """Jobs in processes of their own, which hold the slot until they are told that it is enough."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __call__(self, id: str, late: float = 0.0) -> Job:
        folder = self.root / id
        folder.mkdir()
        write_json(folder / "config.json", {"kind": "hold", "title": id, "arguments": {}, "started": time.time()})
        command = [sys.executable, "-c", WORKER, str(folder), str(late)]
        self.processes[id] = subprocess.Popen(command, cwd=ROOT)
        return Job(folder)

    def enough(self, job: Job) -> None:
        (job.folder / "enough").touch()

    def order(self) -> list[str]:
        path = self.root / "order.txt"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    made = Started(tmp_path)
    yield made
    for process in made.processes.values():
        process.kill()
        process.wait()


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    assert true()


@pytest.mark.slow
def test_three_started_at_once_go_one_by_one_in_the_order_of_their_ids(started: Started) -> None:
    first, second, third = started("1-hold", 0.6), started("2-hold", 0.3), started("3-hold")
    until(lambda: first.progress.stage == "Training" and second.waiting and third.waiting)
    assert not first.waiting
    assert second.progress.stage == WAITING
    for job in (first, second, third):
        until(lambda job=job: f"{job.id} begins" in started.order())  # type: ignore[misc]
        started.enough(job)
    until(lambda: not third.alive)
    assert started.order() == [f"{n}-hold {word}" for n in (1, 2, 3) for word in ("begins", "ends")]
    assert {job.state for job in (first, second, third)} == {"done"}
    assert [job.id for job in jobs.jobs(started.root)] == ["3-hold", "2-hold", "1-hold"]
    assert not list(started.root.glob("*/*.waiting"))


@pytest.mark.slow
def test_a_killed_holder_and_a_killed_waiter_hold_nobody_up(started: Started) -> None:
    first = started("1-hold")
    until(lambda: first.progress.stage == "Training")
    second, third = started("2-hold"), started("3-hold")
    until(lambda: second.waiting and third.waiting)
    for job in (second, first):
        os.kill(started.processes[job.id].pid, signal.SIGKILL)
        started.processes[job.id].wait()
    until(lambda: "3-hold begins" in started.order())
    assert not second.waiting
    assert (first.state, second.state, third.waiting) == ("interrupted", "interrupted", False)


@pytest.mark.slow
def test_a_waiter_is_stopped_at_once(started: Started) -> None:
    first = started("1-hold")
    until(lambda: first.progress.stage == "Training")
    second, third = started("2-hold"), started("3-hold")
    until(lambda: second.waiting and third.waiting)
    second.stop()
    assert second.wait(2) == "stopped"
    started.enough(first)
    started.enough(third)
    assert third.wait(10) == "done"
    assert "2-hold begins" not in started.order()


def test_work_without_a_folder_takes_turns_too(tmp_path: Path) -> None:
    with turn(tmp_path / "jobs", "training", Reporter()):
        waiting = Job(tmp_path / "jobs" / "1-hold")
        waiting.folder.mkdir()
        write_json(
            waiting.folder / "config.json", {"kind": "hold", "title": "", "arguments": {}, "started": time.time()}
        )
        (waiting.folder / "stop").touch()
        with pytest.raises(Stopped), turn(tmp_path / "jobs", "training", Reporter(waiting.folder)):
            raise AssertionError("the slot was not free")
        with turn(tmp_path / "jobs", "another slot", Reporter()):
            pass
    stages: list[str] = []
    with turn(tmp_path / "jobs", "training", Reporter(listen=lambda progress: stages.append(progress.stage))):
        assert stages == []


def test_a_failure_inside_gives_the_turn_back(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), turn(tmp_path, "training", Reporter()):
        raise ZeroDivisionError
    with turn(tmp_path, "training", Reporter()):
        pass


def test_who_waits_at_a_command_line_can_stop_waiting(tmp_path: Path) -> None:
    """Without a folder a stop comes through the listener only."""
    told: list[str] = []

    def listen(progress: progress.Progress) -> None:
        told.append(progress.stage)
        if len(told) > 1:
            raise Stopped

    def wait() -> None:
        with suppress(Stopped), turn(tmp_path, "training", Reporter(listen=listen)):
            told.append("its turn")

    with turn(tmp_path, "training", Reporter()):
        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        waiting.join(5)
        stopped = not waiting.is_alive()
    waiting.join()
    assert stopped
    assert told == [WAITING, WAITING]


@pytest.mark.slow
def test_many_jobs_go_one_by_one_though_every_third_is_killed(tmp_path: Path) -> None:
    for number in range(QUEUED):
        folder = tmp_path / f"{number:03d}"
        folder.mkdir()
        write_json(folder / "config.json", {"kind": "hold", "title": "", "arguments": {}, "started": time.time()})
    command = [sys.executable, "-c", MANY, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        workers = [int(line) for line in iter(process.stdout.readline, "all\n")]
        killed = workers[2::3]
        for worker in killed:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        assert process.wait(250) == 0
    lines = [line.split() for line in (tmp_path / "order.txt").read_text().splitlines()]
    begun = [name for name, what in lines if what == "begins"]
    ended = [name for name, what in lines if what == "ends"]
    spared = {f"{number:03d}" for number in range(QUEUED) if number % 3 != 2}
    assert len(workers) == QUEUED
    assert spared <= set(ended)
    assert begun == sorted(begun)
    for (name, what), (after, then) in pairwise(lines):
        if what == "begins" and (after, then) != (name, "ends"):
            assert name not in spared  # it was killed while it held the slot
    assert {Job(tmp_path / name).state for name in spared} == {"done"}
