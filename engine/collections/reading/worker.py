"""A process that reads pictures and may die of it: the program `python -m engine.collections.reading.worker`.

It takes requests one after another from a connection that its parent made, each with a function, its arguments and the
seconds it may take, and answers with the result or a Failure. When the connection ends, so does the worker.
"""

from __future__ import annotations

import contextlib
import resource
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from engine.collections.reading.worker_tasks import Failure

_OUT_OF_MEMORY = Failure("worker", "out-of-memory", "Reading the picture needs more memory than it may use.")


def main(handle: int, memory: int) -> None:
    """Answer requests until there are no more, with at most `memory` bytes beyond what the process starts with."""
    parent: Connection[Any, Any] = Connection(handle)
    _confine(memory)
    with contextlib.suppress(EOFError, ConnectionError):
        parent.send("ready")
        while True:
            parent.send(_answer(*parent.recv()))


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...], seconds: float) -> Any:
    _die_after(2 * seconds + 1)
    try:
        return function(*arguments)
    except MemoryError:
        return _OUT_OF_MEMORY
    except Exception as error:
        return Failure("worker", "failed", f"Reading the picture failed ({type(error).__name__}).")
    finally:
        _die_after(0)


def _die_after(seconds: float) -> None:
    """Let the system end this process if a picture hangs it and its parent, which would do so, has died; 0: never."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _confine(memory: int) -> None:
    """A limit on memory, no core files, and no end by Ctrl-C, which is for the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with open("/proc/self/statm", encoding="ascii") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + memory, now + memory))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
