"""How much memory is free: sizes that a file claims are compared with it before anything is allocated."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from engine.core.errors import OutOfMemory
from engine.core.humanize import file_size

_MEMINFO = Path("/proc/meminfo")
_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")
# Limit, usage, and the statistic of droppable usage: of control groups version 2, and of version 1.
_FILES = ("memory.max", "memory.current", "inactive_file")
_FILES_OF_OLD = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def free_memory() -> int | None:
    """The bytes that can be allocated without swapping; None if the system does not say.

    Where only the installed memory is known, all of it. The limits of control groups (containers) are respected.
    """
    known = [free for free in (_free_on_computer(), *_free_in_groups()) if free is not None]
    return min(known, default=None)


def _free_on_computer() -> int | None:
    with suppress(OSError, ValueError, StopIteration):
        lines = _MEMINFO.read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _free_in_groups() -> Iterator[int]:
    """The bytes left below the limit of this process's control group, and of each group that contains it."""
    with suppress(OSError):
        for line in _OWN_GROUPS.read_text().splitlines():
            kinds, _, own = line.partition(":")[2].partition(":")
            if kinds and "memory" not in kinds.split(","):
                continue
            root, files = (_GROUPS / "memory", _FILES_OF_OLD) if kinds else (_GROUPS, _FILES)
            place = PurePosixPath(own.lstrip("/"))
            for group in (place, *place.parents):
                with suppress(OSError, ValueError):
                    yield _left(root / group, *files)


def _left(group: Path, limit: str, used: str, droppable: str) -> int:
    """The bytes left below a group's limit; ValueError if it has none. Cached files count as free."""
    most, now = int((group / limit).read_text()), int((group / used).read_text())
    statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    return max(0, most - now + int(statistics.get(droppable, 0)))


def check_memory(needed: int, what: str) -> None:
    """OutOfMemory if `what` needs more bytes than are free; both numbers are in the sentence."""
    free = free_memory()
    if free is not None and needed > free:
        raise OutOfMemory(f"{what} needs {file_size(needed)} of memory, and only {file_size(free)} are free.")


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory has run out, the computer's or a GPU's: libraries raise various types."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in words or "allocate memory" in words
