"""An index that is killed while it is built leaves nothing damaged, and is built again."""

from __future__ import annotations

import random
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engine.core.recipe import Recipe
from engine.encoders.vectors.store import Vectors
from engine.search import opening
from tests.engine.killing import killable

INFO = SimpleNamespace(name="drawn", weights="", precision="")
QUERIES = 5


def drawn() -> Vectors:
    matrix = np.random.default_rng(0).standard_normal((4000, 64)).astype(np.float32)
    return Vectors(np.arange(4000), [""] * 4000, matrix, "drawn")


def build(folder: str, method: str) -> None:
    """What the job that builds an index does, once the vectors are there."""
    vectors, recipe = drawn(), Recipe("drawn", "drawn", method=method)
    opening.open_index(_in(folder), INFO, recipe, vectors, opening.exact_index(vectors, recipe.metric))  # type: ignore[arg-type]


def _in(folder: str) -> SimpleNamespace:
    Path(folder).mkdir(exist_ok=True)
    return SimpleNamespace(folder=Path(folder))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["kmeans", "lsh"])
def test_a_build_killed_at_any_moment_leaves_nothing_damaged(tmp_path: Path, method: str) -> None:
    chance, recipe, vectors = random.Random(0), Recipe("drawn", "drawn", method=method), drawn()
    exact = opening.exact_index(vectors, recipe.metric)
    first, forkable = (str(tmp_path / "whole"), method), {"NUMBA_THREADING_LAYER": "workqueue"}
    with killable("tests.engine.workbench.test_index_survival", "build", first, **forkable) as work:
        began = time.monotonic()
        assert work(str(tmp_path / "again"), method)
        longest = time.monotonic() - began
        whole = opening.open_index(_in(str(tmp_path / "whole")), INFO, recipe, vectors, exact)  # type: ignore[arg-type]
        for number in range(8):
            folder = str(tmp_path / f"killed-{number // 2}")
            work(folder, method, kill_after=chance.uniform(0.3, 1.0) * longest)
            store = opening.index_store(_in(folder), INFO, recipe)  # type: ignore[arg-type]
            snapshot = store.open()  # Corrupt where something is half-written
            assert snapshot is None or snapshot.facts["vectors"] == vectors.digest
        assert work(folder, method)
    found = opening.open_index(_in(folder), INFO, recipe, vectors, exact)  # type: ignore[arg-type]
    answers, wanted = (index.search(vectors.matrix[:QUERIES], 8) for index in (found, whole))
    assert np.array_equal(answers.ids, wanted.ids)
