"""Seconds and peak memory of a program with all the processes that it starts, as Linux counts them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.core.home import PROJECT

_BETWEEN = 0.1  # seconds between two looks
_PROC = Path("/proc")


@dataclass(frozen=True)
class Spent:
    """What a program took: seconds, and at its peak the megabytes of all its processes together.

    `own` leaves out pages of mapped files, which the system takes back when it needs them; `resident` has them.
    """

    seconds: float
    own: float
    resident: float


def measured(command: Sequence[str], **environment: str) -> Spent:
    """Run a program to its end; RuntimeError if it fails."""
    began, peak = time.monotonic(), (0.0, 0.0)
    process = subprocess.Popen(command, cwd=PROJECT, env=os.environ | environment)
    while process.poll() is None:
        now = memory(process.pid)
        peak = max(peak[0], now[0]), max(peak[1], now[1])
        time.sleep(_BETWEEN)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed.")
    return Spent(time.monotonic() - began, *peak)


def memory(root: int) -> tuple[float, float]:
    """Megabytes of a process and all below it: of its own, and resident."""
    # Not by a pattern of files: a process that ends meanwhile would end the search.
    parents = {int(name): _parent(_PROC / name / "stat") for name in os.listdir(_PROC) if name.isdigit()}
    family, grown = {root}, True
    while grown:
        below = {id for id, parent in parents.items() if parent in family} - family
        family, grown = family | below, bool(below)
    return sum(_of(id, "RssAnon", "RssShmem") for id in family), sum(_of(id, "VmRSS") for id in family)


def _parent(stat: Path) -> int:
    with suppress(OSError):
        return int(stat.read_text().rpartition(")")[2].split()[1])
    return 0


def _of(id: int, *fields: str) -> float:
    with suppress(OSError):
        lines = (_PROC / str(id) / "status").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.partition(":")[0] in fields) / 1024
    return 0.0
