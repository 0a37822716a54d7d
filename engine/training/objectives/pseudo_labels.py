"""Pseudo-labels: pictures clustered by a network's features, and batches balanced over the clusters.

All of it is numpy on a single random stream, so the same vectors give bit-identical groups.

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
_NOTHING = 1e-6  # of the largest variance: a direction with less holds rounding errors only
_NUDGE = 1e-3  # initial distance between the two halves of a split group
_TRIES = 8
_BLOCK = 4096  # rows whose distances are in memory at once


@dataclass(frozen=True)
class Whitening:
    """PCA whitening: the directions of largest variance, each scaled to variance 1; then every vector to length 1."""

    mean: NDArray[np.float64]
    directions: NDArray[np.float64]  # (d, dimensions)

    @classmethod
    def of(cls, vectors: Vectors, dimensions: int) -> Whitening:
        """Fitted to (n, d) vectors; directions without variance give zeros."""
        mean = vectors.mean(0, dtype=np.float64)
        centred = vectors - mean
        variances, directions = np.linalg.eigh(centred.T @ centred / len(vectors))  # ascending
        variances, directions = variances[::-1][:dimensions], directions[:, ::-1][:, :dimensions]
        real = variances > max(_NOTHING * variances[0], np.finfo(np.float64).tiny)
        return cls(mean, directions * np.where(real, 1 / np.sqrt(np.where(real, variances, 1)), 0))

    def __call__(self, vectors: Vectors) -> Vectors:
        """(n, d) vectors to (n, dimensions) of length 1; zeros for a vector equal to the mean."""
        white = (vectors - self.mean) @ self.directions
        length = np.maximum(np.linalg.norm(white, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        return (white / length).astype(np.float32)


def kmeans(points: Vectors, clusters: int, random: np.random.Generator) -> tuple[Labels, Vectors]:
    """Labels (n,) and centres (clusters, d): Lloyd's iteration from k-means++, without empty groups if possible."""
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
    """(n,) the nearest centre of each point; the first one on ties."""
    half_lengths = (middles**2).sum(1) / 2
    blocks = (points[start : start + _BLOCK] @ middles.T - half_lengths for start in range(0, len(points), _BLOCK))
    return np.concatenate([block.argmax(1) for block in blocks]).astype(np.int64)


def centres(points: Vectors, labels: Labels, clusters: int) -> Vectors:
    """(clusters, d) the mean of each group; for an empty one a point far from every picture."""
    order = np.argsort(labels, kind="stable")
    there, starts, sizes = np.unique(labels[order], return_index=True, return_counts=True)
    found = np.full((clusters, points.shape[1]), np.float32(1e6), np.float32)
    found[there] = np.add.reduceat(points[order], starts, axis=0) / sizes[:, None]
    return found


def refilled(points: Vectors, labels: Labels, clusters: int, random: np.random.Generator) -> Labels:
    """Labels in which every empty group has received a part of a non-empty one.

    A non-empty group is drawn with probability proportional to its size; two centres start on either side of its own,
    and its members go to the nearer one. Groups of equal points cannot be split: if there are no others, a group stays
    empty.
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
    """Which members leave a group: those on one side of its centre, along a random direction."""
    middle = points.mean(0)
    nudge = (_NUDGE * random.standard_normal(len(middle))).astype(np.float32)
    away = nearest(points - middle, np.stack([-nudge, nudge])) == 1
    return away if not away.all() else np.zeros(len(points), dtype=bool)


def _spread(points: Vectors, clusters: int, random: np.random.Generator) -> Vectors:
    """(clusters, d) initial centres: points drawn with probability by squared distance to earlier ones (k-means++)."""
    chosen = [int(random.integers(len(points)))]
    far = np.full(len(points), np.inf)
    for _ in range(clusters - 1):
        far = np.minimum(far, ((points - points[chosen[-1]]) ** 2).sum(1, dtype=np.float64))
        far[chosen] = 0.0
        whole = far.sum()
        chosen.append(int(random.choice(len(points), p=far / whole)) if whole else int(random.integers(len(points))))
    return points[chosen]


def evenly(labels: Labels, random: np.random.Generator) -> NDArray[np.int64]:
    """(n,) positions in random order, each label equally often, give or take one.

    Without this a network would learn the large groups only. Members of a small group are repeated; some of a large
    group wait for another epoch.
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
    """Normalised mutual information of two labelings of the same items, 0 to 1 (arithmetic mean of the entropies)."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(np.asarray(one), np.asarray(other)))
