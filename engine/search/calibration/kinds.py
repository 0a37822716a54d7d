"""Kinds of pictures without labels: groups of their vectors, split for as long as the parts are well separated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import normalised

_FEWEST = 12  # pictures of a group
_STARTS, _ROUNDS = 3, 10  # of k-means
_HALF, _APART = 0.5, 0.15  # a group is split at this share of the first silhouette, or this silhouette
_BLOCK = 2**22  # values in memory at once

Matrix = NDArray[np.float32]
Codes = NDArray[np.int64]
Distances = NDArray[np.floating]


def kinds_of(vectors: Matrix, rows: NDArray[np.int64], between: Distances, metric: str) -> Codes:
    """(2, n) groups of (n, d) vectors: a coarse grouping into two, and a fine one that splits these further.

    The groups are found among some `rows`. A group is split while the silhouette of its halves is at least the smaller
    of half that of the first two and 0.15, as nothing says how alike pictures of one kind have to be.

    Args:
        between: (m, m) distances between those rows.
    """
    drawn = _prepared(vectors[rows], metric)
    apart, first = _two(drawn, between)
    coarse = [np.flatnonzero(first == code) for code in np.unique(first)]
    least = min(_HALF * apart, _APART)
    fine = [group[part] for group in coarse for part in _divided(drawn[group], between[np.ix_(group, group)], least)]
    centres = [np.stack([drawn[group].mean(0) for group in groups]) for groups in (coarse, fine)]
    return _nearest(vectors, centres, metric)


def _divided(drawn: Matrix, between: Distances, least: float) -> list[NDArray[np.int64]]:
    """The rows of each part that cannot be split in two with at least this silhouette."""
    apart, codes = _two(drawn, between)
    if apart < least or not codes.any():
        return [np.arange(len(drawn))]
    halves = [np.flatnonzero(codes == code) for code in (0, 1)]
    return [half[part] for half in halves for part in _divided(drawn[half], between[np.ix_(half, half)], least)]


def _two(drawn: Matrix, between: Distances) -> tuple[float, Codes]:
    """The best silhouette of two groups by k-means, and the (m,) groups; −1 and a single group if there are not two."""
    from scipy.cluster.vq import ClusterError, kmeans2

    best, found = -1.0, np.zeros(len(drawn), np.int64)
    for start in range(_STARTS if len(drawn) >= 2 * _FEWEST and between.any() else 0):
        try:
            rng = np.random.default_rng(start)
            _, codes = kmeans2(drawn, 2, iter=_ROUNDS, minit="++", rng=rng, missing="raise")
        except ClusterError:  # a group became empty: the vectors are equal
            continue
        score = silhouette(between, codes) if np.bincount(codes, minlength=2).min() >= _FEWEST else -1.0
        best, found = (score, codes.astype(np.int64)) if score > best else (best, found)
    return best, found


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


def _nearest(vectors: Matrix, groupings: Sequence[Matrix], metric: str) -> Codes:
    """(g, n) the index of the nearest centre in each grouping, in one pass over the vectors.

    For cosine, the offsets of the centres are multiplied by the vectors' lengths, instead of normalising the vectors.
    """
    step = max(1, _BLOCK // vectors.shape[1])
    centres, ends = np.concatenate(groupings), np.cumsum([len(one) for one in groupings])[:-1]
    halves = (centres * centres).sum(1) / 2
    found = np.zeros((len(groupings), len(vectors)), np.int64)
    for start in range(0, len(vectors), step):
        part = np.asarray(vectors[start : start + step], dtype=np.float32)
        lengths = np.sqrt(np.einsum("nd,nd->n", part, part)) if metric == "cosine" else np.ones(len(part), np.float32)
        nearness = part @ centres.T - lengths[:, None] * halves
        found[:, start : start + step] = [part.argmax(1) for part in np.split(nearness, ends, axis=1)]
    return found
