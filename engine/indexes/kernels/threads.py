"""The number of threads for a piece of compiled work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

# Seconds of work from which on waking other cores pays, even where these are busy with other things.
_WORTH_THREADS = 4e-3


@contextmanager
def threads_for(seconds: float) -> Iterator[int]:
    """A context in which numba uses one thread for work too short to be worth waking others; yields the number of
    threads.
    """
    import numba

    former = numba.get_num_threads()
    numba.set_num_threads(former if seconds >= _WORTH_THREADS else 1)
    try:
        yield numba.get_num_threads()
    finally:
        numba.set_num_threads(former)
