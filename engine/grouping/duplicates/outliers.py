"""Odd ones: images that have nothing near them, told by the lists of nearest others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter
from engine.grouping.duplicates.nearest_lists import LISTED, NearestLists

NEIGHBOURS = LISTED  # others that a score looks at (fewer where there are fewer): many, as odd ones may be alike
_SMALLEST = 1e-10  # as scikit-learn's, so that equal vectors divide by no zero

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Outlier:
    """One image and how far off it is.

    Attributes:
        score: the mean distance to its nearest others over the median of all images': 1 is usual, 2 twice as far.
        distance: that mean distance itself. lof: its local outlier factor, for those who know it.
    """

    id: int
    score: float
    distance: float
    lof: float


def odd_ones(nearness: NearestLists) -> list[Outlier]:
    """All images by falling score, ties by id; none of fewer than three images: nothing is usual among two.

    A picture with a copy is judged like any other: two copies of an odd picture are both odd.
    """
    if len(nearness) < 3:
        return []
    distance, factor = mean_distance(nearness), local_outlier_factor(nearness)
    usual = float(np.median(distance))
    score = distance / usual if usual > 0 else np.where(distance > 0, np.inf, 1.0)
    order = np.lexsort((nearness.ids, -score))
    return [Outlier(int(nearness.ids[i]), float(score[i]), float(distance[i]), float(factor[i])) for i in order]


def mean_distance(nearness: NearestLists, k: int = NEIGHBOURS) -> Scores:
    """(n,) the mean distance to the k nearest others (Angiulli and Pizzuti, 2002: the weight of a point, over k)."""
    return nearness.distances[:, : _checked(k)].mean(axis=1, dtype=np.float64)


def local_outlier_factor(nearness: NearestLists, k: int = NEIGHBOURS) -> Scores:
    """(n,) how much sparser it is around an image than around its neighbours; near 1 inside any crowd.

    Source: Breunig, Kriegel, Ng and Sander, LOF: Identifying Density-Based Local Outliers, 2000.
    """
    k = min(_checked(k), nearness.distances.shape[1])
    rows, distances = nearness.rows[:, :k], nearness.distances[:, :k].astype(np.float64)
    reachable = np.maximum(distances[rows, k - 1], distances)
    density = 1.0 / (reachable.mean(axis=1) + _SMALLEST)
    return np.asarray((density[rows] / density[:, None]).mean(axis=1))


def _checked(k: int) -> int:
    if not 1 <= k <= LISTED:
        raise BadParameter("k", "the outliers", f"a whole number from 1 to {LISTED}", k)
    return k
