"""The true neighbours of a sample of an index's own vectors."""

from __future__ import annotations

import numpy as np

from engine.indexes.exact import Exact
from engine.indexes.table.rows import Rows, RowTable
from engine.indexes.table.sampling import NEIGHBOURS, sample_rows

_SAMPLE = 256  # stored vectors used as queries
_RANKS = 32  # maximum neighbours of each
_REFERENCE = 100_000  # maximum vectors searched for the sample's true neighbours


def true_neighbours(table: RowTable, metric: str, seed: int, neighbours: int = NEIGHBOURS) -> tuple[Rows, Rows]:
    """A sample (s,) of rows and their nearest neighbours (s, m), themselves excluded; −1 where fewer exist.

    Beyond 100,000 vectors the neighbours are those within a sample of that size, as many as belong to its share but
    eight at least; of more than 32 they are every second, third …
    """
    reference = sample_rows(table, _REFERENCE, seed)
    sample = sample_rows(table, _SAMPLE, seed + 1)
    vectors = table.vectors if len(reference) == len(table.ids) else table.vectors[reference]
    count = _share_of(neighbours, len(reference) / max(table.size, 1))
    found = Exact(metric).build(reference, vectors).search(table.vectors[sample], count + 1).ids
    ranks = np.linspace(0, count - 1, min(count, _RANKS)).round().astype(np.int64)
    return sample, without_themselves(found, sample)[:, ranks]


def _share_of(neighbours: int, share: float) -> int:
    """How many of the `neighbours` nearest to expect within a share of the vectors."""
    return min(neighbours, max(NEIGHBOURS, round(neighbours * share)))


def without_themselves(found: Rows, own: Rows) -> Rows:
    """Each row's neighbours without itself; where it is not among them (equal vectors), without the last."""
    drop = found == own[:, None]
    drop[~drop.any(axis=1), -1] = True
    return found[~drop].reshape(len(found), found.shape[1] - 1)
