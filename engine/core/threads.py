"""Many items processed by one thread for each core, for libraries that release the interpreter while they compute."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
_AT_ONCE = 64  # items between two reports


def cores() -> int:
    """The number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def in_threads(work: Callable[[T], R], items: Sequence[T], report: Callable[[int], object]) -> Iterator[R]:
    """The results in the order of the items.

    Args:
        report: called with the number of finished items every now and then; what it raises ends the work.
    """
    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(items), _AT_ONCE):
            report(start)
            yield from pool.map(work, items[start : start + _AT_ONCE])
    report(len(items))
