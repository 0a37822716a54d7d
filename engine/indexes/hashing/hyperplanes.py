"""Hyperplanes as hash functions: random ones for LSH, principal or rotated ones for the methods that learn from data.

Charikar, "Similarity estimation techniques from rounding algorithms" (STOC 2002).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.indexes.hashing.functions import HashFunctions, centred
from engine.indexes.hashing.principal import centre_of_points, principal_directions, sampled_points
from engine.indexes.index import Vectors
from engine.indexes.kernels.threads import threads_for
from engine.indexes.table.sampling import prepared

SAMPLE = 5000  # at most so many vectors give the centre, the principal directions and the thresholds
DIRECTIONS = 32  # random planes are drawn inside so many leading principal directions
_DRAWN_FOR_ONE = 4  # planes are drawn for each one that is kept because it is balanced


@dataclass(frozen=True)
class Hyperplanes(HashFunctions):
    """T tables of b planes; a vector's code has a bit for each plane, set on its positive side.

    Attributes:
        centre: (d,) float32, subtracted from every vector first.
        basis: (p, d) float32, orthonormal directions in which the planes lie.
        normals: (T, b, p) float32.
        thresholds: (T, b) float32, the distance of each plane from the centre along its normal; 0 by default.
    """

    centre: NDArray[np.float32]
    basis: NDArray[np.float32]
    normals: NDArray[np.float32]
    thresholds: NDArray[np.float32] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.thresholds is None:
            object.__setattr__(self, "thresholds", np.zeros(self.normals.shape[:2], np.float32))

    @cached_property
    def _in_all_axes(self) -> bool:
        dimensions = len(self.centre)
        return len(self.basis) == dimensions and bool((self.basis == np.eye(dimensions)).all())

    @property
    def tables(self) -> int:
        return int(self.normals.shape[0])

    @property
    def bits(self) -> int:
        return int(self.normals.shape[1])

    def first(self, tables: int, bits: int) -> Hyperplanes:
        normals = np.ascontiguousarray(self.normals[:tables, :bits])
        return replace(self, normals=normals, thresholds=np.ascontiguousarray(self.thresholds[:tables, :bits]))

    def points(self, vectors: Vectors, metric: str) -> Vectors:
        if self._in_all_axes:
            return prepared(vectors, metric) - self.centre
        return (centred(vectors, metric, self.centre) @ self.basis.T.astype(np.float64)).astype(np.float32)

    def margins(self, points: NDArray) -> NDArray[np.float32]:
        from engine.indexes.kernels.lsh import settle_margins

        flat, thresholds = self.normals.reshape(-1, self.normals.shape[2]), self.thresholds.ravel()
        margins: NDArray[np.float32] = points @ flat.T
        if thresholds.any():
            margins -= thresholds
        with threads_for(margins.size * 1e-9):
            settle_margins(points, flat, thresholds, self._doubtful, margins)
        return margins

    @cached_property
    def _doubtful(self) -> float:
        """A bound on the rounding of a product of p terms in single precision, times the longest normal."""
        longest = np.sqrt((self.normals.astype(np.float64) ** 2).sum(axis=2).max(initial=0))
        return float(self.normals.shape[2] * 2.0**-23 * longest)


def draw_hyperplanes(
    vectors: Vectors,
    metric: str,
    tables: int,
    bits: int,
    seed: int,
    selection: str = "plain",
    directions: int = DIRECTIONS,
) -> Hyperplanes:
    """Planes through the vectors' mean, drawn inside their leading principal directions.

    Most of the variance lies in those directions, so a plane drawn there separates more than one drawn in all of them.
    `selection` may be plain, median (each plane is moved to where it splits a sample in half) or balanced (of several
    drawn, those that split it most evenly are kept).
    """
    rng = np.random.default_rng(seed)
    points = sampled_points(vectors, metric, SAMPLE, 2 * directions, rng)
    centre = centre_of_points(points)
    points = points - centre
    axes = len(centre) <= directions
    basis = np.eye(len(centre)) if axes else principal_directions(points, directions)
    points = points @ basis.T
    if selection == "balanced":
        normals = np.stack([_balanced(points, bits, rng) for _ in range(tables)])
    else:
        normals = rng.standard_normal((tables, bits, len(basis)))
    thresholds = _medians(points, normals) if selection == "median" else np.zeros((tables, bits))
    arrays = (centre, basis, normals, thresholds)
    return Hyperplanes(*(array.astype(np.float32) for array in arrays))


def _balanced(points: NDArray[np.float64], bits: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The 4·b of the (b, p) normals that split the points most evenly, in the order in which they were drawn."""
    drawn = rng.standard_normal((_DRAWN_FOR_ONE * bits, points.shape[1]))
    uneven = np.abs((points @ drawn.T > 0).sum(axis=0) - len(points) / 2)
    return drawn[np.sort(np.argsort(uneven, kind="stable")[:bits])]


def _medians(points: NDArray[np.float64], normals: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, b), the median of the points along each normal; 0 where there are no points."""
    if not len(points):
        return np.zeros(normals.shape[:2])
    return np.stack([np.median(points @ table.T, axis=0) for table in normals])
