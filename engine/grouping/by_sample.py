"""Methods too slow for a large collection: applied to a sample, then extended to all others by nearest neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Rows = NDArray[np.int64]

WHOLE = 100_000  # vectors up to which nothing is left to a sample
SAMPLE = 50_000
_LISTS_SEARCHED = 16
_AT_ONCE = 16_384  # vectors searched for at a time


def nearest_in(sample: Matrix, vectors: Matrix, k: int) -> tuple[Matrix, Rows]:
    """(n, k) Euclidean distances of n vectors to the nearest of a sample, and the rows of these in the sample.

    Nearly always the true ones: of some √s lists of the s vectors of the sample the sixteen nearest are searched.

    Source: Sivic and Zisserman, "Video Google", 2003; here by faiss (IVF).
    """
    import faiss

    sample = np.ascontiguousarray(sample, dtype=np.float32)
    width, lists = sample.shape[1], max(1, int(np.sqrt(len(sample))))
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(width), width, lists)
    index.train(sample)
    index.add(sample)
    index.nprobe = min(lists, _LISTS_SEARCHED)
    parts = [
        index.search(np.ascontiguousarray(vectors[start : start + _AT_ONCE], dtype=np.float32), k)
        for start in range(0, len(vectors), _AT_ONCE)
    ]
    squared, rows = (np.concatenate(part) for part in zip(*parts, strict=True))
    return np.sqrt(np.maximum(squared, 0)), rows


def between_neighbours(points: Matrix, distances: Matrix, rows: Rows) -> Matrix:
    """(n, d') means of the points of (n, k) neighbours, weighted by 1 / distance.

    A vector that is in the sample itself lies on its own point.
    """
    there = rows >= 0  # the distance of a missing one is no distance
    farthest = float(distances.max(where=there, initial=1e-12))
    weights = np.where(there, 1 / np.maximum(distances, 1e-6 * farthest), 0)
    weights /= weights.sum(axis=1, keepdims=True)
    placed: Matrix = np.zeros((len(rows), points.shape[1]), dtype=np.float32)
    for place in range(rows.shape[1]):  # one neighbour at a time, as all at once are k times as large
        placed += (weights[:, place : place + 1] * points[rows[:, place]]).astype(np.float32)
    return placed
