"""Recall against exact search: known values, ties, and the label of an estimate."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.errors import BadParameter
from engine.evaluation.recall import estimated_recall, recall_at_k
from engine.indexes import make_index
from engine.indexes.index import Neighbours


def answer(ids, distances) -> Neighbours:
    ids = np.array(ids, dtype=np.int64)
    return Neighbours(ids, np.array(distances, dtype=np.float32), np.full(len(ids), 5))


def test_known_values():
    truth = answer([[1, 2, 3, 4]] * 3, [[0.1, 0.2, 0.3, 0.4]] * 3)
    found = answer(
        [[1, 2, 3, 4], [1, 2, 8, 9], [-1, -1, -1, -1]], [[0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.6, 0.7], [np.inf] * 4]
    )
    np.testing.assert_array_equal(recall_at_k(found, truth), [1, 0.5, 0])


def test_equally_near_vectors_are_equally_right():
    truth = answer([[1, 2]], [[0.0, 0.5]])
    assert recall_at_k(answer([[1, 7]], [[0.0, 0.5]]), truth)[0] == 1
    assert recall_at_k(answer([[1, 7]], [[0.0, 0.51]]), truth)[0] == 0.5


def test_where_fewer_exist_only_those_count():
    truth = answer([[1, 2, -1], [-1, -1, -1]], [[0.1, 0.2, np.inf], [np.inf] * 3])
    found = answer([[1, -1, -1], [-1, -1, -1]], [[0.1, np.inf, np.inf], [np.inf] * 3])
    np.testing.assert_array_equal(recall_at_k(found, truth), [0.5, 1])


def test_answers_of_different_shapes_are_refused():
    with pytest.raises(BadParameter, match="shape"):
        recall_at_k(answer([[1]], [[0.0]]), answer([[1, 2]], [[0.0, 0.1]]))


def test_a_sample_tells_about_what_all_would():
    vectors = np.random.default_rng(0).standard_normal((500, 10)).astype(np.float32)
    exact = make_index("exact", "cosine").build(np.arange(500), vectors)
    poor = make_index("kmeans", "cosine", clusters=40, probes=1).build(np.arange(500), vectors)
    all_of_them = estimated_recall(poor, exact, vectors, 8, sample=500)
    shares = recall_at_k(poor.search(vectors, 9), exact.search(vectors, 9))
    assert all_of_them == pytest.approx((9 * shares.mean() - 1) / 8)
    assert 0.2 < all_of_them < 0.95
    assert estimated_recall(poor, exact, vectors, 8, sample=200) == pytest.approx(all_of_them, abs=0.1)
    assert estimated_recall(exact, exact, vectors, 8) == 1


def test_finding_itself_does_not_count():
    vectors = np.random.default_rng(0).standard_normal((300, 6)).astype(np.float32)
    exact = make_index("exact", "euclidean").build(np.arange(300), vectors)

    class OnlyItself:
        def search(self, queries, k):
            true = exact.search(queries, k)
            ids, distances = true.ids.copy(), true.distances.copy()
            ids[:, 1:], distances[:, 1:] = -1, np.inf
            return Neighbours(ids, distances, true.examined)

    assert estimated_recall(OnlyItself(), exact, vectors, 8) == pytest.approx(0, abs=1e-9)
    assert estimated_recall(exact, exact, vectors, 8) == 1
