"""Compiled loops that every index shares: exact distances to chosen rows, and the k smallest of them.

Imported late (numba takes a second). The compiled code is kept beside this file, so only the first run ever waits.
Numba does not notice in other files that a function changed here: change those that call it, too.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from engine.indexes.kernels.threads import parallel


@njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def squared_distance(a: NDArray, b: NDArray) -> float:
    """The squared Euclidean distance of two vectors, in double precision."""
    total = 0.0
    for i in range(a.shape[0]):
        step = np.float64(a[i]) - np.float64(b[i])
        total += step * step
    return total


@njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def dot(a: NDArray, b: NDArray) -> float:
    """The inner product of two vectors, in double precision."""
    total = 0.0
    for i in range(a.shape[0]):
        total += np.float64(a[i]) * np.float64(b[i])
    return total


@njit(cache=True)
def distance_to(query: NDArray, length: float, vector: NDArray, cosine: bool) -> float:
    """The quantity by which results are ordered: 1 − cos, or the squared Euclidean distance.

    A zero vector has no direction: it is at 0 from its equal and at 1 from all others.
    """
    if not cosine:
        return squared_distance(query, vector)
    other = dot(vector, vector)
    if length <= 0.0 or other <= 0.0:
        return 0.0 if length <= 0.0 and other <= 0.0 else 1.0
    return min(max(1.0 - dot(query, vector) / np.sqrt(length * other), 0.0), 2.0)


@njit(cache=True)
def offer(distances: NDArray, rows: NDArray, held: int, distance: float, row: int) -> int:
    """Insert a row into the sorted k nearest if near enough (ties: the smaller row first); returns the new count."""
    k = distances.shape[0]
    if held == k and (distance > distances[k - 1] or (distance == distances[k - 1] and row > rows[k - 1])):
        return held
    place = held if held < k else k - 1
    while place > 0:
        before = distances[place - 1]
        if before < distance or (before == distance and rows[place - 1] < row):
            break
        distances[place] = before
        rows[place] = rows[place - 1]
        place -= 1
    distances[place] = distance
    rows[place] = row
    return min(held + 1, k)


@parallel
def nearest_of(
    queries: NDArray, vectors: NDArray, candidates: NDArray, starts: NDArray, cosine: bool,
    distances: NDArray, rows: NDArray,
) -> None:  # fmt: skip
    """Fill (q, k) distances and rows with the nearest of each query's candidates[starts[i]:starts[i + 1]]."""
    for i in prange(queries.shape[0]):
        length = dot(queries[i], queries[i])
        held = 0
        for j in range(starts[i], starts[i + 1]):
            row = candidates[j]
            held = offer(distances[i], rows[i], held, distance_to(queries[i], length, vectors[row], cosine), row)


@parallel
def nearest_of_all(
    queries: NDArray, vectors: NDArray, alive: NDArray, cosine: bool, distances: NDArray, rows: NDArray
) -> None:
    """Fill (q, k) distances and rows with the nearest of all live rows by brute force."""
    for i in prange(queries.shape[0]):
        length = dot(queries[i], queries[i])
        held = 0
        for row in range(vectors.shape[0]):
            if alive[row]:
                held = offer(distances[i], rows[i], held, distance_to(queries[i], length, vectors[row], cosine), row)
