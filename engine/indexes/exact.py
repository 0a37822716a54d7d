"""Exact search: every vector is compared with the query."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np

from engine.indexes.index import Ids, Index, Neighbours, Vectors, checked_k
from engine.indexes.ranking import as_neighbours
from engine.indexes.rows import RowTable, built


class Exact(Index):
    """All distances, the k smallest: the truth that the other methods are measured by."""

    name = "exact"
    title = "Exact"
    summary = "Compares the query with every image: always the right answer."

    _table: RowTable | None = None

    def build(self, ids: Ids, vectors: Vectors) -> Self:
        self._table = RowTable(ids, vectors)
        return self

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self._rows.add(ids, vectors)

    def remove(self, ids: Ids) -> None:
        self._rows.remove(ids)

    def search(self, queries: Vectors, k: int) -> Neighbours:
        from engine.indexes.kernels import nearest_of_all

        table, k = self._rows, checked_k(k)
        queries = table.checked_queries(queries)
        distances, rows = np.full((len(queries), k), np.inf), np.full((len(queries), k), -1, dtype=np.int64)
        nearest_of_all(queries, table.vectors, table.alive, self.metric == "cosine", distances, rows)
        return as_neighbours(table, distances, rows, self.metric, np.full(len(queries), table.size))

    def save(self, folder: Path) -> None:
        self._rows.save(folder)

    def load(self, folder: Path) -> Self:
        self._table = RowTable.load(folder)
        return self

    @property
    def size(self) -> int:
        return self._rows.size

    @property
    def chosen(self) -> dict[str, int]:
        return {}

    @property
    def _rows(self) -> RowTable:
        return built(self._table)
