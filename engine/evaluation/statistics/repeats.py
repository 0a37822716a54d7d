"""One mean figure from several trainings or draws of the same thing: its interval over seeds and queries."""

from __future__ import annotations

import math
from collections.abc import Sequence

from numpy.typing import ArrayLike

from engine.core.errors import BadParameter
from engine.evaluation.statistics.decision import checked_values


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
