"""Square root and centring: no single large value decides, and what all vectors have in common does not count.

Fitted to a collection's vectors, stored with those it gives (`engine.encoders.vectors.store`), applied to
queries alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import normalised

_BLOCK = 2**24  # values at once: 64 MB, however long the vectors are


@dataclass(frozen=True)
class Centring:
    """What is taken off the square roots of vectors, (d,) float32."""

    mean: NDArray[np.float32]

    def __call__(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, d) vectors to (n, d) float32 of length 1."""
        found = np.empty(vectors.shape, np.float32)
        step = _rows_at_once(vectors)
        for start in range(0, len(vectors), step):
            found[start : start + step] = normalised(_roots(vectors[start : start + step]) - self.mean)
        return found


def fit_centring(vectors: NDArray[np.float32]) -> Centring:
    """The centring of (n, d) vectors, as if one more of zeros were among them: so equal vectors keep a direction.

    Source: Perronnin, Sánchez and Mensink, "Improving the Fisher kernel for large-scale image classification", 2010,
    for the square root; Jégou and Chum, "Negative evidences and co-occurrences in image retrieval", 2012, for centring.
    """
    total, step = np.zeros(vectors.shape[1], np.float64), _rows_at_once(vectors)
    for start in range(0, len(vectors), step):
        total += _roots(vectors[start : start + step]).sum(0, dtype=np.float64)
    return Centring((total / (len(vectors) + 1)).astype(np.float32))


def _roots(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The signed square roots, brought to length 1."""
    return normalised(np.sign(vectors) * np.sqrt(np.abs(vectors)))


def _rows_at_once(vectors: NDArray[np.float32]) -> int:
    return max(1, _BLOCK // max(1, vectors.shape[1]))
