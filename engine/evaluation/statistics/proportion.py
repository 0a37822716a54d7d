"""A share of items, such as an accuracy: its exact interval; and the interval of a mean of shares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter
from engine.core.settings import is_whole
from engine.evaluation.metrics import bootstrap_interval


def clopper_pearson(hits: int, total: int, share: float = 0.95) -> tuple[float, float]:
    """The exact interval of a proportion that `hits` of `total` items show.

    Source: Clopper and Pearson, Biometrika 26, 1934.

    Raises:
        BadParameter: no items, or more hits than items.
    """
    from scipy.stats import binomtest

    _check(hits, total)
    found = binomtest(hits, total).proportion_ci(share, method="exact")
    return float(found.low), float(found.high)


def mean_share_interval(shares: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % interval of the mean of (n,) shares from 0 to 1, such as recalls: by bootstrap.

    Where all are 0, or all 1, resampling shows no spread, though the next query may differ; then it is the exact
    interval of the proportion of such queries, within which the mean lies as well.

    Raises:
        BadParameter: no shares.
    """
    values = np.asarray(shares, dtype=np.float64)
    if len(values) and values[0] in (0, 1) and (values == values[0]).all():
        return clopper_pearson(int(values.sum()), len(values))
    return bootstrap_interval(values)


def at_most(hits: int, total: int, share: float = 0.95) -> float:
    """The proportion that is not exceeded with the given confidence: the one-sided bound of Clopper and Pearson."""
    from scipy.stats import binomtest

    _check(hits, total)
    return float(binomtest(hits, total, alternative="less").proportion_ci(share, method="exact").high)


def at_least(hits: int, total: int, share: float = 0.95) -> float:
    """The proportion that is reached with the given confidence: the other one-sided bound."""
    from scipy.stats import binomtest

    _check(hits, total)
    return float(binomtest(hits, total, alternative="greater").proportion_ci(share, method="exact").low)


def _check(hits: int, total: int) -> None:
    if not is_whole(total) or total < 1:
        raise BadParameter("number of items", "a proportion", "a whole number from 1 on", total)
    if not is_whole(hits) or not 0 <= hits <= total:
        raise BadParameter("number of successes", "a proportion", f"a whole number from 0 to {total}", hits)
