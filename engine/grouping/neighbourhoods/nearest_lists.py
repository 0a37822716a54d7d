"""The nearest neighbours of each image of a collection, and the distances of random pairs.

Duplicates and outliers are both read from these lists, so they are computed once and stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import metric as known_metric
from engine.core.distances import pairwise_distances_float64, zero_rounding_errors
from engine.core.errors import BadParameter
from engine.core.progress import Reporter
from engine.core.storage import load_array

LISTED = 20  # nearest neighbours kept per image
_AT_ONCE = 1024  # images whose neighbours are searched at a time
_DRAWN = 1000  # images whose pairwise distances serve as those of random pairs: half a million pairs

Matrix = NDArray[np.float32]


class NeighbourRows(Protocol):
    """The result of a search: (q, k) ids and distances, nearest first."""

    @property
    def ids(self) -> NDArray[np.int64]: ...
    @property
    def distances(self) -> NDArray[np.float32]: ...


Search = Callable[[Matrix, int], NeighbourRows]


@dataclass(frozen=True)
class NearestLists:
    """The nearest neighbours of n images, nearest first, and a sample of pairwise distances.

    Attributes:
        ids: (n,) int64, ascending.
        rows: (n, k) int32, the rows of the nearest neighbours; k is at most LISTED.
        distances: (n, k) float32, their distances.
        pairs: (m,) float32, ascending: the distances of random pairs (of all pairs, in a small collection).
    """

    ids: NDArray[np.int64]
    rows: NDArray[np.int32]
    distances: Matrix
    pairs: Matrix

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def nearest(self) -> Matrix:
        """(n,) float32: the distance to the nearest neighbour; inf if there is none."""
        return self.distances[:, 0] if self.distances.shape[1] else np.full(len(self.ids), np.inf, np.float32)

    def save(self, folder: Path) -> None:
        """Write the four arrays as .npy."""
        for name in _FILES:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> NearestLists:
        """Read what `save` wrote."""
        return cls(*(load_array(folder / f"{name}.npy") for name in _FILES))


_FILES = ("ids", "rows", "distances", "pairs")


def measure(ids: NDArray[np.int64], vectors: Matrix, metric: str, search: Search, reporter: Reporter) -> NearestLists:
    """The nearest lists of (n, d) vectors under (n,) ascending ids; `search` finds the k nearest to (q, d) queries.

    Memory: n · LISTED distances, never n · n.

    Raises:
        BadParameter: no vectors, ids that do not ascend, or an unknown metric. Stopped.
    """
    known_metric(metric)
    if not len(ids) or vectors.shape[0] != len(ids) or (np.diff(ids) <= 0).any():
        raise BadParameter("ids", "the vectors", "ascending, one for each vector, at least one", f"{len(ids)} ids")
    width = min(LISTED, len(ids) - 1)
    rows, distances = np.zeros((len(ids), width), np.int32), np.zeros((len(ids), width), np.float32)
    lengths = np.linalg.norm(vectors, axis=1).astype(np.float64)
    for start in range(0, len(ids), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        reporter.update("Finding nearest neighbours", start, len(ids))
        found = search(np.ascontiguousarray(vectors[part], dtype=np.float32), width + 1)
        rows[part], near = _others(ids, ids[part], found, width)
        distances[part] = zero_rounding_errors(near, metric, lengths[part, None], lengths[rows[part]])
    reporter.update("Finding nearest neighbours", len(ids), len(ids))
    return NearestLists(np.asarray(ids), rows, distances, random_pairs(vectors, metric))


def _others(
    ids: NDArray[np.int64], own: NDArray[np.int64], neighbours: NeighbourRows, width: int
) -> tuple[NDArray[np.int32], Matrix]:
    """Rows and distances without the image itself, which may be missing from the results if many are equal."""
    itself = neighbours.ids == own[:, None]
    order = np.argsort(itself, axis=1, kind="stable")[:, :width]
    near = np.take_along_axis(neighbours.ids, order, 1)
    distances = np.maximum(np.take_along_axis(neighbours.distances, order, 1), 0.0)
    return np.searchsorted(ids, near).astype(np.int32), distances.astype(np.float32)


def random_pairs(vectors: Matrix, metric: str, seed: int = 0) -> Matrix:
    """(m,) float32, ascending: the pairwise distances of up to 1,000 randomly drawn rows."""
    count = len(vectors)
    chosen = np.arange(count)
    if count > _DRAWN:
        chosen = np.sort(np.random.default_rng(seed).choice(count, _DRAWN, replace=False))
    drawn = np.ascontiguousarray(vectors[chosen], dtype=np.float32)
    between = pairwise_distances_float64(drawn, metric)
    return np.sort(between[np.triu_indices(len(drawn), 1)].astype(np.float32))
