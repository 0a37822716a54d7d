"""Every family of hash functions, small vectors, and slow and plain versions of the search."""

from __future__ import annotations

import numpy as np

from engine.indexes.hashing.functions import HashFunctions
from engine.indexes.itq import ITQ
from engine.indexes.lsh import LSH
from engine.indexes.pcah import PCAH
from engine.indexes.spectral import SpectralHashing

FAMILIES = (LSH, PCAH, SpectralHashing, ITQ)


def some(count: int = 400, dimensions: int = 20, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((10, dimensions)) * 2
    return (centres[rng.integers(0, 10, count)] + rng.standard_normal((count, dimensions))).astype(np.float32)


def bits_of(functions: HashFunctions, vectors: np.ndarray, metric: str) -> np.ndarray:
    """(T, n, b), from the margins alone."""
    margins = functions.margins(functions.points(vectors, metric))
    return (margins > 0).reshape(len(vectors), functions.tables, functions.bits).transpose(1, 0, 2)
