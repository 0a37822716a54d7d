"""All facts about a collection's pictures as columns, for filters and for the view of one picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.collections.facts.exif import Exif
from engine.collections.facts.marks import Mark, marks
from engine.collections.facts.stored import columns_by_id, exif_by_hash
from engine.collections.images import row_among

_NO_EXIF, _NO_MARK = Exif(), Mark()


@dataclass(frozen=True)
class PictureTable:
    """The usable pictures of a collection by id, as lists of equal length.

    Attributes:
        ids: (n,) int64, ascending. widths, heights: (n,) upright pixels. bytes: (n,) sizes of the files.
        names: paths below the source, with slashes. exif: empty if nothing is known.
        columns: the further columns of the collection's table by name, "" for a picture without a cell.
        missing: for how many pictures EXIF has not been read yet; the job "facts" does that.
    """

    ids: NDArray[np.int64]
    names: list[str]
    labels: list[str]
    texts: list[str]
    widths: NDArray[np.int64]
    heights: NDArray[np.int64]
    bytes: NDArray[np.int64]
    exif: list[Exif]
    marks: list[Mark]
    columns: dict[str, list[str]]
    missing: int

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def folders(self) -> list[str]:
        """The folder of each picture below the source, "" for the source itself."""
        return [folder_of(name) for name in self.names]

    def row(self, id: int) -> int | None:
        """The position of an id, None if it is not there."""
        return row_among(self.ids, id)


def with_marks(table: PictureTable, collection: Collection) -> PictureTable:
    """The table with the current tags and stars; Corrupt if these are damaged."""
    marked = marks(collection)
    return replace(table, marks=[marked.get(id, _NO_MARK) for id in table.ids.tolist()]) if marked else table


def unmarked_table(collection: Collection) -> PictureTable:
    """The table from the catalogue alone, which changes less often than tags and stars; Corrupt if it is damaged."""
    with collection.catalogue.reading() as reading:
        images = collection.images(reading)
        exif, columns = exif_by_hash(reading), columns_by_id(reading)
    ids = images.ids.tolist()
    names = dict.fromkeys(name for id in ids for name in columns.get(id, ())) if columns else {}
    return PictureTable(
        ids=images.ids,
        names=images.names,
        labels=images.labels,
        texts=images.texts,
        widths=images.shapes[:, 0].astype(np.int64),
        heights=images.shapes[:, 1].astype(np.int64),
        bytes=images.sizes,
        exif=[exif.get(hash, _NO_EXIF) for hash in images.hashes],
        marks=[_NO_MARK] * len(images),
        columns={name: [columns.get(id, {}).get(name, "") for id in ids] for name in names},
        missing=sum(hash not in exif for hash in images.hashes),
    )


def folder_of(name: str) -> str:
    """The folder of a picture's name.

    >>> folder_of("2024/lake/1.jpg"), folder_of("1.jpg")
    ('2024/lake', '')
    """
    return name.replace("\\", "/").rpartition("/")[0]
