"""Principal directions of a sample: those of largest variance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.indexes.index import Vectors
from engine.indexes.table.sampling import prepared

_SAMPLE_VALUES = 8_000_000  # at most so many values are sampled


def sampled_points(vectors: Vectors, metric: str, most: int, least: int, rng: np.random.Generator) -> NDArray:
    """(s, d) float64, a sample of the vectors, scaled for cosine: `most`, of very long ones fewer, but `least`."""
    count = min(len(vectors), most, max(least, _SAMPLE_VALUES // vectors.shape[1]))
    chosen = np.sort(rng.choice(len(vectors), count, replace=False))
    return prepared(vectors[chosen], metric).astype(np.float64)


def centre_of_points(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, d) points to their mean; the origin if there are none."""
    return points.mean(axis=0) if len(points) else np.zeros(points.shape[1])


def principal_directions(centred: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The (count, d) orthonormal leading directions of (n, d) centred points; arbitrary ones if n ≤ count."""
    dimensions = centred.shape[1]
    if len(centred) <= count:
        drawn = np.random.default_rng(0).standard_normal((dimensions, count))
        return np.linalg.qr(drawn)[0].T
    if dimensions <= len(centred):
        return np.linalg.eigh(centred.T @ centred)[1][:, : -count - 1 : -1].T
    # With fewer points than dimensions their inner products tell the same, and are fewer.
    combined = np.linalg.eigh(centred @ centred.T)[1][:, : -count - 1 : -1].T @ centred
    return np.linalg.qr(combined.T)[0].T


def rotations(count: int, dimensions: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(count, p, p) orthogonal matrices: the first is the identity, the others are drawn at random."""
    drawn = np.linalg.qr(rng.standard_normal((count, dimensions, dimensions)))[0]
    drawn[:1] = np.eye(dimensions)
    return drawn
