"""Which pictures are of one kind where no labels say so: well-separated groups of their vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import normalised

_COUNTS = (2, 3, 4, 6, 8, 12, 16, 24)  # of groups, tried
_FEWEST = 12  # pictures of a group on average
_ROUNDS = 20
_BLOCK = 2**24  # values in memory at once

Matrix = NDArray[np.float32]
Codes = NDArray[np.int64]


def kinds_of(vectors: Matrix, rows: NDArray[np.int64], between: NDArray[np.floating], metric: str) -> Codes:
    """(n,) a group for each of (n, d) vectors: k-means of some `rows`, with the number of highest silhouette.

    Args:
        between: (m, m) distances between those rows.
    """
    from scipy.cluster.vq import ClusterError, kmeans2

    drawn = _prepared(vectors[rows], metric)
    best, found = -np.inf, drawn.mean(0, keepdims=True)
    for count in (count for count in _COUNTS if count * _FEWEST <= len(rows)):
        try:
            rng = np.random.default_rng(0)
            centres, codes = kmeans2(drawn, count, iter=_ROUNDS, minit="++", rng=rng, missing="raise")
        except ClusterError:  # a group became empty: there are not as many
            continue
        score = silhouette(between, codes)
        best, found = (score, centres) if score > best else (best, found)
    return _nearest(vectors, found.astype(np.float32), metric)


def silhouette(between: NDArray[np.floating], codes: Codes) -> float:
    """The mean silhouette of grouped rows with (m, m) distances; −1 for a single group.

    Source: Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis", 1987.
    """
    kinds, codes = np.unique(codes, return_inverse=True)
    if len(kinds) < 2:
        return -1.0
    member = np.eye(len(kinds))[codes]
    sums, sizes = between @ member, member.sum(0)
    own = sums[np.arange(len(codes)), codes] / np.maximum(sizes[codes] - 1, 1)
    others = np.where(member > 0, np.inf, sums / sizes).min(1)
    alone, widest = sizes[codes] < 2, np.maximum(np.maximum(own, others), np.finfo(np.float64).tiny)
    return float(np.where(alone, 0, (others - own) / widest).mean())


def _prepared(vectors: Matrix, metric: str) -> Matrix:
    return normalised(np.asarray(vectors)) if metric == "cosine" else np.asarray(vectors, dtype=np.float32)


def _nearest(vectors: Matrix, centres: Matrix, metric: str) -> Codes:
    step = max(1, _BLOCK // vectors.shape[1])
    halves = (centres * centres).sum(1) / 2
    parts = (_prepared(vectors[start : start + step], metric) for start in range(0, len(vectors), step))
    return np.concatenate([(part @ centres.T - halves).argmax(1) for part in parts]).astype(np.int64)
