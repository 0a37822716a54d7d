"""Outliers: known values, the local outlier factor against scikit-learn's, and collections that say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.errors import BadParameter
from engine.core.progress import Reporter
from engine.grouping.neighbourhoods.nearest_lists import LISTED, NearestLists, measure
from engine.grouping.neighbourhoods.outliers import local_outlier_factor, mean_distance, outliers_of
from engine.indexes import make_index


def near(vectors: np.ndarray, metric: str = "euclidean") -> NearestLists:
    vectors = vectors.astype(np.float32)
    ids = np.arange(len(vectors)) + 100
    index = make_index("exact", metric).build(ids, vectors)
    return measure(ids, vectors, metric, index.search, Reporter())


def test_known_scores_on_a_line() -> None:
    """0, 1, 2 and 9: the mean distances to all others are 4, 10/3, 10/3 and 8; the usual one is 11/3."""
    found = outliers_of(near(np.array([[0.0], [1], [2], [9]])))
    assert [one.id for one in found] == [103, 100, 101, 102]
    assert [one.distance for one in found] == pytest.approx([8, 4, 10 / 3, 10 / 3])
    assert [one.score for one in found] == pytest.approx([24 / 11, 12 / 11, 10 / 11, 10 / 11])


@pytest.mark.parametrize("k", [1, 5, LISTED])
def test_the_local_outlier_factor_is_that_of_scikit_learn(k: int) -> None:
    from sklearn.neighbors import LocalOutlierFactor

    vectors = np.random.default_rng(0).standard_normal((120, 3))
    theirs = -LocalOutlierFactor(n_neighbors=k).fit(vectors).negative_outlier_factor_
    assert np.allclose(local_outlier_factor(near(vectors), k), theirs, rtol=1e-4)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_planted_outliers_come_first_even_where_two_are_alike(metric: str) -> None:
    rng = np.random.default_rng(1)
    crowd = rng.standard_normal((300, 8)) * 0.1 + np.eye(1, 8) * 3
    odd = np.array([np.eye(8)[1] * 3, np.eye(8)[1] * 3.01, -np.eye(8)[2] * 4])
    found = outliers_of(near(np.concatenate([crowd, odd]), metric))
    assert {one.id for one in found[:3]} == {400, 401, 402}
    assert found[2].score > 2 * found[3].score
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_equal_pictures_are_all_usual() -> None:
    found = outliers_of(near(np.ones((30, 4)), "cosine"))
    assert {one.score for one in found} == {1.0}
    assert all(np.isfinite(one.lof) for one in found)


def test_one_odd_one_among_equal_pictures_is_odd_beyond_measure() -> None:
    found = outliers_of(near(np.concatenate([np.ones((30, 4)), np.eye(1, 4)])))
    assert found[0].id == 130
    assert found[0].score == np.inf
    assert found[1].score == 1.0


@pytest.mark.parametrize("count", [1, 2])
def test_among_fewer_than_three_nothing_is_odd(count: int) -> None:
    assert outliers_of(near(np.eye(count, 4))) == []


@pytest.mark.parametrize("k", [0, LISTED + 1])
def test_more_neighbours_than_are_listed_are_refused(k: int) -> None:
    found = near(np.eye(5))
    for score in (mean_distance, local_outlier_factor):
        with pytest.raises(BadParameter, match="k of the outliers"):
            score(found, k)


def test_pictures_that_are_not_judged_do_not_shift_what_is_usual() -> None:
    judged = np.array([True, True, True, True, False, False])
    found = outliers_of(near(np.array([[0.0], [1], [2], [9], [500], [900]])), judged)
    assert {one.id for one in found} == {100, 101, 102, 103}
    distances = sorted(one.distance for one in found)
    assert found[0].score == pytest.approx(found[0].distance / np.median(distances))
    assert outliers_of(near(np.eye(5)), np.array([True, True, False, False, False])) == []
