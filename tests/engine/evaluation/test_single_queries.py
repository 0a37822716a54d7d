"""The figures of each query: by hand, against slow versions, and what must always hold."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from engine.core.errors import BadParameter
from engine.evaluation.metrics import hit_at_k, knn_label, map_at_r, ndcg_at_k, precision_at_k, r_precision
from engine.evaluation.single_queries import SingleQueries, figures_of_ranking, figures_of_results

# The example of "A metric learning reality check", figure 3: ten relevant items, of which the first ten hold some.
HIT_FIRST = np.array([[1] + [0] * 9], dtype=bool)
HIT_TWO_OF_TEN = np.array([[1, 1] + [0] * 8], dtype=bool)
ALL = np.ones((1, 10), dtype=bool)


def test_the_worked_example_of_the_reality_check() -> None:
    ten = np.array([10])
    assert [r_precision(row, ten)[0] for row in (HIT_FIRST, HIT_TWO_OF_TEN, ALL)] == pytest.approx([0.1, 0.2, 1.0])
    assert [map_at_r(row, ten)[0] for row in (HIT_FIRST, HIT_TWO_OF_TEN, ALL)] == pytest.approx([0.1, 0.2, 1.0])
    late = np.array([[1, 0, 0, 0, 0, 0, 0, 0, 0, 1]], dtype=bool)
    assert r_precision(late, ten)[0] == pytest.approx(0.2)
    assert map_at_r(late, ten)[0] == pytest.approx((1 + 2 / 10) / 10)  # the order counts


def slow(right: list[bool], exist: int, k: int) -> dict[str, float]:
    first = right[:exist]
    gained = sum(1 / math.log2(place + 2) for place, hit in enumerate(right[:k]) if hit)
    best = sum(1 / math.log2(place + 2) for place in range(min(exist, k)))
    return {
        "r_precision": sum(first) / exist if exist else 0.0,
        "map_at_r": sum(sum(first[: i + 1]) / (i + 1) for i, hit in enumerate(first) if hit) / exist if exist else 0.0,
        "ndcg": gained / best if best else 0.0,
        "hit": float(any(right[:k])),
    }


def ranked(seed: int, queries: int = 30, places: int = 25) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    right = rng.random((queries, places)) < rng.uniform(0, 0.7, (queries, 1))
    return right, right.sum(1) + rng.integers(0, 6, queries)


@pytest.mark.parametrize("seed", range(3))
def test_against_slow_versions(seed: int) -> None:
    right, exist = ranked(seed)
    wanted = [slow(row.tolist(), int(count), 8) for row, count in zip(right, exist, strict=True)]
    fast = {
        "r_precision": r_precision(right, exist),
        "map_at_r": map_at_r(right, exist),
        "ndcg": ndcg_at_k(right, exist, 8),
        "hit": hit_at_k(right, 8),
    }
    for name, values in fast.items():
        assert values == pytest.approx([one[name] for one in wanted]), name


@pytest.mark.parametrize("seed", range(3))
def test_what_always_holds(seed: int) -> None:
    right, exist = ranked(seed)
    assert (map_at_r(right, exist) <= r_precision(right, exist) + 1e-12).all()
    for values in (r_precision(right, exist), map_at_r(right, exist), ndcg_at_k(right, exist, 8)):
        assert (values >= 0).all()
        assert (values <= 1 + 1e-12).all()
    assert (hit_at_k(right, 1) <= hit_at_k(right, 5)).all()
    assert (precision_at_k(right, 8) <= hit_at_k(right, 8)).all()
    best = np.arange(25) < exist[:, None]  # the relevant ones first
    assert ndcg_at_k(best, exist, 8)[exist > 0] == pytest.approx(1)
    assert map_at_r(best, np.minimum(exist, 25))[exist > 0] == pytest.approx(1)


def test_the_vote_of_the_results() -> None:
    codes = np.array([[2, 1, 1, 2], [3, 0, 0, 1], [0, 1, 2, 3], [-1, -1, 4, -1], [-1, -1, -1, -1]])
    assert knn_label(codes).tolist() == [2, 0, 0, 4, -1]
    rng = np.random.default_rng(0)
    for row in rng.integers(0, 4, (50, 7)):
        votes = Counter(row.tolist())
        winners = [label for label in row.tolist() if votes[label] == max(votes.values())]
        assert knn_label(row[None])[0] == winners[0]


def test_the_figures_of_results_and_rankings() -> None:
    right, exist = ranked(0)
    codes = np.ones(len(right), dtype=np.int64)
    found = figures_of_results(right[:, :8], np.where(right[:, :8], 1, 0), codes, exist, 8)
    assert set(found) == {"precision", "map_at_k", "ndcg", "knn", "hit_1", "hit_5"}
    hits = right[:, :8].sum(1)
    assert found["knn"].tolist() == np.where(hits == 4, right[:, 0], hits > 4).astype(float).tolist()
    whole = figures_of_ranking(right, exist)
    assert set(whole) == {"map", "r_precision", "map_at_r", "hit_1", "hit_5", "hit_10"}
    kept = SingleQueries(np.arange(len(right)), np.zeros((len(right), 8), np.int64), found | whole)
    assert kept.means["hit_10"] == right[:, :10].any(1).mean()


def test_a_k_beyond_the_results_is_named() -> None:
    with pytest.raises(BadParameter):
        hit_at_k(ALL, 11)
    with pytest.raises(BadParameter):
        ndcg_at_k(ALL, np.array([1]), 0)
