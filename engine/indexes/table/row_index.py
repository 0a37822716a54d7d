"""What every index that keeps its own rows has in common."""

from __future__ import annotations

from engine.indexes.index import Ids, Index, Vectors
from engine.indexes.table.rows import RowTable, built


class RowIndex(Index):
    """An index over a table of rows, which is None until it is built or loaded."""

    _table: RowTable | None = None

    @property
    def size(self) -> int:
        return self._rows.size

    @property
    def ids(self) -> Ids:
        """(n,) the ids of what is indexed."""
        return self._rows.ids[self._rows.alive]

    def vectors_of(self, ids: Ids) -> Vectors:
        """(n, d) the vectors under these ids; NotFound when one is not there."""
        return self._rows.vectors_of(ids)

    @property
    def _rows(self) -> RowTable:
        """The rows, else NotReady."""
        return built(self._table)
