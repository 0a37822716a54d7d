"""PCA whitening: vectors with uncorrelated components of equal variance, so that no common trait dominates.

Fitted to a collection's vectors, stored with the whitened ones (`engine.encoders.vectors.store`), and applied to
queries likewise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import normalised
from engine.core.errors import BadParameter

MOST = 128  # values of a whitened vector
_VECTORS_FOR_EACH = 8  # with fewer vectors per component, whitening amplifies noise until all distances are equal
_ROWS_FITTED = 20_000
_WIDEST = 2048  # up to this width the fit uses the covariance, above it the inner products of a sample
_BLOCK = 2**24  # values per block: 64 MB for any vector width
_TINY = 1e-6


@dataclass(frozen=True)
class Whitening:
    """The (d,) float32 mean of the unit vectors and the scaled principal directions, (k, d) float32."""

    mean: NDArray[np.float32]
    components: NDArray[np.float32]

    def __call__(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, d) vectors whitened and normalised again: (n, k) float32."""
        found = np.empty((len(vectors), len(self.components)), np.float32)
        rows = max(1, _BLOCK // len(self.mean))
        for start in range(0, len(vectors), rows):
            block: NDArray[np.float32] = normalised(vectors[start : start + rows]) - self.mean
            found[start : start + rows] = normalised(block @ self.components.T)
        return found


def fit_whitening(vectors: NDArray[np.float32]) -> Whitening:
    """The whitening of (n, d) vectors to k = min(128, d, n / 8) values.

    Raises:
        BadParameter: fewer than three vectors, or all equal.

    Source: Jégou and Chum, "Negative evidences and co-occurrences in image retrieval: the benefit of PCA and
    whitening", 2012.
    """
    if len(vectors) < 3:
        raise BadParameter("number of pictures", "whitening", "at least 3", len(vectors))
    rows = normalised(rows_to_fit(vectors))
    mean = rows.mean(0)
    rows -= mean
    values, directions = principal_directions(rows, max(1, min(MOST, len(rows) // _VECTORS_FOR_EACH)))
    kept = values > _TINY * max(values[0], _TINY)
    if not kept.any():
        raise BadParameter("vectors", "whitening", "different from each other", "vectors that are all alike")
    return Whitening(mean, (directions[kept] / np.sqrt(values[kept])[:, None]).astype(np.float32))


def rows_to_fit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """As many of (n, d) vectors, spread evenly, as a fit of principal directions takes in a few seconds."""
    count, width = vectors.shape
    most = min(count, _ROWS_FITTED if width <= _WIDEST else _WIDEST)
    return vectors[np.unique(np.linspace(0, count - 1, most).astype(np.int64))]


def principal_directions(centred: NDArray[np.float32], most: int) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """The `most` largest variances of (n, d) centred vectors in descending order, and their (·, d) unit directions."""
    count, width = centred.shape
    short = width <= count
    values, columns = np.linalg.eigh((centred.T @ centred if short else centred @ centred.T) / count)  # ascending
    rows = columns.T[::-1][:most]
    return values[::-1][:most].clip(0), rows if short else normalised(rows @ centred)
