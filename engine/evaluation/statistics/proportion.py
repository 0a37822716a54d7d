"""A share of items, such as an accuracy: its exact interval."""

from __future__ import annotations

from engine.core.errors import BadParameter
from engine.core.settings import is_whole


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
