"""One at a time: what must not run beside its like waits for its turn, in the order in which it was asked for.

A lane is a lock file among the job folders, held by the process whose turn it is; the system frees it when that process
ends, however it ends. Who waits says so by a file in its own job folder, so a waiter that dies waits no longer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from engine.core.errors import Corrupt
from engine.core.progress import Reporter
from engine.jobs.job import WAITING, Job

_POLL = 0.3  # seconds between two looks whether it is one's turn; also how soon a stop is obeyed


@contextmanager
def turn(root: Path, lane: str, reporter: Reporter) -> Iterator[None]:
    """Hold `lane` among the jobs of `root` while the body runs; wait for it first. Turns of one lane do not nest.

    Older jobs go first, by their id; work without a job folder goes when no job waits.

    Raises:
        Stopped: a person asked for it while it waited.
    """
    root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(root / f"{lane}.lane")
    try:
        if not _taken(lock, root, lane, reporter):
            _wait(lock, root, lane, reporter)
        yield
    finally:
        lock.release()


def _taken(lock: FileLock, root: Path, lane: str, reporter: Reporter) -> bool:
    """Take the lane if it is free and nobody older wants it."""
    if _somebody_is_ahead(root, lane, reporter.folder):
        return False
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


def _wait(lock: FileLock, root: Path, lane: str, reporter: Reporter) -> None:
    mark = reporter.folder / _mark(lane) if reporter.folder else None
    if mark:
        mark.touch()  # before the first event: an older job without either counts as one that may still want the lane
    try:
        reporter.update(WAITING, 0, 0)
        while not _taken(lock, root, lane, reporter):
            time.sleep(_POLL)
            reporter.repeat()
    finally:
        if mark:
            mark.unlink(missing_ok=True)
    reporter.update("Starting", 0, 0)


def _somebody_is_ahead(root: Path, lane: str, own: Path | None) -> bool:
    """Whether an older job waits for the lane, or has been started as one of the same kind and is not that far yet."""
    kind = Job(own).kind if own else None
    older = (folder for folder in root.glob("*/") if own is None or folder.name < own.name)
    return any(_wants(folder, lane, kind) for folder in older)


def _wants(folder: Path, lane: str, kind: str | None) -> bool:
    if (folder / "result.json").exists():
        return False
    begun = (folder / "events.jsonl").exists()  # looked at first: a waiter leaves its mark before its first event
    try:
        if (folder / _mark(lane)).exists():
            return Job(folder).alive
        return not begun and (folder / "config.json").exists() and Job(folder).kind == kind and Job(folder).alive
    except (Corrupt, FileNotFoundError):
        return False


def _mark(lane: str) -> str:
    return f"{lane}.waiting"
