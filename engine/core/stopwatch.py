"""How long a piece of work takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def median_seconds(work: Callable[[], object], times: int) -> float:
    """The median of a few timings, after a call to warm up."""
    work()
    return statistics.median(seconds(work) for _ in range(times))


def seconds(work: Callable[[], object]) -> float:
    """The seconds that a call takes, by the clock."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
