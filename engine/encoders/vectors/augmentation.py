"""Database-side augmentation: each vector becomes the mean of its nearest neighbours; queries are expanded likewise.

Sources: Arandjelović and Zisserman, "Three things everyone should know to improve object retrieval", 2012; the weights
of a query's neighbours as in Radenović et al., "Fine-tuning CNN image retrieval with no human annotation", 2018.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import normalised

NEIGHBOURS = 8  # a vector itself included
_POWER = 3  # exponent of the similarity as a weight
_VALUES = 2**24  # similarities, and values of neighbours, per block: 64 MB each

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Augmentation:
    """The (n, d) vectors of a collection, in which neighbours are searched."""

    vectors: Matrix

    def collection(self) -> Matrix:
        """(n, d) float32 unit vectors: each vector averaged with its nearest, the first of which is itself."""
        return self._mean_of_nearest(self.vectors, NEIGHBOURS, own=0.0)

    def __call__(self, queries: Matrix) -> Matrix:
        """(q, d) external vectors to (q, d) float32 unit vectors: each averaged with one neighbour fewer and itself."""
        return self._mean_of_nearest(queries, NEIGHBOURS - 1, own=1.0)

    def _mean_of_nearest(self, queries: Matrix, count: int, own: float) -> Matrix:
        unit, found = normalised(self.vectors), np.empty(queries.shape, np.float32)
        count = min(count, len(unit))
        step = max(1, _VALUES // max(1, len(unit), count * queries.shape[1]))
        for start in range(0, len(queries), step):
            block = normalised(queries[start : start + step])
            likeness = block @ unit.T  # (b, n)
            nearest = (
                np.argpartition(-likeness, count - 1, axis=1)[:, :count] if count else np.zeros((len(block), 0), int)
            )
            weights = np.take_along_axis(likeness, nearest, 1).clip(0) ** _POWER
            mean = np.einsum("bk,bkd->bd", weights, unit[nearest]) + own * block
            found[start : start + step] = normalised(mean)
        return found
