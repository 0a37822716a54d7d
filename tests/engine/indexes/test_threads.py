"""Compiled loops in several threads at once, also where the system has no OpenMP."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SEARCHES = """
import sys
sys.modules |= dict.fromkeys(("numba.np.ufunc.omppool", "numba.np.ufunc.tbbpool"))  # as if neither could be loaded

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

from engine.indexes import make_index

vectors = np.random.default_rng(0).normal(size=(9000, 32)).astype(np.float32)
index = make_index("METHOD", "euclidean").build(np.arange(len(vectors)), vectors)
with ThreadPoolExecutor(8) as pool:
    answers = list(pool.map(lambda _: index.search(vectors[:64], 1), range(60)))
found = {tuple(answer.ids[:, 0]) for answer in answers}
print(numba.threading_layer(), found == {tuple(range(64))})
"""


@pytest.mark.parametrize("method", ["exact", "lsh"])
def test_searches_at_once_need_no_openmp(method: str) -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    command = [sys.executable, "-c", SEARCHES.replace("METHOD", method)]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "workqueue True\n"), done.stderr
