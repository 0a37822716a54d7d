"""Sampling of an index's own vectors to choose its settings."""

from __future__ import annotations

import numpy as np

from engine.indexes.index import Vectors
from engine.indexes.table.rows import Rows, RowTable

NEIGHBOURS = 8  # settings are chosen for this common k
MANY = 100  # … and once more for large k
WANTED_RECALL = 0.97  # on the sample: a little above the 0.95 promised for new queries


def sample_rows(table: RowTable, count: int, seed: int) -> Rows:
    """At most `count` live rows, drawn without replacement, in ascending order."""
    here = np.flatnonzero(table.alive)
    if len(here) <= count:
        return here
    return np.sort(np.random.default_rng(seed).choice(here, count, replace=False))


def prepared(vectors: Vectors, metric: str) -> Vectors:
    """The vectors in the space where Euclidean distance orders like the metric: length 1 for cosine."""
    if metric != "cosine":
        return vectors
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))[:, None]
    scaled = np.zeros(vectors.shape, dtype=np.float32)
    return np.divide(vectors, lengths, out=scaled, where=lengths > 0, casting="unsafe")
