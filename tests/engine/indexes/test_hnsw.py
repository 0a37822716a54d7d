"""HNSW by hnswlib: what the library does not promise by itself."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from engine.core.errors import MissingPackage
from engine.indexes.hnsw import HNSW


def test_without_the_library_the_pip_line_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "hnswlib", None)
    with pytest.raises(MissingPackage, match="pip install hnswlib"):
        HNSW("cosine").build(np.arange(2), np.eye(2, dtype=np.float32))


def test_k_answers_come_even_where_the_walk_ends_early():
    rng = np.random.default_rng(0)
    groups = rng.standard_normal((40, 4)) * 1e4
    vectors = (groups[rng.integers(0, 40, 800)] + 1e-3 * rng.standard_normal((800, 4))).astype(np.float32)
    index = HNSW("euclidean", links=2, effort=1).build(np.arange(800), vectors)
    index.remove(np.arange(0, 800, 2))
    answer = index.search(vectors[:20], 400)
    assert (np.sort(answer.ids, axis=1) == np.arange(1, 800, 2)).all()


def test_more_effort_finds_more():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((3000, 32)).astype(np.float32)
    queries = rng.standard_normal((50, 32)).astype(np.float32)
    truth = np.argsort(((queries[:, None] - vectors[None]) ** 2).sum(-1), axis=1)[:, :8]
    shares = []
    for effort in (8, 400):
        found = HNSW("euclidean", links=4, effort=effort).build(np.arange(3000), vectors).search(queries, 8).ids
        shares.append(np.mean([len(set(a) & set(b)) / 8 for a, b in zip(found.tolist(), truth.tolist(), strict=True)]))
    assert shares[0] < shares[1]
    assert shares[1] >= 0.95
