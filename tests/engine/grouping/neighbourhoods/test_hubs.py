"""Pictures that are among the results of very many others, and of none."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.errors import BadParameter
from engine.core.progress import Reporter
from engine.grouping.neighbourhoods.hubs import occurrences, sampled_occurrences
from engine.grouping.neighbourhoods.nearest_lists import NearestLists, measure
from engine.indexes import make_index


def lists(vectors: np.ndarray, metric: str = "euclidean") -> NearestLists:
    ids = 2 * np.arange(len(vectors), dtype=np.int64) + 1
    index = make_index("exact", metric).build(ids, vectors.astype(np.float32))
    return measure(ids, vectors.astype(np.float32), metric, index.search, Reporter())


def test_occurrences_are_those_of_the_slow_way() -> None:
    vectors = np.random.default_rng(0).standard_normal((60, 6))
    found = occurrences(lists(vectors), 5)
    apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    counts = np.zeros(60, int)
    for row in apart:
        counts[np.argsort(row)[:5]] += 1
    assert found.counts.tolist() == counts.tolist()
    assert found.exact
    assert found.expected == 5
    assert found.orphans.tolist() == (2 * np.flatnonzero(counts == 0) + 1).tolist()


def test_the_centre_of_a_sphere_is_a_hub_and_a_far_picture_an_orphan() -> None:
    around = np.random.default_rng(1).standard_normal((100, 40))
    around /= np.linalg.norm(around, axis=1, keepdims=True)
    vectors = np.concatenate([around, np.zeros((1, 40)), np.full((1, 40), 9.0)])
    found = occurrences(lists(vectors))
    assert found.hubs(1) == [(201, 100)]
    assert 203 in found.orphans
    assert found.skew > 1


def test_on_a_ring_nothing_is_a_hub() -> None:
    angles = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    found = occurrences(lists(np.column_stack([np.cos(angles), np.sin(angles)])), 2)
    assert found.skew == 0
    assert not len(found.orphans)


def test_a_sample_of_all_is_exact_and_a_part_is_near() -> None:
    vectors = np.random.default_rng(2).standard_normal((300, 8)).astype(np.float32)
    ids = np.arange(300, dtype=np.int64)
    index = make_index("exact", "cosine").build(ids, vectors)
    whole = sampled_occurrences(ids, vectors, index.search, asked=1000)
    truth = occurrences(measure(ids, vectors, "cosine", index.search, Reporter()))
    assert whole.exact
    assert whole.counts.tolist() == truth.counts.tolist()
    part = sampled_occurrences(ids, vectors, index.search, asked=240)
    assert (part.exact, part.expected) == (False, 8)
    assert np.corrcoef(part.counts, truth.counts)[0, 1] > 0.8


def test_equal_and_few_pictures_and_a_bad_k() -> None:
    assert occurrences(lists(np.ones((2, 3)))).counts.tolist() == [1, 1]
    equal = occurrences(lists(np.ones((30, 3))))
    assert equal.counts.sum() == 300
    with pytest.raises(BadParameter, match="from 1 to 20"):
        occurrences(lists(np.ones((30, 3))), 21)
