"""Choosing the number of groups: the most compact and best separated ones, by the silhouette."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

CANDIDATES = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32)
_LEAST_SHARE = 0.02  # of the images: anything smaller does not count as a group
RULE = "the silhouette of groups of at least 2 % of the pictures, times the share they cover"
SAMPLE = 1500  # images whose pairwise distances are computed


class Tried(NamedTuple):
    """A number of groups: its `score` by RULE, and the mean `silhouette` of all its groups, small ones included."""

    number: int
    score: float
    silhouette: float


def tried(labels_of: Callable[[int], NDArray[Any]], apart: NDArray[Any], candidates: Sequence[int]) -> list[Tried]:
    """Every candidate below the number of images, in their order.

    Args:
        labels_of: (n,) group numbers for a number of groups. apart: (n, n) distances.

    Source: Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis", 1987.
    """
    found = []
    for number in candidates:
        if number < len(apart):
            labels = np.asarray(labels_of(number))
            every = np.arange(len(labels))
            found.append(Tried(number, _large(labels, apart), _silhouette(labels, every, apart)))
    return found


def best_number(curve: Sequence[Tried]) -> int:
    """The number of groups with the highest score, the smallest on ties; 1 if none was tried."""
    return max(curve, key=lambda one: one.score, default=Tried(1, 0.0, 0.0)).number


def chosen_by(curve: Sequence[Tried]) -> str:
    """The rule, and where the plain silhouette is highest if that is elsewhere, to follow "chosen by"."""
    highest = max(curve, key=lambda one: one.silhouette, default=None)
    if highest is None or highest.number == best_number(curve):
        return RULE
    return f"{RULE}; the silhouette of all groups is highest at {highest.number}"


def _large(labels: NDArray[Any], apart: NDArray[Any]) -> float:
    """The silhouette over sufficiently large groups times the share they cover; −1 for fewer than two such groups.

    Average linkage splits off a few outliers first: they must not count as groups.
    """
    _, group, counts = np.unique(labels, return_inverse=True, return_counts=True)
    kept = np.flatnonzero((counts >= max(2, len(labels) * _LEAST_SHARE))[group])
    score = _silhouette(labels, kept, apart)
    return score * len(kept) / len(labels) if score > -1 else score


def _silhouette(labels: NDArray[Any], rows: NDArray[np.int64], apart: NDArray[Any]) -> float:
    """The mean silhouette of some rows among themselves; −1 for fewer than two groups or only singletons."""
    from sklearn.metrics import silhouette_score

    if not 1 < len(np.unique(labels[rows])) < len(rows):
        return -1.0
    within = apart if len(rows) == len(apart) else apart[np.ix_(rows, rows)]
    return float(silhouette_score(within, labels[rows], metric="precomputed"))


def sampled(count: int, seed: int, most: int = SAMPLE) -> NDArray[np.int64]:
    """The rows to examine, ascending: all, or `most` drawn at random with the seed."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))
