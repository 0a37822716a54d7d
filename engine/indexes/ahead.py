"""Ahead-of-time compilation of the loops that searches use: on a new computer it takes half a minute, once.

In a process of its own, because a compiler that runs in the server holds up every page. What it compiles is kept on the
disk, from where the server loads it.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import numpy as np

from engine.core.home import IMPORTED_FROM
from engine.indexes import make_index
from engine.jobs.job import lower_priority

METHODS = ("exact", "lsh", "kmeans", "itq")  # those that run compiled loops of their own
KERNELS = Path(__file__).parent / "kernels"
# Enough of them that exact search is not left to the plain comparison.
_VECTORS, _QUERIES, _WIDTH = 4096, 64, 64


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
    changed = [f"{path.name} {path.stat().st_mtime_ns}" for path in sorted(folder.glob("*.py"))]
    return "\n".join([platform.node(), platform.python_version(), version("numba"), *changed])


def compile_loops() -> None:
    """One search by each method, alone and in a batch."""
    vectors = np.random.default_rng(0).normal(size=(_VECTORS, _WIDTH)).astype(np.float32)
    for method in METHODS:
        index = make_index(method, "cosine").build(np.arange(_VECTORS), vectors)
        index.search(vectors[:1], 3)
        index.search(vectors[:_QUERIES], 3)


if __name__ == "__main__":
    lower_priority()
    compile_loops()
