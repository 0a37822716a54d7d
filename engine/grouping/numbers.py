"""Choosing the number of groups: the most compact and best separated ones, by the silhouette."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

CANDIDATES = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32)
_LEAST_SHARE = 0.02  # of the images: anything smaller does not count as a group
RULE = "the silhouette of groups of at least 2 % of the pictures, times the share they cover"
SAMPLE = 1500  # images whose pairwise distances are computed


def best_number(labels_of: Callable[[int], NDArray[Any]], apart: NDArray[Any], candidates: Sequence[int]) -> int:
    """The candidate with the largest mean silhouette; 1 if there are no candidates.

    Args:
        labels_of: (n,) group numbers for a number of groups. apart: (n, n) distances.

    Source: Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis", 1987.
    """
    scores = {number: _silhouette(labels_of(number), apart) for number in candidates if number < len(apart)}
    return max(scores, key=lambda number: scores[number], default=1)


def _silhouette(labels: NDArray[Any], apart: NDArray[Any]) -> float:
    """The silhouette over sufficiently large groups times the share they cover; −1 for fewer than two such groups.

    Average linkage splits off a few outliers first: they must not count as groups.
    """
    from sklearn.metrics import silhouette_score

    _, group, counts = np.unique(labels, return_inverse=True, return_counts=True)
    kept = np.flatnonzero((counts >= max(2, len(labels) * _LEAST_SHARE))[group])
    if not 1 < len(np.unique(labels[kept])) < len(kept):
        return -1.0
    score = silhouette_score(apart[np.ix_(kept, kept)], labels[kept], metric="precomputed")
    return float(score) * len(kept) / len(labels)


def sampled(count: int, seed: int, most: int = SAMPLE) -> NDArray[np.int64]:
    """The rows to examine, ascending: all, or `most` drawn at random with the seed."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))
