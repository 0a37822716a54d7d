"""PCA hashing: one bit for each side of the planes through the centre across the principal directions.

Wang, Kumar, Chang, "Semi-supervised hashing for scalable image retrieval" (CVPR 2010), its unsupervised case; randomly
rotated directions: Jégou, Douze, Schmid, Pérez, "Aggregating local descriptors into a compact image representation"
(CVPR 2010).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter
from engine.indexes.hashing.functions import MAX_BITS
from engine.indexes.hashing.hash_index import HashIndex
from engine.indexes.hashing.hyperplanes import Hyperplanes
from engine.indexes.hashing.principal import centre_of_points, principal_directions, rotations, sampled_points
from engine.indexes.hashing.tuning import Sizes
from engine.indexes.index import Vectors

_SAMPLE = 10_000  # at most so many vectors give the principal directions


class PCAH(HashIndex):
    """One bit for each of the leading principal directions; further tables turn these directions at random."""

    name = "pcah"
    title = "PCA hashing"
    rank = 20
    summary = "Codes from the signs of the principal components; re-ranks the pictures with the nearest codes."

    def fit(self, vectors: Vectors, tables: int, bits: int) -> Hyperplanes:
        rng = np.random.default_rng(self.seed)
        centre, basis, points = self._principal(vectors, bits, rng)
        normals = self._normals(points, rotations(tables, bits, rng))
        return Hyperplanes(*(array.astype(np.float32) for array in (centre, basis, normals)))

    def _principal(
        self, vectors: Vectors, bits: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """The centre (d,), the leading directions (b, d), and a sample of the vectors along them, (s, b)."""
        if bits > vectors.shape[1]:
            wanted = f"at most {vectors.shape[1]}, the dimensions of the vectors"
            raise BadParameter("bits", f"the method {self.name}", wanted, bits)
        points = sampled_points(vectors, self.metric, _SAMPLE, 2 * bits, rng)
        centre = centre_of_points(points)
        basis = principal_directions(points - centre, bits)
        return centre, basis, (points - centre) @ basis.T

    def _normals(self, points: NDArray[np.float64], starts: NDArray[np.float64]) -> NDArray[np.float64]:
        """(T, b, b) normals of the planes from (s, b) points and (T, b, b) rotations to start from."""
        return starts

    def most_bits(self, dimensions: int) -> int:
        return min(MAX_BITS, dimensions)

    def sizes(self, dimensions: int) -> Sizes:
        bits = [bits for bits in (4, 8, 12, 16, 20) if bits <= dimensions]
        return Sizes(tables=(1, 2, 4, 8, 12, 16), bits=bits or [dimensions])
