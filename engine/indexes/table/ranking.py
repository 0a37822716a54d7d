"""Exact re-ranking: the true k nearest among each query's candidates, in double precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.indexes.index import Ids, Neighbours, Vectors
from engine.indexes.kernels.threads import threads_for
from engine.indexes.table.rows import RowTable


def nearest_among(
    table: RowTable, queries: Vectors, candidates: list[NDArray[np.int64]], metric: str, k: int
) -> Neighbours:
    """The k nearest of each query's (c,) candidate rows; `examined` is their number. Ties go to the earlier row."""
    return nearest_in_lists(table, queries, *_flattened(candidates), metric, k)


def nearest_in_lists(
    table: RowTable, queries: Vectors, flat: NDArray[np.int64], starts: Ids, metric: str, k: int
) -> Neighbours:
    """As `nearest_among`, with the candidates of query i in flat[starts[i]:starts[i + 1]]."""
    distances, rows = _ordered(table, queries, flat, starts, metric, k)
    return table.neighbours(distances, rows, metric, np.diff(starts))


def ordered_lists(
    table: RowTable, queries: Vectors, candidates: list[NDArray[np.int64]], metric: str, k: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The (q, k) nearest rows of each query's candidates and what they were ordered by (the square, for Euclidean)."""
    return _ordered(table, queries, *_flattened(candidates), metric, k)


def _flattened(candidates: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], Ids]:
    starts = np.zeros(len(candidates) + 1, dtype=np.int64)
    np.cumsum([len(rows) for rows in candidates], out=starts[1:])
    return np.concatenate([*candidates, np.empty(0, dtype=np.int64)]).astype(np.int64), starts


def _ordered(
    table: RowTable, queries: Vectors, flat: NDArray[np.int64], starts: Ids, metric: str, k: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    from engine.indexes.kernels.common import nearest_of

    distances = np.full((len(queries), k), np.inf)
    rows = np.full((len(queries), k), -1, dtype=np.int64)
    with threads_for(len(flat) * table.dimensions * 2e-10):
        nearest_of(queries, table.vectors, flat, starts, metric == "cosine", distances, rows)
    return distances, rows
