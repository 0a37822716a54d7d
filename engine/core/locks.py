"""Whether a process holds a lock file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from filelock import FileLock, Timeout


def held(path: Path) -> bool:
    """Whether a process holds this lock file. Concurrent checks do not mistake each other for a holder."""
    if sys.platform == "win32":
        return _cannot_be_taken(path)
    import fcntl

    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _cannot_be_taken(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        with FileLock(path, blocking=False):
            return False
    except Timeout:
        return True
