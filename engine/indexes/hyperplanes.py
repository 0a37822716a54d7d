"""Random hyperplanes: the hash functions of LSH.

Charikar, "Similarity estimation techniques from rounding algorithms" (STOC 2002).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.indexes.index import Vectors
from engine.indexes.sampling import prepared
from engine.storage import load_array

_CHUNK = 8192  # points hashed at a time
_SAMPLE = 5000  # at most so many vectors, and so many values, give the centre and the principal directions
_SAMPLE_VALUES = 8_000_000
_DIRECTIONS = 32  # planes are drawn inside so many leading principal directions


@dataclass(frozen=True)
class Hyperplanes:
    """T tables of b planes through `centre`; a vector's code has a bit for each plane, set on its positive side.

    Attributes:
        centre: (d,) float32, taken off every vector first.
        basis: (p, d) float32, orthonormal directions in which the planes are drawn.
        normals: (T, b, p) float32.
    """

    centre: NDArray[np.float32]
    basis: NDArray[np.float32]
    normals: NDArray[np.float32]

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
        """The first so many tables with the first so many planes of each."""
        return replace(self, normals=np.ascontiguousarray(self.normals[:tables, :bits]))

    def points(self, vectors: Vectors, metric: str) -> Vectors:
        """(n, d) vectors to the (n, p) points that are hashed: scaled for cosine, centred, in the basis."""
        if self._in_all_axes:
            return prepared(vectors, metric) - self.centre
        # In double precision, so that how many are hashed at once does not show in the last bit.
        wide = prepared(vectors, metric).astype(np.float64) - self.centre
        return (wide @ self.basis.T.astype(np.float64)).astype(np.float32)

    def codes(self, vectors: Vectors, metric: str) -> tuple[NDArray, NDArray[np.float32]]:
        """(n, d) vectors to (T, n) codes and the (n, T·b) signed distances to the planes."""
        parts = [self._hashed(self.points(vectors[i : i + _CHUNK], metric)) for i in range(0, len(vectors), _CHUNK)]
        if not parts:
            return np.empty((self.tables, 0), self.code_type), np.empty((0, self.tables * self.bits), np.float32)
        return np.concatenate([p[0] for p in parts], axis=1), np.concatenate([p[1] for p in parts])

    def only_codes(self, vectors: Vectors, metric: str) -> NDArray:
        """As `codes` without the distances, which would not fit into memory for a whole collection."""
        codes: NDArray = np.empty((self.tables, len(vectors)), self.code_type)
        for i in range(0, len(vectors), _CHUNK):
            codes[:, i : i + _CHUNK] = self._hashed(self.points(vectors[i : i + _CHUNK], metric))[0]
        return codes

    @property
    def code_type(self) -> type:
        return np.uint32 if self.bits <= 32 else np.uint64

    def _hashed(self, points: Vectors) -> tuple[NDArray, NDArray[np.float32]]:
        from engine.indexes.kernels import threads_for
        from engine.indexes.lsh_kernels import hash_points

        flat = self.normals.reshape(-1, self.normals.shape[2])
        margins = points @ flat.T
        codes: NDArray = np.empty((self.tables, len(points)), self.code_type)
        # A bound on the rounding of a product of p terms in single precision, times the longest normal.
        doubtful = float(points.shape[1] * 2.0**-23 * np.sqrt((flat.astype(np.float64) ** 2).sum(1).max()))
        with threads_for(margins.size * 2e-9):
            hash_points(points, self.normals, margins, doubtful, codes)
        return codes, margins

    def save(self, folder: Path) -> None:
        for name in ("centre", "basis", "normals"):
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(*(load_array(folder / f"{name}.npy") for name in ("centre", "basis", "normals")))


def draw_hyperplanes(vectors: Vectors, metric: str, tables: int, bits: int, seed: int) -> Hyperplanes:
    """Planes through the vectors' mean, drawn inside their leading principal directions.

    Most of what separates the vectors happens in those directions, so that a plane drawn there tells more than one
    drawn in all of them.
    """
    rng = np.random.default_rng(seed)
    count = min(len(vectors), _SAMPLE, max(2 * _DIRECTIONS, _SAMPLE_VALUES // vectors.shape[1]))
    chosen = np.sort(rng.choice(len(vectors), count, replace=False))
    points = prepared(vectors[chosen], metric).astype(np.float64)
    centre = points.mean(axis=0) if len(points) else np.zeros(vectors.shape[1])
    basis = _principal_directions(points - centre)
    normals = rng.standard_normal((tables, bits, len(basis)))
    return Hyperplanes(centre.astype(np.float32), basis.astype(np.float32), normals.astype(np.float32))


def _principal_directions(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, d) centred points to the (p, d) leading directions; all d axes where there are few, any where n is small."""
    dimensions = centred.shape[1]
    if dimensions <= _DIRECTIONS:
        return np.eye(dimensions)
    if len(centred) <= _DIRECTIONS:
        drawn = np.random.default_rng(0).standard_normal((dimensions, _DIRECTIONS))
        return np.linalg.qr(drawn)[0].T
    if dimensions <= len(centred):
        return np.linalg.eigh(centred.T @ centred)[1][:, : -_DIRECTIONS - 1 : -1].T
    # With fewer points than dimensions their inner products tell the same, and are fewer.
    combined = np.linalg.eigh(centred @ centred.T)[1][:, : -_DIRECTIONS - 1 : -1].T @ centred
    return np.linalg.qr(combined.T)[0].T
