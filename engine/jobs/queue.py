"""One at a time: what must not run beside its like waits for its turn, in the order in which it was asked for.

A slot is a lock file among the job folders, held by the process whose turn it is; the system frees it when that process
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
def turn(root: Path, slot: str, reporter: Reporter) -> Iterator[None]:
    """Hold `slot` among the jobs of `root` while the body runs; wait for it first. Turns of one slot do not nest.

    Older jobs go first, by their id; work without a job folder goes when no job waits.

    Raises:
        Stopped: a person asked for it while it waited.
    """
    root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(root / f"{slot}.lane")
    try:
        if not _taken(lock, root, slot, reporter):
            _wait(lock, root, slot, reporter)
        yield
    finally:
        lock.release()


def _taken(lock: FileLock, root: Path, slot: str, reporter: Reporter) -> bool:
    """Take the slot if it is free and nobody older wants it."""
    if _somebody_is_ahead(root, slot, reporter.folder):
        return False
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


def _wait(lock: FileLock, root: Path, slot: str, reporter: Reporter) -> None:
    mark = reporter.folder / _mark(slot) if reporter.folder else None
    if mark:
        mark.touch()  # before the first event: an older job without either counts as one that may still want the slot
    try:
        reporter.update(WAITING, 0, 0)
        while not _taken(lock, root, slot, reporter):
            time.sleep(_POLL)
            reporter.repeat()
    finally:
        if mark:
            mark.unlink(missing_ok=True)
    reporter.update("Starting", 0, 0)


def _somebody_is_ahead(root: Path, slot: str, own: Path | None) -> bool:
    """Whether an older job waits for the slot, or has been started as one of the same kind and is not that far yet."""
    kind = Job(own).kind if own else None
    older = (folder for folder in root.glob("*/") if own is None or folder.name < own.name)
    return any(_wants(folder, slot, kind) for folder in older)


def _wants(folder: Path, slot: str, kind: str | None) -> bool:
    if (folder / "result.json").exists():
        return False
    begun = (folder / "events.jsonl").exists()  # looked at first: a waiter leaves its mark before its first event
    try:
        if (folder / _mark(slot)).exists():
            return Job(folder).alive
        return not begun and (folder / "config.json").exists() and Job(folder).kind == kind and Job(folder).alive
    except (Corrupt, FileNotFoundError):
        return False


def _mark(slot: str) -> str:
    return f"{slot}.waiting"
