"""Square root and centring: dampens single large values and removes the component common to all vectors.

Fitted to a collection's vectors, stored with the centred ones (`engine.encoders.vectors.store`), and applied to
queries likewise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import normalised

_BLOCK = 2**24  # values per block: 64 MB for any vector width


@dataclass(frozen=True)
class Centring:
    """The (d,) float32 mean subtracted from the square roots of vectors."""

    mean: NDArray[np.float32]

    def __call__(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, d) vectors to (n, d) float32 unit vectors."""
        found = np.empty(vectors.shape, np.float32)
        step = _rows_at_once(vectors)
        for start in range(0, len(vectors), step):
            found[start : start + step] = normalised(signed_roots(vectors[start : start + step]) - self.mean)
        return found


def fit_centring(vectors: NDArray[np.float32]) -> Centring:
    """The centring of (n, d) vectors, with an additional zero vector so that equal vectors keep a direction.

    Source: Perronnin, Sánchez and Mensink, "Improving the Fisher kernel for large-scale image classification", 2010,
    for the square root; Jégou and Chum, "Negative evidences and co-occurrences in image retrieval", 2012, for centring.
    """
    total, step = np.zeros(vectors.shape[1], np.float64), _rows_at_once(vectors)
    for start in range(0, len(vectors), step):
        total += signed_roots(vectors[start : start + step]).sum(0, dtype=np.float64)
    return Centring((total / (len(vectors) + 1)).astype(np.float32))


def signed_roots(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The signed square roots, scaled to length 1."""
    return normalised(np.sign(vectors) * np.sqrt(np.abs(vectors)))


def _rows_at_once(vectors: NDArray[np.float32]) -> int:
    return max(1, _BLOCK // max(1, vectors.shape[1]))
