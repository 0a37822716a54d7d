"""Near-duplicates: groups of images within a threshold of their keeper, and help for choosing the threshold.

A group is a star, not a chain: every copy lies within the threshold of its keeper. Connected components would let a row
of slightly differing pictures run from a cat to a dog; complete linkage would split rows because of pairs that do not
matter. Whoever deletes the copies only needs an equivalent of each to be kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import normalised
from engine.core.errors import BadParameter
from engine.core.humanize import small_share
from engine.grouping.neighbourhoods.nearest_lists import Matrix, NearestLists

_TAIL = ((0.001, 0.01), (0.01, 0.1), (0.02, 0.2), (0.05, 0.5))  # quantiles through which a power law is fitted
_ROUNDS = 4  # rounds of removing copies from the random pairs
_SCANNED = 128  # most keepers with too short lists that are screened at once
_EXACTLY = 4096  # rows compared in double precision at a time
_EQUAL = 1.0 - 1e-12  # a larger cosine differs from 1 by rounding only
_MARGIN = 1e-5  # far above the rounding error of a single-precision distance

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class NearDuplicateGroup:
    """A keeper and its copies, nearest first, with their distances to it."""

    keeper: int
    copies: tuple[int, ...]
    distances: tuple[float, ...]


@dataclass(frozen=True)
class Suggestion:
    """A suggested threshold, and the reason for it."""

    threshold: float
    reason: str


@dataclass(frozen=True)
class Share:
    """What a threshold means: the share of images with a neighbour within it, and of random pairs within it."""

    threshold: float
    images: float
    pairs: float
    drawn: int

    def sentence(self) -> str:
        """E.g. "0.03: 1.2 % of the pictures have another one this near; expected by chance: 0.0004 % of pairs."

        It is empty for a single picture, which has no other one.
        """
        if not self.drawn:
            return ""
        pairs = small_share(self.pairs) if self.pairs else "less than " + small_share(1 / self.drawn)
        near = f"{small_share(self.images)} of the pictures have another one this near"
        return f"{self.threshold:.3g}: {near}; expected by chance: {pairs} of pairs."


def share_within(nearness: NearestLists, threshold: float) -> Share:
    """What the threshold means in this collection."""
    images = float(np.mean(nearness.nearest <= threshold))
    pairs = np.searchsorted(nearness.pairs, threshold, side="right") / max(len(nearness.pairs), 1)
    return Share(float(threshold), images, float(pairs), len(nearness.pairs))


def highest(nearness: NearestLists) -> float:
    """The largest sensible threshold: the median distance of random pairs; 0 if all images are equal."""
    return float(np.median(nearness.pairs)) if len(nearness.pairs) else 0.0


def checked_threshold(nearness: NearestLists, threshold: float) -> float:
    """The threshold; BadParameter if it is out of range."""
    most = highest(nearness)
    if isinstance(threshold, bool) or not isinstance(threshold, int | float | np.floating):
        raise BadParameter("threshold", "the duplicates", "a number", threshold)
    if not 0 <= threshold <= most:
        wanted = f"from 0 to {most:.3g}, the distance within which half of all pairs lie"
        raise BadParameter("threshold", "the duplicates", wanted, threshold)
    return float(threshold)


def suggest(nearness: NearestLists) -> Suggestion:
    """The distance within which chance alone would put half a pair of the whole collection.

    For small r the number of random pairs within r grows like a power of r. The power law is fitted through two
    quantiles of the sampled pairs and extrapolated to one pair in n(n - 1). Copies among the sampled pairs make the
    lowest quantiles, and thus the estimate, too small: the largest estimate over several pairs of quantiles is taken,
    pairs within it are removed as copies, and this is repeated as long as the estimate grows.
    """
    count = len(nearness)
    if count < 3:
        return Suggestion(0.0, "With fewer than three pictures only equal ones count as duplicates.")
    if highest(nearness) <= 0:
        return Suggestion(0.0, "At least half of all pairs of pictures are equal to this encoder; try another encoder.")
    found, pairs = 0.0, nearness.pairs.astype(np.float64)
    for _ in range(_ROUNDS):
        further = min(_chance_distance(pairs, count), float(np.median(pairs)) / 2)
        if further <= found:
            break
        found, pairs = further, pairs[pairs > further]
    all_pairs = count * (count - 1) // 2
    reason = (
        f"By chance less than one of the {all_pairs:,} pairs of this collection would be this near, duplicates aside."
    )
    return Suggestion(_rounded_down(min(found, highest(nearness))), reason)


def _chance_distance(pairs: NDArray[np.float64], count: int) -> float:
    """The largest distance at which a power law through two quantiles of the ascending pairs reaches 1 in n(n - 1)."""
    return max(_continued(pairs, low, high, count) for low, high in _TAIL)


def _continued(pairs: NDArray[np.float64], low: float, high: float, count: int) -> float:
    near, far = np.quantile(pairs, [low, high])
    if near <= 0:
        return 0.0
    exponent = np.log(far / near) / np.log(high / low)  # the reciprocal of the apparent dimension
    return float(near * (1.0 / (count * (count - 1)) / low) ** exponent)


def _rounded_down(value: float) -> float:
    """Three digits are enough for a threshold; 0 stays 0."""
    if value <= 0:
        return 0.0
    unit = 10.0 ** (np.floor(np.log10(value)) - 2)
    return float(f"{np.floor(value / unit + 1e-9) * unit:.6g}")


def near_duplicate_groups(
    nearness: NearestLists, vectors: Matrix, metric: str, threshold: float, order: Rows
) -> list[NearDuplicateGroup]:
    """Groups of copies, most certain first: by the distance of the nearest copy.

    Args:
        vectors: (n, d), in the order of `nearness.ids`; only read if an image has more copies than listed.
        order: (n,) all rows, preferred keepers first: each that is not yet a copy becomes the keeper of all within
            the threshold.

    Raises:
        BadParameter: the threshold is below 0 or would call half of all pairs copies.
    """
    reach = _Reach(nearness, vectors, metric, checked_threshold(nearness, threshold), order)
    free, groups = np.ones(len(nearness), dtype=bool), []
    for row in order[nearness.nearest[order] <= threshold].tolist():
        if not free[row]:
            continue
        rows, distances = reach.of(row, free)
        free[row] = free[rows] = False
        if len(rows):
            near = np.lexsort((rows, distances))
            ids = nearness.ids[rows[near]].tolist()
            groups.append(NearDuplicateGroup(int(nearness.ids[row]), tuple(ids), tuple(distances[near].tolist())))
    return sorted(groups, key=lambda group: (group.distances[0], group.keeper))


class _Reach:
    """The free rows within the threshold of a row: from the lists, or by comparison where a list is too short.

    A list whose last entry is still within the threshold may be incomplete. Only images with such lists have to be
    compared with each other: a pair with any other image is in the list of that image.
    """

    def __init__(self, nearness: NearestLists, vectors: Matrix, metric: str, threshold: float, order: Rows) -> None:
        self.threshold, self.metric, self.vectors = threshold, metric, vectors
        self._starts, self._rows, self._distances = _both_ways(nearness, threshold)
        self._full = order[_too_short(nearness, threshold)[order]]  # in query order
        self._place = np.full(len(nearness), -1)
        self._place[self._full] = np.arange(len(self._full))
        self._screened: dict[int, Rows] = {}
        self._asking = self._at_once = _SCANNED // 16

    @cached_property
    def _table(self) -> Matrix:
        """(f, d) the vectors of the rows whose lists are too short, in single precision; of length 1 for cosine."""
        table = np.ascontiguousarray(self.vectors[self._full], dtype=np.float32)
        return normalised(table) if self.metric == "cosine" else table

    @cached_property
    def _squares(self) -> Matrix:
        return np.asarray(np.einsum("nd,nd->n", self._table, self._table))

    @cached_property
    def _part_of(self) -> Rows:
        """(n,) the connected component of each row in the graph of listed pairs."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        near = np.ones(len(self._rows), dtype=np.int8)
        graph = csr_array((near, self._rows, self._starts), shape=(len(self._place), len(self._place)))
        return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)

    def of(self, row: int, free: NDArray[np.bool_]) -> tuple[Rows, NDArray[np.float64]]:
        """The free rows within the threshold, without the row itself, and their distances."""
        part = slice(self._starts[row], self._starts[row + 1])
        rows, distances = self._rows[part].astype(np.int64), self._distances[part].astype(np.float64)
        if self._place[row] >= 0:
            more, far = self._compared(row, free)
            rows, distances = np.concatenate([rows, more]), np.concatenate([distances, far])
        rows, first = np.unique(rows, return_index=True)
        keep = free[rows] & (rows != row)
        return rows[keep], distances[first][keep]

    def _compared(self, row: int, free: NDArray[np.bool_]) -> tuple[Rows, NDArray[np.float64]]:
        if row not in self._screened:
            used = self._asking - len(self._screened)
            self._at_once = min(max(2 * used, _SCANNED // 32), _SCANNED)
            self._screen(row, free)
        rows = self._screened.pop(row)
        rows = rows[free[rows]]
        distances = exact_distances(self.vectors, row, rows, self.metric)
        near = distances <= self.threshold
        return rows[near], distances[near]

    def _screen(self, row: int, free: NDArray[np.bool_]) -> None:
        """Find in single precision the candidates near the row, and near others likely to be queried."""
        waiting = self._full[free[self._full] & (self._full != row)]
        _, first = np.unique(self._part_of[waiting], return_index=True)
        apart = waiting[np.sort(first)]  # the first of each component: no other keeper can claim it earlier
        likely = [row, *apart.tolist(), *waiting[: self._at_once].tolist()]
        asking = list(dict.fromkeys(likely))[:_SCANNED]
        own = self._place[asking]
        lengths = self._squares[own, None] + self._squares[None, :]
        squared = lengths - 2.0 * (self._table[own] @ self._table.T)
        limit = 2.0 * self.threshold if self.metric == "cosine" else self.threshold**2
        near = squared <= limit + _MARGIN * lengths
        self._screened = {asked: self._full[line] for asked, line in zip(asking, near, strict=True)}
        self._asking = len(asking)


def _too_short(nearness: NearestLists, threshold: float) -> NDArray[np.bool_]:
    """(n,) whether an image may have more others within the threshold than its list holds."""
    listed = nearness.distances.shape[1]
    if not 0 < listed < len(nearness) - 1:
        return np.zeros(len(nearness), dtype=bool)
    return np.asarray(nearness.distances[:, -1] <= threshold)


def _both_ways(nearness: NearestLists, threshold: float) -> tuple[Rows, NDArray[np.int32], Matrix]:
    """The listed pairs within the threshold, filed under both rows: starts (n + 1,), rows, distances."""
    row, place = np.nonzero(nearness.distances <= threshold)
    other, distance = nearness.rows[row, place], nearness.distances[row, place]
    one, two = np.concatenate([row, other]), np.concatenate([other, row])
    order = np.argsort(one, kind="stable")
    starts = np.searchsorted(one[order], np.arange(len(nearness) + 1))
    return starts, two[order].astype(np.int32), np.concatenate([distance, distance])[order]


def exact_distances(vectors: Matrix, row: int, rows: Rows, metric: str) -> NDArray[np.float64]:
    """(r,) the distances from one row to others in double precision, as exact search gives them."""
    own = np.asarray(vectors[row], dtype=np.float64)
    parts = [_exact(own, vectors[part], metric) for part in _parts(rows)]
    return np.concatenate([*parts, np.empty(0)]).astype(np.float32).astype(np.float64)


def _exact(own: NDArray[np.float64], others: Matrix, metric: str) -> NDArray[np.float64]:
    table = np.asarray(others, dtype=np.float64)
    if metric == "euclidean":
        return np.asarray(np.linalg.norm(table - own, axis=1))
    if not own.any():
        return np.asarray(table.any(axis=1), dtype=np.float64)  # no direction: at 0 only from its equals
    lengths = np.linalg.norm(table, axis=1) * np.linalg.norm(own)
    cosines = np.divide(table @ own, lengths, out=np.zeros(len(table)), where=lengths > 0)
    return np.where(cosines > _EQUAL, 0.0, 1.0 - cosines)


def _parts(rows: Rows) -> Iterator[Rows]:
    for start in range(0, len(rows), _EXACTLY):
        yield rows[start : start + _EXACTLY]
