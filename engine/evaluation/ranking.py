"""Rankings of all vectors for a query, in double precision, so that a large common offset costs no accuracy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import metric

Matrix = NDArray[np.float32]
_BLOCK_BYTES = 32 * 2**20  # of vectors in memory at once


def distances_to_all(queries: Matrix, vectors: Matrix, name: str) -> Matrix:
    """(q, n) distances of (q, d) queries to all (n, d) vectors under the named metric, block by block.

    Single precision would subtract large numbers: with an offset of 3,000 times the spread it ranks by rounding.

    Raises:
        BadParameter: no such metric.
    """
    between = _cosine if metric(name).name == "cosine" else _euclidean
    step = max(1, _BLOCK_BYTES // (8 * vectors.shape[1]))
    asked = np.asarray(queries, dtype=np.float64)
    blocks = (np.asarray(vectors[start : start + step], dtype=np.float64) for start in range(0, len(vectors), step))
    return np.concatenate([between(asked, block).astype(np.float32) for block in blocks], axis=1)


def _euclidean(queries: NDArray[np.float64], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    centre = vectors.mean(axis=0)
    one, other = queries - centre, vectors - centre
    squares = (one * one).sum(1)[:, None] + (other * other).sum(1)[None, :] - 2.0 * (one @ other.T)
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def _cosine(queries: NDArray[np.float64], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """As `engine.core.distances.cosine`: a zero row has the distance 0 to another zero row and 1 to any other."""
    one, other = _lengths(queries), _lengths(vectors)
    apart = (queries / np.where(one > 0, one, 1)[:, None]) @ vectors.T
    apart /= -np.where(other > 0, other, 1)  # of few distances, not of all values of the vectors
    apart += 1
    apart[np.ix_(one == 0, other == 0)] = 0
    return np.clip(apart, 0.0, 2.0, out=apart)


def _lengths(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.einsum("nd,nd->n", rows, rows)))
