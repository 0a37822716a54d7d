"""Spearman's rank correlation with its interval."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from engine.evaluation.statistics.decision import Decision, checked_pairs

_ALL_ORDERS = 7  # pairs up to which every order is tried


def spearman(first: ArrayLike, second: ArrayLike) -> Decision | None:
    """The rank correlation of two rows of (n,) values with its 95 % interval and p; None if either is constant.

    p is exact for up to seven pairs. The interval is that of Bonett and Wright, Psychometrika 65, 2000; a perfect
    order counts in it as being one exchange of neighbours away.

    Raises:
        BadParameter: fewer than three pairs, different numbers of values, or values that are not finite.
    """
    from scipy.stats import permutation_test, spearmanr

    one, other = checked_pairs(first, second, "a rank correlation", least=3)
    if len(np.unique(one)) < 2 or len(np.unique(other)) < 2:
        return None
    rho, p = (float(value) for value in spearmanr(one, other))
    if len(one) <= _ALL_ORDERS:
        tried = permutation_test((one,), lambda order: spearmanr(order, other)[0], permutation_type="pairings")
        p = float(tried.pvalue)
    return Decision(rho, _interval(rho, len(one)), p, len(one))


def _interval(rho: float, count: int) -> tuple[float, float]:
    if count < 4:
        return -1.0, 1.0
    most = 1 - 12 / (count * (count**2 - 1))
    z = math.atanh(min(max(rho, -most), most))
    half = 1.959964 * math.sqrt((1 + rho * rho / 2) / (count - 3))
    return min(math.tanh(z - half), rho), max(math.tanh(z + half), rho)
