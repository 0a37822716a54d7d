"""What an index measures on a sample of its own vectors in order to choose its settings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.indexes.index import Vectors
from engine.indexes.table.rows import Rows, RowTable

NEIGHBOURS = 8  # the settings are chosen for the k that people ask for
MANY = 100  # … and once more for those who ask for more
WANTED_RECALL = 0.97  # of the sample: a little above the 0.95 that is promised for queries from outside it
_SAMPLE = 256  # stored vectors that stand in for queries
_RANKS = 32  # at most so many neighbours of each
_REFERENCE = 100_000  # at most so many vectors are searched for the sample's true neighbours


def sample_rows(table: RowTable, count: int, seed: int) -> Rows:
    """At most `count` rows that are still there, drawn without repetition, in ascending order."""
    here = np.flatnonzero(table.alive)
    if len(here) <= count:
        return here
    return np.sort(np.random.default_rng(seed).choice(here, count, replace=False))


def true_neighbours(table: RowTable, metric: str, seed: int, neighbours: int = NEIGHBOURS) -> tuple[Rows, Rows]:
    """A sample of rows, (s,), and nearest besides themselves, (s, m), −1 where missing: some of so many `neighbours`.

    Beyond 100,000 vectors the neighbours are those within a sample of that size, as many as belong to its share but
    eight at least; of more than 32 they are every second, third …
    """
    from engine.indexes.exact import Exact

    reference = sample_rows(table, _REFERENCE, seed)
    sample = sample_rows(table, _SAMPLE, seed + 1)
    vectors = table.vectors if len(reference) == len(table.ids) else table.vectors[reference]
    count = _share_of(neighbours, len(reference) / max(table.size, 1))
    found = Exact(metric).build(reference, vectors).search(table.vectors[sample], count + 1).ids
    ranks = np.linspace(0, count - 1, min(count, _RANKS)).round().astype(np.int64)
    return sample, _without(found, sample)[:, ranks]


def _share_of(neighbours: int, share: float) -> int:
    """How many of so many nearest neighbours are looked for within a share of the vectors."""
    return min(neighbours, max(NEIGHBOURS, round(neighbours * share)))


def _without(found: Rows, own: Rows) -> Rows:
    """Each row's neighbours without itself; where it is not among them (equal vectors), without the last."""
    drop = found == own[:, None]
    drop[~drop.any(axis=1), -1] = True
    return found[~drop].reshape(len(found), found.shape[1] - 1)


def prepared(vectors: Vectors, metric: str) -> Vectors:
    """The vectors in the space where straight-line distance orders as the metric does: length 1 for cosine."""
    if metric != "cosine":
        return vectors
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))[:, None]
    scaled = np.zeros(vectors.shape, dtype=np.float32)
    return np.divide(vectors, lengths, out=scaled, where=lengths > 0, casting="unsafe")


def share_found(hits: NDArray[np.bool_], neighbours: Rows) -> float:
    """The share of the sample's true neighbours that are found; 1 where there are none."""
    there = neighbours >= 0
    return float(hits[there].mean()) if there.any() else 1.0
