"""A queue for jobs that must not run concurrently: each waits for its turn, in the order of the requests.

A slot is a lock file among the job folders, held by the process whose turn it is; the system releases it when that
process ends, in any way. A waiting job leaves a mark in its own folder, so a dead process no longer holds up the queue.
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

_POLL = 0.3  # seconds between two polls for the slot; also the delay before a stop is obeyed


@contextmanager
def turn(root: Path, slot: str, reporter: Reporter) -> Iterator[None]:
    """Wait for `slot` among the jobs of `root` and hold it while the body runs. A slot is not re-entrant.

    Older jobs go first, by id; work without a job folder goes when no job is waiting.

    Raises:
        Stopped: the user requested it during the wait.
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
    """Acquire the slot if it is free and no older job wants it."""
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
        mark.touch()  # before the first event: an older job with neither may still want the slot
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
    """Whether an older job waits for the slot, or is of the same kind and has not reached the queue yet."""
    kind = Job(own).kind if own else None
    older = (folder for folder in root.glob("*/") if own is None or folder.name < own.name)
    return any(_wants(folder, slot, kind) for folder in older)


def _wants(folder: Path, slot: str, kind: str | None) -> bool:
    if (folder / "result.json").exists():
        return False
    begun = (folder / "events.jsonl").exists()  # checked first: a waiting job leaves its mark before its first event
    try:
        if (folder / _mark(slot)).exists():
            return Job(folder).alive
        return not begun and (folder / "config.json").exists() and Job(folder).kind == kind and Job(folder).alive
    except (Corrupt, FileNotFoundError):
        return False


def _mark(slot: str) -> str:
    return f"{slot}.waiting"
