"""Figures from several trainings or draws of the same thing: what holds for other seeds and other queries, too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.core.errors import BadParameter
from engine.evaluation.statistics.decision import ALPHA, Decision, Values, checked_values

_LEAST_P = 1e-9


def mean_interval(figures: ArrayLike, intervals: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The 95 % interval of the mean of (s,) figures, for other seeds and other queries; a single one keeps its own.

    Half its width is the root of the sum of two squares: half the interval of Student's t over the seeds, and the mean
    of half the intervals over the queries, which all seeds share.

    Args:
        intervals: the 95 % interval of each figure over its queries.

    Raises:
        BadParameter: no figures, figures that are not finite, or another number of intervals.
    """
    from scipy.stats import t as student

    found = checked_values(figures, "a mean over seeds")
    if len(intervals) != len(found):
        raise BadParameter(
            "number of intervals", "a mean over seeds", f"that of the figures, {len(found)}", len(intervals)
        )
    if len(found) == 1:
        return intervals[0]
    mean, count = float(found.mean()), len(found)
    seeds = float(student.ppf(0.975, count - 1)) * float(found.std(ddof=1)) / math.sqrt(count)
    queries = sum(high - low for low, high in intervals) / (2 * count)
    half = math.hypot(seeds, queries)
    return mean - half, mean + half


def difference_over_seeds(differences: ArrayLike, shared: float) -> Decision:
    """Whether one thing is better than another for other seeds and other queries, from (s,) differences, one a seed.

    Half the width of the interval is the root of the sum of two squares: that of Student's t over the seeds, and that
    of a normal distribution with the variance `shared`, which the differences have in common as they are about the same
    queries and which their spread therefore does not show. p is the level whose interval ends at zero.

    Raises:
        BadParameter: fewer than two seeds, or differences that are not finite.
    """
    from scipy.optimize import brentq

    found = checked_values(differences, "a difference over seeds", least=2)
    mean, error = float(found.mean()), float(found.std(ddof=1)) / math.sqrt(len(found))

    def half(level: float) -> float:
        return _half_width(level, len(found), error, math.sqrt(shared))

    interval = (mean - half(ALPHA), mean + half(ALPHA))
    if abs(mean) >= half(_LEAST_P):
        return Decision(mean, interval, _LEAST_P if mean else 1.0, len(found))
    return Decision(mean, interval, float(brentq(lambda level: half(level) - abs(mean), _LEAST_P, 1.0)), len(found))


def _half_width(level: float, seeds: int, error: float, shared_error: float) -> float:
    """Half the interval of 1 − `level`, from the standard errors over the seeds and of what they share."""
    from scipy.special import ndtri, stdtrit

    return math.hypot(float(stdtrit(seeds - 1, level / 2)) * error, float(ndtri(level / 2)) * shared_error)


def shared_variance(leads: Sequence[Values], queries: Sequence[NDArray[np.int64]]) -> float:
    """The covariance of the means of leads that are about the same queries, on average over all pairs of seeds.

    A query that is easier for one side is so with every seed: the leads of two seeds on it vary together. Seeds that
    were asked about other queries share nothing.

    Args:
        leads: (q,) by how much one was better on each query, one array a seed. queries: (q,) distinct ids of each.
    """
    pairs = list(combinations(range(len(leads)), 2))
    found = [_covariance(leads[one], leads[other], queries[one], queries[other]) for one, other in pairs]
    return max(0.0, float(np.mean(found))) if found else 0.0


def _covariance(first: Values, second: Values, asked: NDArray[np.int64], others: NDArray[np.int64]) -> float:
    _, here, there = np.intersect1d(asked, others, assume_unique=True, return_indices=True)
    if len(here) < 2:
        return 0.0
    together = float(np.cov(first[here], second[there])[0, 1])
    return together * len(here) / (len(first) * len(second))
