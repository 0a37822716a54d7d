"""The part of the workbench for single pictures and their facts: look, facts, tags and stars."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from engine.collections.facts import marks
from engine.collections.facts.exif import Exif
from engine.collections.facts.sidecars import undo_sidecars
from engine.collections.facts.table import PictureTable, folder_of, unmarked_table, with_marks
from engine.collections.facts.where import Where, matching, parse_where, print_where, values_of
from engine.collections.reading.workers import exif_table_in_worker, shown_in_worker
from engine.core.cache import Cache, catalogue_stamp, file_stamp
from engine.core.errors import BadParameter, BenzerError, NotFound
from engine.core.home import Home
from engine.core.settings import check_whole
from engine.duplicates.acts.checking import Refusal
from engine.search.limits import Limits
from engine.workbench.copying import remove_copies, zipped
from engine.workbench.part import COLLECTIONS_KEPT, Part

LARGEST_SIDE = 16_384  # pixels, of a picture that is looked at
_TABLES_KEPT = 4  # of two collections, each with and without marks


@dataclass(frozen=True)
class PictureFacts:
    """All facts about one picture, for its page.

    Attributes:
        name: of the file. folder: below the collection's source. path: where the file is now.
        width, height: upright, in pixels. bytes: of the file.
        exif: date, camera, lens and place. exif_table: every readable tag as (name, value); read from the file.
        columns: the further columns of the collection's table.
    """

    id: int
    name: str
    folder: str
    path: Path
    width: int
    height: int
    bytes: int
    label: str
    text: str
    tags: tuple[str, ...]
    stars: int
    exif: Exif
    exif_table: tuple[tuple[str, str], ...]
    columns: dict[str, str]


class PictureMethods(Part):
    """Methods for pictures and their facts, mixed into `Workbench`."""

    def __init__(self, home: Home | None = None) -> None:
        super().__init__(home)
        self._tables: Cache[PictureTable] = Cache(_TABLES_KEPT)
        self._meeting: Cache[NDArray[np.int64]] = Cache(COLLECTIONS_KEPT)  # a page asks for one several times

    def look(self, collection: str, id: int, side: int | None = 1920) -> bytes:
        """The original picture as an upright JPEG of at most `side` pixels, None for its own size.

        Raises:
            NotFound: no such picture, or its file has vanished. UnreadableImage: it can no longer be decoded.
        """
        if side is not None:
            check_whole("side", "the picture", side, 16, LARGEST_SIDE)
        return shown_in_worker(self.collection(collection).picture(id), side)

    def picture_table(self, collection: str) -> PictureTable:
        """All facts about a collection's pictures as columns, cached until something changes."""
        known, marked = self._marked(collection)
        own = (collection, known)
        return self._tables.get((*own, marked), lambda: with_marks(self._unmarked(own), self.collection(collection)))

    def _marked(self, collection: str) -> tuple[object, object]:
        """Changes with the catalogue, and with tags and stars."""
        folder = self.home.datasets / collection
        return catalogue_stamp(folder), file_stamp(folder / marks.FILE)

    def _unmarked(self, known: tuple[str, object]) -> PictureTable:
        return self._tables.get(known, lambda: unmarked_table(self.collection(known[0])))

    def picture_facts(self, collection: str, id: int) -> PictureFacts:
        """All facts about one picture, its EXIF table included; NotFound for an unknown id.

        A file that can no longer be read has an empty EXIF table.
        """
        opened, table = self.collection(collection), self.picture_table(collection)
        record, row = opened.image(id), table.row(int(id))
        if row is None:
            raise NotFound(f"There is no picture {id} in the collection {opened.title!r}.")
        mark = table.marks[row]
        return PictureFacts(
            id=record.id,
            name=PurePosixPath(record.name.replace("\\", "/")).name,
            folder=folder_of(record.name),
            path=record.path,
            width=record.width,
            height=record.height,
            bytes=record.bytes,
            label=record.label,
            text=record.text,
            tags=mark.tags,
            stars=mark.stars,
            exif=table.exif[row],
            exif_table=_exif_table(lambda: opened.picture(id)),
            columns={name: cells[row] for name, cells in table.columns.items() if cells[row]},
        )

    def paths(self, collection: str, ids: Iterable[int]) -> list[Path]:
        """Where the files of pictures are now, in the order of the ids; NotFound for an unknown one."""
        return self.collection(collection).paths(ids)

    def facts_missing(self, collection: str) -> int:
        """For how many pictures EXIF has not been read; `start("facts", collection=…)` reads it."""
        return self.picture_table(collection).missing

    def filter_values(self, collection: str) -> dict[str, list[tuple[str, int]]]:
        """What a filter can choose from: values by field, each with its count; see `where.values_of`."""
        return values_of(self.picture_table(collection))

    def meeting(self, collection: str, where: str | Where) -> NDArray[np.int64]:
        """The ids of the pictures that meet a filter, ascending; BadParameter for an invalid condition."""
        conditions = _conditions(where)
        known = (collection, *self._marked(collection), conditions)

        def found() -> NDArray[np.int64]:
            table = self.picture_table(collection)
            return table.ids[matching(conditions, table)]

        return self._meeting.get(known, found)

    def _limits(self, collection: str, include_query: bool, label: str | None, where: str | Where) -> Limits:
        """What a search may find; BadParameter for an invalid condition of the filter."""
        conditions = _conditions(where)
        if not conditions:
            return Limits(include_query, label)
        return Limits(include_query, label, print_where(conditions), self.meeting(collection, conditions))

    def zipped(self, collection: str, ids: Sequence[int]) -> IO[bytes]:
        """The files of pictures as one ZIP, a temporary file; see `copying.zipped`."""
        return zipped(self.collection(collection), ids)

    def remove_copies(self, collection: str, folder: Path, made: Sequence[Sequence[Any]]) -> tuple[int, list[Refusal]]:
        """Undo the copying of the job "files"; see `copying.remove_copies`."""
        return remove_copies(self.collection(collection), folder, made)

    def undo_sidecars(self, collection: str, act: str = "") -> tuple[int, list[tuple[str, str]]]:
        """Undo the writing of the job "sidecars"; see `sidecars.undo_sidecars`."""
        return undo_sidecars(self.collection(collection), act)

    # Copying files and writing sidecars are jobs: start("files", collection=…, ids=…, folder=…, sidecars=…) and
    # start("sidecars", collection=…, ids=…), where ids=None stands for every picture with tags or stars.

    # ── tags and stars ───────────────────────────────────────────────────────────────────────────────────────────

    def mark(
        self,
        collection: str,
        ids: Iterable[int],
        *,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
        stars: int | None = None,
        made: float | None = None,
    ) -> int:
        """Tag pictures, remove tags, set stars; returns how many changed. All or none; `undo_mark` reverts it.

        Args:
            made: when, by which `undo_mark` finds it among the changes of others; None for now.

        Raises:
            BadParameter: nothing to change, or a bad tag or number of stars. NotFound: an id is no picture.
        """
        return marks.mark_pictures(self.collection(collection), ids, add=add, remove=remove, stars=stars, made=made)

    def undo_mark(self, collection: str, made: float | None = None) -> int:
        """Undo the last change of tags and stars, or the one made at that time; returns how many pictures changed.

        Raises:
            NotFound: nothing to take back.
        """
        return marks.undo_marks(self.collection(collection), made)


def _exif_table(read: Callable[[], bytes]) -> tuple[tuple[str, str], ...]:
    try:
        return tuple(exif_table_in_worker(read()))
    except BenzerError:
        return ()


def _conditions(where: object) -> Where:
    if not isinstance(where, str | tuple | list):
        raise BadParameter("filter", "the search", "a text, like label=cat", where)
    return parse_where(where) if isinstance(where, str) else tuple(where)
