"""Ahead-of-time compilation of the loops of searches and of duplicates: on a new computer half a minute, once.

In a process of its own, because a compiler that runs in the server holds up every page. What it compiles is kept on the
disk, from where the server loads it. One such process compiles at a time: those of other servers wait for it, and then
find everything compiled.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from engine.core.home import IMPORTED_FROM
from engine.duplicates import agreement
from engine.indexes import make_index
from engine.jobs.job import lower_priority

METHODS = ("exact", "lsh", "kmeans", "itq")  # those that run compiled loops of their own
KERNELS = Path(__file__).parent / "kernels"
# Enough of them that exact search is not left to the plain comparison.
_VECTORS, _QUERIES, _WIDTH = 4096, 64, 64
_LOOKS_EVERY = 1.0  # seconds, whether the server that started it is still there


def compile_in_a_process(folder: Path = KERNELS) -> None:
    """Compile the loops in a low-priority process and wait for it; nothing happens if they are compiled already."""
    marker, state = folder / "__pycache__" / "compiled", _state(folder)
    with suppress(OSError):
        if marker.read_text() == state:
            return
    command = [sys.executable, "-m", __name__]
    done = subprocess.run(command, cwd=IMPORTED_FROM, capture_output=True, check=False, start_new_session=True)
    if done.returncode == 0:
        with suppress(OSError):
            marker.write_text(state)


def _state(folder: Path) -> str:
    """What the compiled code depends on: the computer, the compiler, and when the loops were last changed."""
    loops = [*sorted(folder.glob("*.py")), Path(agreement.__file__).with_name("loops.py")]
    changed = [f"{path.name} {path.stat().st_mtime_ns}" for path in loops]
    return "\n".join([platform.node(), platform.python_version(), version("numba"), *changed])


def compile_loops() -> None:
    """One search by each method, alone and in a batch, and one comparison of two pictures."""
    vectors = np.random.default_rng(0).normal(size=(_VECTORS, _WIDTH)).astype(np.float32)
    for method in METHODS:
        index = make_index(method, "cosine").build(np.arange(_VECTORS), vectors)
        index.search(vectors[:1], 3)
        index.search(vectors[:_QUERIES], 3)
    picture = np.zeros((64, 64), np.uint8)
    agreement.likeness(picture, picture)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Wait while another process compiles these loops; the process ends if the one that started it has gone by then."""
    lock, server = FileLock(folder / "__pycache__" / "compiling.lock"), os.getppid()
    with suppress(OSError):  # where nothing can be written, nothing is kept for others either
        while not lock.is_locked:
            with suppress(Timeout):
                lock.acquire(timeout=_LOOKS_EVERY)
            if os.getppid() != server:
                sys.exit(1)
    try:
        yield
    finally:
        lock.release()


if __name__ == "__main__":
    lower_priority()
    with _one_at_a_time(KERNELS):
        compile_loops()
