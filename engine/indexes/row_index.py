"""What every index that keeps its own rows has in common."""

from __future__ import annotations

from engine.indexes.index import Index
from engine.indexes.rows import RowTable, built


class RowIndex(Index):
    """An index over a table of rows, which is None until it is built or loaded."""

    _table: RowTable | None = None

    @property
    def size(self) -> int:
        return self._rows.size

    @property
    def _rows(self) -> RowTable:
        """The rows, else NotReady."""
        return built(self._table)
