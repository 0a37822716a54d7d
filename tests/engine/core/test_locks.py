"""Looking at a lock never takes it."""

from __future__ import annotations

import threading
from pathlib import Path

from filelock import FileLock

from engine.core import locks
from engine.core.locks import held


def test_who_looks_whether_a_lock_is_held_is_no_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not held(path)
    with FileLock(path):
        assert held(path)
    found: list[bool] = []
    looking = [threading.Thread(target=lambda: found.extend(held(path) for _ in range(500))) for _ in range(4)]
    for thread in looking:
        thread.start()
    for thread in looking:
        thread.join()
    assert len(found) == 2000
    assert not any(found)


def test_without_a_shared_look_a_lock_that_cannot_be_taken_is_held(tmp_path: Path) -> None:
    """The way of systems without flock."""
    path = tmp_path / "lock"
    assert not locks._cannot_be_taken(path)
    with FileLock(path):
        assert locks._cannot_be_taken(path)
    assert not locks._cannot_be_taken(path)
