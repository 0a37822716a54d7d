"""Rankings of all vectors for a query, in double precision: a large common offset must not cost the digits."""

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
    one, other = _unit(queries), _unit(vectors)
    apart = np.clip(1.0 - one @ other.T, 0.0, 2.0)
    apart[np.ix_(~one.any(axis=1), ~other.any(axis=1))] = 0
    return np.asarray(apart)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1))
