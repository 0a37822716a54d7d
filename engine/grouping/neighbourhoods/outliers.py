"""Outliers: images without near neighbours, by the nearest-neighbour lists."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter
from engine.grouping.neighbourhoods.nearest_lists import LISTED, NearestLists

NEIGHBOURS = LISTED  # neighbours in a score, at most: many, since outliers may resemble each other
_SMALLEST = 1e-10  # as in scikit-learn, so that equal vectors do not divide by zero

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Outlier:
    """One image and how much of an outlier it is.

    Attributes:
        score: the mean distance to its nearest neighbours over the median for all images: 1 is typical.
        distance: that mean distance itself. lof: its local outlier factor.
    """

    id: int
    score: float
    distance: float
    lof: float


def outliers_of(nearness: NearestLists, judged: NDArray[np.bool_] | None = None) -> list[Outlier]:
    """All images by descending score, ties by id; none for fewer than three images: of two, none is typical.

    A picture with a copy is judged like any other: two copies of an outlier are both outliers.

    Args:
        judged: (n,) which images are judged, and say what is typical; all by default.
    """
    rows = np.arange(len(nearness)) if judged is None else np.flatnonzero(judged)
    if len(rows) < 3:
        return []
    distance, factor = mean_distance(nearness), local_outlier_factor(nearness)
    usual = float(np.median(distance[rows]))
    score = distance / usual if usual > 0 else np.where(distance > 0, np.inf, 1.0)
    order = rows[np.lexsort((nearness.ids[rows], -score[rows]))]
    return [Outlier(int(nearness.ids[i]), float(score[i]), float(distance[i]), float(factor[i])) for i in order]


def mean_distance(nearness: NearestLists, k: int = NEIGHBOURS) -> Scores:
    """(n,) mean distance to the k nearest neighbours (Angiulli and Pizzuti, 2002: the weight of a point, over k)."""
    return nearness.distances[:, : _checked(k)].mean(axis=1, dtype=np.float64)


def local_outlier_factor(nearness: NearestLists, k: int = NEIGHBOURS) -> Scores:
    """(n,) how much sparser the vicinity of an image is than that of its neighbours; near 1 inside a cluster.

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
