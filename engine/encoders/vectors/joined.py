"""Vectors of several encoders side by side."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import normalised
from engine.encoders.vectors.store import Vectors

Matrix = NDArray[np.float32]
Rows = NDArray[np.int64]


def common_rows(found: Sequence[Vectors]) -> tuple[Rows, list[Rows]]:
    """The ids for which every encoder has a vector, ascending, and their rows in the vectors of each."""
    ids: Rows = reduce(np.intersect1d, [vectors.ids for vectors in found])
    return ids, [np.searchsorted(vectors.ids, ids) for vectors in found]


def side_by_side(parts: Sequence[Matrix], shares: Sequence[float]) -> Matrix:
    """(n, dᵢ) vectors as (n, Σ dᵢ): each of length 1 times the square root of its share; zero vectors stay zero.

    The shares, which sum to 1, are the weights of the parts in a cosine similarity.
    """
    scaled = [normalised(part) * share**0.5 for part, share in zip(parts, shares, strict=True)]
    return np.concatenate(scaled, 1).astype(np.float32)
