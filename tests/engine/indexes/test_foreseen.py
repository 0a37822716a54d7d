"""What an index stores is known before it is built, from its settings alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.indexes import make_index

COUNT, DIMENSIONS = 400, 48
SETTINGS = (
    ("lsh", {"tables": 8, "bits": 4, "probes": 1}),
    ("lsh", {"tables": 64, "bits": 16, "probes": 1}),
    ("lsh", {"tables": 64, "bits": 40, "probes": 1, "directions": 48}),
    ("lsh", {"tables": 16, "bits": 128, "lookup": "hamming", "rerank": 8}),
    ("pcah", {"tables": 4, "bits": 16, "probes": 1, "lookup": "buckets"}),
    ("spectral", {"tables": 4, "bits": 16, "probes": 1, "lookup": "buckets"}),
    ("kmeans", {"clusters": 200}),
    ("hnsw", {"links": 60}),
    ("rdh", {"parts": 4, "tables": 8, "bits": 16, "probes": 1}),
)


@pytest.mark.parametrize(("method", "settings"), SETTINGS, ids=str)
def test_the_foreseen_size_is_about_the_real_one(method: str, settings: dict[str, float], tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal((COUNT, DIMENSIONS)).astype(np.float32)
    index = make_index(method, "cosine", **settings)
    foreseen = index.foreseen(COUNT, DIMENSIONS).bytes
    index.build(np.arange(COUNT), vectors).save(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "vectors.npy"]
    assert foreseen / 2 < sum(path.stat().st_size for path in files) < 3 * foreseen + 50_000


@pytest.mark.parametrize("method", ["lsh", "kmeans", "hnsw", "rdh"])
def test_more_vectors_cost_more(method: str) -> None:
    costs = [make_index(method, "cosine").foreseen(count, 64) for count in (1000, 10_000, 100_000)]
    assert costs[0].bytes < costs[1].bytes < costs[2].bytes
    assert costs[0].products < costs[1].products < costs[2].products
