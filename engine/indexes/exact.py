"""Exact search: every vector is considered; the result equals a full comparison in double precision.

`screening.py` explains how it is still fast.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.indexes.index import Ids, Neighbours, Vectors
from engine.indexes.table.ranking import nearest_among
from engine.indexes.table.rows import RowIndex, Rows, RowTable, checked_k
from engine.indexes.table.screen import make_screen
from engine.indexes.table.screening import CodeScreen, Screen

_CHUNK = 1024  # queries per block
# Products of two values up to which comparing all takes a few milliseconds. No screen is made then: compiling its
# loops takes fifteen seconds on a new computer, those of plain comparison two.
_FEW = 1 << 23


class Exact(RowIndex):
    """The k nearest of all vectors: the ground truth for the other methods. Ties go to the earlier vector."""

    name = "exact"
    title = "Exact"
    rank = 0
    reference = True
    summary = "Compares the query with every picture: always correct."

    def __init__(self, metric: str) -> None:
        super().__init__(metric)
        self._screen: Screen | None = None

    def build(self, ids: Ids, vectors: Vectors) -> Self:
        self._table = RowTable(ids, vectors)
        self._screen = self._made_screen() if self._table.vectors.size > _FEW else None
        return self

    def _made_screen(self) -> Screen:
        screen = make_screen(self._rows, self.metric)
        screen.forget(np.flatnonzero(~self._rows.alive))
        return screen

    def add(self, ids: Ids, vectors: Vectors) -> None:
        rows = self._rows.add(ids, vectors)
        if self._screen is not None:
            self._screen.write(rows)

    def remove(self, ids: Ids) -> None:
        rows = self._rows.remove(ids)
        if self._screen is not None:
            self._screen.forget(rows)

    def search(self, queries: Vectors, k: int) -> Neighbours:
        table, k = self._rows, checked_k(k)
        queries = table.checked_queries(queries)
        distances, rows = np.full((len(queries), k), np.inf), np.full((len(queries), k), -1, dtype=np.int64)
        if len(queries) * table.vectors.size <= _FEW:
            self._compare_all(queries, distances, rows, np.arange(len(queries)))
        else:
            if self._screen is None:
                self._screen = self._made_screen()
            compared = self._screen.search(queries, distances, rows)
            self._compare_all(queries, distances, rows, np.flatnonzero(compared < 0))
        return table.neighbours(distances, rows, self.metric, np.full(len(queries), table.size))

    def search_among(self, ids: Ids, queries: Vectors, k: int) -> Neighbours:
        """The k nearest among these ids, each of which is compared."""
        table, k = self._rows, checked_k(k)
        queries, rows = table.checked_queries(queries), np.sort(table.rows_of(ids))
        return nearest_among(table, queries, [rows] * len(queries), self.metric, k)

    def _compare_all(self, queries: Vectors, distances: NDArray[np.float64], rows: Rows, left: Ids) -> None:
        """Brute force, for few vectors and for queries without useful bounds."""
        from engine.indexes.kernels.common import nearest_of_all

        table, cosine = self._rows, self.metric == "cosine"
        for i in range(0, len(left), _CHUNK):
            part = left[i : i + _CHUNK]
            near, at = np.full((len(part), rows.shape[1]), np.inf), np.full((len(part), rows.shape[1]), -1)
            nearest_of_all(table.checked_queries(queries[part]), table.vectors, table.alive, cosine, near, at)
            distances[part], rows[part] = near, at

    def save(self, folder: Path) -> None:
        kept = self._rows.save(folder)
        whole = len(kept) == len(self._rows.ids)
        if isinstance(self._screen, CodeScreen) and whole:
            self._screen.save(folder)

    def load(self, folder: Path) -> Self:
        self._table = RowTable.load(folder)
        if (folder / "screen-codes.npy").exists():
            self._screen = CodeScreen(self._table, self.metric).load(folder)
        elif self._table.vectors.size > _FEW:
            self._screen = self._made_screen()
        return self

    @property
    def chosen(self) -> dict[str, int]:
        return {}
