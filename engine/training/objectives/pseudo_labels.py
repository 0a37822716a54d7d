"""Pseudo-labels: the pictures grouped by what a network sees in them, and batches that are fair to every group.

All of it is numpy on one stream of random numbers, so that the same vectors give the same groups to the bit.

Source: Caron et al., "Deep clustering for unsupervised learning of visual features", 2018 (sections 3.2 and 3.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]

MOST_STEPS = 30  # of k-means
_NOTHING = 1e-6  # a direction with so little of the largest one's variance holds rounding errors only
_NUDGE = 1e-3  # how far two halves of a group are begun apart
_TRIES = 8
_BLOCK = 4096  # rows whose distances are held at once


@dataclass(frozen=True)
class Whitening:
    """The directions in which vectors differ most, each brought to variance 1; then every vector to length 1."""

    mean: NDArray[np.float64]
    directions: NDArray[np.float64]  # (d, dimensions)

    @classmethod
    def of(cls, vectors: Vectors, dimensions: int) -> Whitening:
        """Fitted to (n, d) vectors; directions in which they do not differ are nothing but zeros."""
        mean = vectors.mean(0, dtype=np.float64)
        centred = vectors - mean
        variances, directions = np.linalg.eigh(centred.T @ centred / len(vectors))  # ascending
        variances, directions = variances[::-1][:dimensions], directions[:, ::-1][:, :dimensions]
        real = variances > max(_NOTHING * variances[0], np.finfo(np.float64).tiny)
        return cls(mean, directions * np.where(real, 1 / np.sqrt(np.where(real, variances, 1)), 0))

    def __call__(self, vectors: Vectors) -> Vectors:
        """(n, d) vectors to (n, dimensions) of length 1; zeros for one that is the mean."""
        white = (vectors - self.mean) @ self.directions
        length = np.maximum(np.linalg.norm(white, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        return (white / length).astype(np.float32)


def kmeans(points: Vectors, clusters: int, random: np.random.Generator) -> tuple[Labels, Vectors]:
    """Labels (n,) and centres (clusters, d): Lloyd's iteration from k-means++, no group left empty where it can be."""
    labels = nearest(points, _spread(points, clusters, random))
    for _ in range(MOST_STEPS):
        labels = refilled(points, labels, clusters, random)
        moved = nearest(points, centres(points, labels, clusters))
        if np.array_equal(moved, labels):
            break
        labels = moved
    labels = refilled(points, labels, clusters, random)
    return labels, centres(points, labels, clusters)


def nearest(points: Vectors, middles: Vectors) -> Labels:
    """(n,) the nearest of the middles to each point; the first of those that are equally near."""
    half_lengths = (middles**2).sum(1) / 2
    blocks = (points[start : start + _BLOCK] @ middles.T - half_lengths for start in range(0, len(points), _BLOCK))
    return np.concatenate([block.argmax(1) for block in blocks]).astype(np.int64)


def centres(points: Vectors, labels: Labels, clusters: int) -> Vectors:
    """(clusters, d) the mean of each group; of an empty one a point that no picture is near to."""
    order = np.argsort(labels, kind="stable")
    there, starts, sizes = np.unique(labels[order], return_index=True, return_counts=True)
    found = np.full((clusters, points.shape[1]), np.float32(1e6), np.float32)
    found[there] = np.add.reduceat(points[order], starts, axis=0) / sizes[:, None]
    return found


def refilled(points: Vectors, labels: Labels, clusters: int, random: np.random.Generator) -> Labels:
    """Labels in which every empty group has been given a part of a full one.

    A full group is drawn, the larger the likelier; two middles are begun a little beside its own, and its members go to
    the nearer of the two. Groups of equal points cannot be parted: where there are only such, a group stays empty.
    """
    labels = labels.copy()
    for empty in np.flatnonzero(np.bincount(labels, minlength=clusters) == 0):
        for _ in range(_TRIES):
            spare = np.bincount(labels, minlength=clusters) - 1
            full = random.choice(clusters, p=np.maximum(spare, 0) / np.maximum(spare, 0).sum())
            members = np.flatnonzero(labels == full)
            away = _parted(points[members], random)
            labels[members[away]] = empty
            if away.any():
                break
    return labels


def _parted(points: Vectors, random: np.random.Generator) -> NDArray[np.bool_]:
    """Which members of a group leave it: those on one side of its middle, in a random direction."""
    middle = points.mean(0)
    nudge = (_NUDGE * random.standard_normal(len(middle))).astype(np.float32)
    away = nearest(points - middle, np.stack([-nudge, nudge])) == 1
    return away if not away.all() else np.zeros(len(points), dtype=bool)


def _spread(points: Vectors, clusters: int, random: np.random.Generator) -> Vectors:
    """(clusters, d) first middles, each a point drawn the likelier the farther it is from those before (k-means++)."""
    chosen = [int(random.integers(len(points)))]
    far = np.full(len(points), np.inf)
    for _ in range(clusters - 1):
        far = np.minimum(far, ((points - points[chosen[-1]]) ** 2).sum(1, dtype=np.float64))
        far[chosen] = 0.0
        whole = far.sum()
        chosen.append(int(random.choice(len(points), p=far / whole)) if whole else int(random.integers(len(points))))
    return points[chosen]


def evenly(labels: Labels, random: np.random.Generator) -> NDArray[np.int64]:
    """(n,) positions in random order, each label as often as any other, give or take one.

    Without this a network would learn the large groups only; the members of a group take turns, so that of a small one
    each comes several times, and of a large one some wait for another epoch.
    """
    there = random.permutation(np.unique(labels))
    share, rest = divmod(len(labels), len(there))
    parts = [
        _in_turns(np.flatnonzero(labels == label), share + (place < rest), random) for place, label in enumerate(there)
    ]
    return random.permutation(np.concatenate(parts))


def _in_turns(members: NDArray[np.int64], count: int, random: np.random.Generator) -> NDArray[np.int64]:
    rounds = -(-count // len(members))
    return np.concatenate([random.permutation(members) for _ in range(rounds)])[:count] if count else members[:0]


def nmi(one: Sequence[object] | Labels, other: Sequence[object] | Labels) -> float:
    """Normalised mutual information of two groupings of the same things, 0 to 1 (arithmetic mean of the entropies)."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(np.asarray(one), np.asarray(other)))
