"""Merging the answers of many parts keeps what sorting all of them would keep."""

from __future__ import annotations

import numpy as np
import pytest

from engine.indexes.distributed.partition import merged


@pytest.mark.parametrize("seed", range(4))
def test_many_parts_are_merged_as_by_sorting_everything(seed: int) -> None:
    """With many equal distances, among which the smaller id comes first, and places that were not filled."""
    rng = np.random.default_rng(seed)
    ids, distances = rng.permutation(60 * 7 * 5).reshape(60, 7, 5), rng.integers(0, 6, (60, 7, 5)).astype(np.float32)
    empty = rng.random(ids.shape) < (0.99 if seed == 3 else 0.1)
    ids, distances = np.where(empty, -1, ids), np.where(empty, np.inf, distances)
    found = merged([(ids[part], distances[part], np.ones(7, np.int64)) for part in range(60)], 5, 1.0)
    for query in range(7):
        pairs = sorted(zip(distances[:, query].ravel().tolist(), ids[:, query].ravel().tolist(), strict=True))[:5]
        assert list(zip(found.distances[query].tolist(), found.ids[query].tolist(), strict=True)) == pairs
    assert (found.examined == 60).all()
