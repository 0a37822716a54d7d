"""How much memory is free: sizes that a file claims are compared with it before anything is allocated."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from engine.core.errors import OutOfMemory

_MEMINFO = Path("/proc/meminfo")


def free_memory() -> int | None:
    """The bytes that can be allocated without swapping, or all of this computer's; None if the system does not say."""
    with suppress(OSError, ValueError, StopIteration):
        lines = _MEMINFO.read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def check_memory(needed: int, what: str) -> None:
    """OutOfMemory if `what` needs more bytes than are free; both numbers are in the sentence."""
    free = free_memory()
    if free is not None and needed > free:
        raise OutOfMemory(f"{what} needs {needed >> 20:,} MB of memory, and only {free >> 20:,} MB are free.")
