"""The distance of two pictures as a sum over their places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import METRICS
from engine.core.errors import BadParameter
from engine.evidence.places import Places

Vector: TypeAlias = NDArray[np.float64]  # (d,)
MOST = 16  # rows and columns of a map; finer ones are added up, which keeps their sum
_DIGITS = 9  # of a figure in JSON


@dataclass(frozen=True)
class Match:
    """Two places, each as (row, column) of its picture's grid, and what they add together to the similarity."""

    first: tuple[int, int]
    second: tuple[int, int]
    amount: float


@dataclass(frozen=True)
class Evidence:
    """What the places of two pictures contribute.

    Under cosine, `pairs` sums to the similarity, and the two maps are its sums over the other picture's places: what
    hot places share makes the pictures similar. Under Euclidean, the two maps together sum to the squared distance:
    hot places set the pictures apart; `pairs` are the inner products. Where the places give only a part of vectors
    whose other parts they meet, too, the maps hold that as well, and `pairs` do not.

    Attributes:
        metric: cosine or euclidean.
        first, second: (h, w) float64 maps.
        pairs: (p, q) float64, places row by row of each grid.
        title, weight: of the encoder; the weight is its share in a combination, else 1, and already in the figures.
        whole: the encoder describes a picture as a whole, which is the one place of both maps.
    """

    metric: str
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    pairs: NDArray[np.float64]
    title: str = ""
    weight: float = 1.0
    whole: bool = False

    @property
    def total(self) -> float:
        """The sum over all places: the similarity, or the squared Euclidean distance."""
        return float(self.first.sum() + (self.second.sum() if self.metric == "euclidean" else 0.0))

    def matches(self, count: int = 12) -> list[Match]:
        """The pairs of places that add most to the similarity, at most `count`, those above zero only."""
        order = np.argsort(self.pairs, axis=None, kind="stable")[::-1][:count]
        found = [divmod(int(place), self.pairs.shape[1]) for place in order]
        return [self._match(one, other) for one, other in found if self.pairs[one, other] > 0]

    def _match(self, one: int, other: int) -> Match:
        first, second = divmod(one, self.first.shape[1]), divmod(other, self.second.shape[1])
        return Match(first, second, float(self.pairs[one, other]))

    def as_dict(self) -> dict[str, Any]:
        """The maps, the strongest matches and their sum, for JSON."""
        return {
            "encoder": self.title,
            "weight": self.weight,
            "whole": self.whole,
            "sum": self.total,
            "first": self.first.round(_DIGITS).tolist(),
            "second": self.second.round(_DIGITS).tolist(),
            "matches": [[*match.first, *match.second, round(match.amount, _DIGITS)] for match in self.matches()],
        }


def evidence(
    first: Places,
    second: Places,
    metric: str,
    title: str = "",
    weight: float = 1.0,
    whole: tuple[Vector, Vector] | None = None,
) -> Evidence:
    """The evidence of two pictures; under cosine their vectors must have the length 1.

    Args:
        whole: the vectors of both pictures, where the places sum to a part of each only; not for places apart.

    Raises:
        BadParameter: another metric, or grids that do not fit each other.
    """
    if metric not in METRICS:
        raise BadParameter("metric", "the evidence", " or ".join(METRICS), metric)
    if first.apart:
        return _of_equal_places(first, second, metric, title, weight)
    first, second = _coarser(first), _coarser(second)
    one, other = whole or (first.parts.sum(0), second.parts.sum(0))
    maps = first.parts @ other, second.parts @ one
    if metric == "euclidean":
        maps = first.parts @ (one - other), second.parts @ (other - one)
    pairs = first.parts @ second.parts.T
    return Evidence(metric, maps[0].reshape(first.grid), maps[1].reshape(second.grid), pairs, title, weight)


def _of_equal_places(first: Places, second: Places, metric: str, title: str, weight: float) -> Evidence:
    """The evidence of places that meet only the same place of the other picture."""
    if first.grid != second.grid:
        raise BadParameter("places", "two flattened pictures", f"of one grid, {first.grid}", second.grid)
    same = (first.parts * second.parts).sum(1)
    maps = (same, same)
    if metric == "euclidean":
        difference = first.parts - second.parts
        maps = (first.parts * difference).sum(1), -(second.parts * difference).sum(1)
    blocks, grid = _blocks(first.grid)
    folded = [np.asarray(np.bincount(blocks, one, grid[0] * grid[1]), np.float64) for one in (*maps, same)]
    return Evidence(metric, folded[0].reshape(grid), folded[1].reshape(grid), np.diag(folded[2]), title, weight)


def _coarser(places: Places) -> Places:
    """The same with neighbouring places added up, so that at most `MOST` rows and columns remain."""
    blocks, grid = _blocks(places.grid)
    parts = np.zeros((grid[0] * grid[1], places.parts.shape[1]))
    np.add.at(parts, blocks, places.parts)
    return Places(grid, parts)


def _blocks(grid: tuple[int, int]) -> tuple[NDArray[np.int64], tuple[int, int]]:
    """The number of the block that each place falls into, and the grid of blocks."""
    steps = [-(-count // MOST) for count in grid]
    rows, columns = (-(-count // step) for count, step in zip(grid, steps, strict=True))
    row, column = np.indices(grid)
    return (row // steps[0] * columns + column // steps[1]).ravel(), (rows, columns)
