"""A table together with its pictures, in archives or as single files: the table gives the labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.collections.report import ImportReport
from engine.collections.sources import importing, uploads
from engine.collections.sources.items import Item
from engine.collections.sources.table_inside import counted, pointed_out
from engine.collections.sources.table_rows import joined
from engine.collections.sources.tables import Columns, opened
from engine.core.home import Home
from engine.core.progress import Reporter


def import_table_upload(
    home: Home,
    title: str,
    table: Path,
    files: Sequence[tuple[str, Path]],
    reporter: Reporter,
    columns: Columns | None = None,
) -> ImportReport:
    """A new collection of the pictures in `files` (name, path; archives or pictures) that the table lists.

    A line is matched to a picture by its path, or by the end of it. Pictures without a line and lines without a
    picture are among the rejects. `columns` names those of image, label and text as for `opened`.

    Raises:
        UnreadableTable, UnreadableArchive. BadParameter: no such column. Unreadable: no picture at all. NameTaken.
    """
    read, notes = opened(table, columns=columns), list[str]()
    source = {"kind": "upload", "sha256": uploads.content_digest([(table.name, table), *files])}

    def items(staging: Path) -> Iterable[Item]:
        listed = joined(read, map(pointed_out, counted(uploads.items(files, staging), reporter)))
        notes.extend(listed.notes)
        return listed.items

    report = importing.import_items(home, title, source, items, reporter, total=len(read.lines))
    report.notes += notes
    return report
