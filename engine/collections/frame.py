"""Collections in programs and notebooks: a pandas data frame, and a one-line summary."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from engine.collections.catalogue import ImageRow

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 10  # rows in a notebook
_COLUMNS = ("id", "name", "path", "label", "text", "width", "height", "bytes", "sha256")


class Framed:
    """A part of the Collection."""

    name: str

    def to_frame(self) -> pd.DataFrame:
        """One row for each picture, by id: name, path, label, text, width, height, bytes and sha256."""
        import pandas as pd

        rows = [
            (row.id, row.name, str(self.path_of(row)), row.label, row.text, row.width, row.height, row.size, row.hash)
            for row in self.rows("image")
        ]
        return pd.DataFrame(rows, columns=list(_COLUMNS))

    def rows(self, status: str = "") -> list[ImageRow]:
        """As the collection has it."""
        raise NotImplementedError

    def path_of(self, row: ImageRow) -> Path:
        """As the collection has it."""
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def _repr_html_(self) -> str:
        """The first pictures as a table, for notebooks; pandas escapes their names."""
        html: str = self.to_frame().head(_SHOWN)._repr_html_()
        return f"<p>{escape(repr(self))}</p>{html}"

    def __repr__(self) -> str:
        return f"<Collection {self.name}: {len(self):,} pictures>"
