"""What an index measures on a sample of its own vectors in order to choose its settings."""

from __future__ import annotations

import numpy as np

from engine.indexes.index import Vectors
from engine.indexes.table.rows import Rows, RowTable

NEIGHBOURS = 8  # the settings are chosen for the k that people ask for
MANY = 100  # … and once more for those who ask for more
WANTED_RECALL = 0.97  # of the sample: a little above the 0.95 that is promised for queries from outside it


def sample_rows(table: RowTable, count: int, seed: int) -> Rows:
    """At most `count` rows that are still there, drawn without repetition, in ascending order."""
    here = np.flatnonzero(table.alive)
    if len(here) <= count:
        return here
    return np.sort(np.random.default_rng(seed).choice(here, count, replace=False))


def prepared(vectors: Vectors, metric: str) -> Vectors:
    """The vectors in the space where straight-line distance orders as the metric does: length 1 for cosine."""
    if metric != "cosine":
        return vectors
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))[:, None]
    scaled = np.zeros(vectors.shape, dtype=np.float32)
    return np.divide(vectors, lengths, out=scaled, where=lengths > 0, casting="unsafe")
