"""The share of random pairs within a distance: counted where there are many, extrapolated where there are few."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.core.errors import BadParameter
from engine.evaluation.statistics.decision import Values, checked_values

_SHARE = 0.01  # of the distances is extrapolated from
_LEAST = 30  # distances to extrapolate from, in a small sample a larger share
_KNOTS = 1001  # of the counted part that are kept


@dataclass(frozen=True)
class LowerTail:
    """The distribution of distances, extrapolated below the smallest ones observed.

    Below knots[0] it is a generalised Pareto distribution that ends at 0: shares[0] · (distance / knots[0])^shape.

    Attributes:
        knots: (m,) ascending distances. shares: (m,) ascending, of distances that are no larger.
        shape: infinite where no distance lies between 0 and knots[0].
    """

    knots: Values
    shares: Values
    shape: float

    @cached_property
    def informative(self) -> bool:
        """Whether distances differ: a degenerate encoder puts too many at 0 to tell anything by."""
        return bool(self.knots[0] > 0 and self.knots[-1] > self.knots[0])

    def share(self, distances: ArrayLike) -> Values:
        """The share of distances that are no larger than each of these, in any shape."""
        found = np.asarray(distances, dtype=np.float64)
        if not self.informative:
            counted = self.shares[np.maximum(np.searchsorted(self.knots, found, side="right") - 1, 0)]
            return np.asarray(np.where(found >= self.knots[0], counted, 0.0))
        between = np.asarray(np.interp(found, self.knots, self.shares))
        if found.size and found.min() >= self.knots[0]:
            return between  # nearly always, and a search waits for it
        below = self.shares[0] * np.power(np.clip(found / self.knots[0], 0, 1), self.shape)
        return np.asarray(np.where(found < self.knots[0], below, between))

    def distance(self, share: float) -> float:
        """The distance that this share of distances does not exceed."""
        if share >= self.shares[0] or not self.informative:
            return float(np.interp(share, self.shares, self.knots))
        return float(self.knots[0] * (share / self.shares[0]) ** (1 / self.shape))


def fit_lower_tail(distances: ArrayLike, share: float = _SHARE) -> LowerTail:
    """The distribution of (n,) distances; the smallest share of them, at least 30, gives the shape of its tail.

    The shape is the maximum-likelihood estimate of Hill, "A simple general approach to inference about the tail of a
    distribution", 1975, which for distances is their local intrinsic dimension (Amsaleg et al., KDD 2015). Distances of
    0 are those of equal vectors; they say nothing of the shape.

    Raises:
        BadParameter: no distances, or distances that are negative or not finite.
    """
    found = np.sort(checked_values(distances, "a distribution of distances"))
    if found[0] < 0:
        raise BadParameter("values", "a distribution of distances", "0 or more", float(found[0]))
    first = min(max(share, _LEAST / len(found)), 1.0)
    shares = np.linspace(first, 1.0, _KNOTS)
    knots = np.quantile(found, shares, method="inverted_cdf")
    smaller = found[(found > 0) & (found < knots[0])]
    shape = len(smaller) / float(np.log(knots[0] / smaller).sum()) if len(smaller) else np.inf
    return LowerTail(*_distinct(knots, shares), shape)


def _distinct(knots: NDArray[np.float64], shares: NDArray[np.float64]) -> tuple[Values, Values]:
    """Each distance once, with the largest of its shares."""
    last = np.append(knots[1:] > knots[:-1], True)
    return knots[last], shares[last]
