"""Distances between rows of two matrices. A smaller distance always means more similar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.core.errors import BadParameter

Matrix = NDArray[np.float32]
Real = NDArray[np.floating]

_COSINE_ROUNDING = 1e-12  # cosine distances up to this are rounding errors of float32 rows
_ULP = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Distance:
    """A named distance: `between` maps (q, d) and (n, d) to (q, n)."""

    name: str
    title: str
    between: Callable[[Matrix, Matrix], Matrix]


def cosine(a: Matrix, b: Matrix) -> Matrix:
    """1 − cos of the angle between the rows: 0 for equal directions, 2 for opposite directions.

    A zero row has no direction: its distance is 0 to another zero row and 1 to any other row.
    """
    apart = np.clip(1.0 - normalised(a) @ normalised(b).T, 0.0, 2.0).astype(np.float32)
    apart[np.ix_(~a.any(axis=1), ~b.any(axis=1))] = 0
    return apart


def euclidean(a: Matrix, b: Matrix) -> Matrix:
    """The Euclidean distance between the rows, in the units of the vectors.

    Both are centred first: a large common offset would cost the digits in which the rows differ.
    """
    centre = b.mean(axis=0, dtype=np.float64).astype(np.float32) if len(b) else np.float32(0)
    a, b = a - centre, b - centre
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None, :] - 2.0 * (a @ b.T)
    return np.sqrt(np.maximum(squares, 0.0)).astype(np.float32)


def normalised(vectors: Real) -> Matrix:
    """The rows scaled to length 1; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


METRICS: dict[str, Distance] = {
    "cosine": Distance("cosine", "Cosine", cosine),
    "euclidean": Distance("euclidean", "Euclidean", euclidean),
}


def metric(name: str) -> Distance:
    """The metric of that name; BadParameter if it does not exist."""
    if not isinstance(name, str) or name not in METRICS:
        raise BadParameter("metric", "the search", "one of " + ", ".join(METRICS), name)
    return METRICS[name]


def pairwise_distances(vectors: Matrix, name: str) -> Matrix:
    """(n, n) pairwise distances between the rows under the named metric: symmetric, with a zero diagonal."""
    apart = metric(name).between(vectors, vectors)
    np.fill_diagonal(apart, 0)
    return np.minimum(apart, apart.T)


def pairwise_distances_float64(vectors: Matrix, name: str) -> Real:
    """`pairwise_distances` in double precision; exactly 0 for rows that differ by rounding only."""
    metric(name)
    rows = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=1)
    if name == "cosine":
        unit = rows / np.where(lengths > 0, lengths, 1)[:, None]
        apart = np.clip(1.0 - unit @ unit.T, 0.0, 2.0)
        apart[np.ix_(lengths == 0, lengths == 0)] = 0
    else:
        centred = rows - rows.mean(axis=0)  # a large common offset would cost digits
        squares = (centred * centred).sum(1)
        apart = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2.0 * (centred @ centred.T), 0.0))
    return zero_rounding_errors(apart, name, lengths[:, None], lengths[None, :])


def zero_rounding_errors(distances: Real, name: str, one: Real, other: Real) -> Real:
    """Set distances between float32 rows to 0 where they are no larger than rounding errors.

    Args:
        one, other: the lengths of the rows, broadcast against the distances.
    """
    least = _COSINE_ROUNDING if name == "cosine" else _ULP * np.maximum(one, other)
    return np.asarray(np.where(distances <= least, 0.0, distances))


def checked_vectors(vectors: ArrayLike, what: str, dimensions: int | None = None) -> Matrix:
    """The vectors as a C-contiguous (n, d) float32 matrix without NaN or Inf, else BadParameter."""
    usual = isinstance(vectors, np.ndarray) and vectors.dtype == np.float32
    matrix: Matrix = np.ascontiguousarray(vectors) if usual else _floats(vectors, what)
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise BadParameter("shape", what, "(n, d) with d ≥ 1", matrix.shape)
    if dimensions is not None and matrix.shape[1] != dimensions:
        raise BadParameter("length", what, f"{dimensions}, as in the index", matrix.shape[1])
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(bad):
        raise BadParameter("values", what, "finite numbers", f"NaN or Inf in row {bad[0]}")
    return matrix


def _floats(values: Any, what: str) -> Matrix:
    """The values as float32; BadParameter for texts and complex numbers, which NumPy would convert, and no arrays."""
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "cSU":
            return np.ascontiguousarray(array, dtype=np.float32)
        found: object = array.dtype
    except (TypeError, ValueError):  # objects, or rows of several lengths
        found = type(values).__name__
    raise BadParameter("values", what, "numbers, in rows of one length", found)
