"""Threads for compiled work: how many, and what happens where several threads of the program ask for them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, wraps
from threading import RLock
from typing import Any

# Seconds of work from which on waking other cores pays, even where these are busy with other things.
_WORTH_THREADS = 4e-3

_TURN = RLock()


def parallel(loop: Callable[..., None]) -> Callable[..., None]:
    """The function compiled, its `prange` spread over the cores; several threads may call it at once."""
    from numba import njit

    compiled = njit(cache=True, parallel=True)(loop)

    @wraps(loop)
    def in_turn(*arguments: Any) -> None:
        with turn():
            compiled(*arguments)

    return in_turn


@cache
def turn() -> AbstractContextManager[object]:
    """A context in which this thread may run numba's parallel loops; others wait for it where the system demands that.

    Loops of several threads get along on OpenMP or TBB. Where neither is installed, as in a bare container, numba takes
    threads of its own, and would abort the process.
    """
    from numba.np.ufunc.parallel import get_num_threads, threading_layer

    get_num_threads()  # starts them; what they are is not known before
    return _TURN if threading_layer() == "workqueue" else nullcontext()


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
