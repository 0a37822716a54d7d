"""Square root, centring and PCA: long vectors as short ones, in which large variances dominate less.

Fitted to a collection's vectors, and applied to queries likewise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import normalised
from engine.encoders.vectors.centring import fit_centring, signed_roots
from engine.encoders.vectors.whitening import principal_directions, rows_to_fit

MOST = 256  # values of a compressed vector
_POWER = 0.75  # a component of standard deviation s gets the deviation s^0.75: 1 is PCA, 0 whitening
_BLOCK = 2**24  # values per block: 64 MB for any vector width
_TINY = 1e-6

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Compression:
    """The (d,) float32 mean of the square roots, and the scaled principal directions, (k, d) float32."""

    mean: NDArray[np.float32]
    components: Matrix

    def __call__(self, vectors: Matrix) -> Matrix:
        """(n, d) vectors to (n, k) float32 unit vectors."""
        found = np.empty((len(vectors), len(self.components)), np.float32)
        rows = max(1, _BLOCK // len(self.mean))
        for start in range(0, len(vectors), rows):
            centred = signed_roots(vectors[start : start + rows]) - self.mean
            found[start : start + rows] = normalised(centred @ self.components.T)
        return found


def fit_compression(vectors: Matrix) -> Compression:
    """The compression of (n, d) vectors to k = min(256, d, n) values.

    As for centring, the mean includes a zero vector, so that equal vectors keep a direction.
    Source: Jégou and Chum, "Negative evidences and co-occurrences in image retrieval: the benefit of PCA and
    whitening", 2012; they whiten fully, which amplifies the noise of small collections.
    """
    mean = fit_centring(vectors).mean
    variances, directions = principal_directions(signed_roots(rows_to_fit(vectors)) - mean, MOST)
    kept = variances > _TINY * max(variances[0], _TINY)
    kept[0] = True
    scales = np.maximum(variances[kept], _TINY**2) ** ((_POWER - 1) / 2)
    return Compression(mean, (directions[kept] * scales[:, None]).astype(np.float32))
