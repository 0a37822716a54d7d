"""An uploaded table together with its pictures, in archives or as single files: the table gives the labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from engine.collections.reading.worker_tasks import Failure
from engine.collections.report import ImportReport
from engine.collections.sources import importing, tables, uploads
from engine.collections.sources.ingest import Item
from engine.core.home import Home
from engine.core.progress import Reporter

Line = tuple[str, str]  # label, text


def import_table_upload(
    home: Home, title: str, table: Path, files: Sequence[tuple[str, Path]], reporter: Reporter
) -> ImportReport:
    """A new collection of the pictures in `files` (name, path; archives or pictures) that the table lists.

    A line is matched to a picture by its path, or by its file name where only one line has it. Pictures that no line
    lists, and lines whose picture is not there, are among the rejects.

    Raises:
        UnreadableTable, UnreadableArchive. Unreadable: no picture at all. NameTaken.
    """
    lines = {picture.replace("\\", "/").strip("./"): (label, text) for picture, label, text in tables.listed(table)}
    source = {"kind": "upload", "sha256": uploads.content_digest([(table.name, table), *files])}
    return importing.import_items(
        home, title, source, lambda staging: _matched(lines, files, staging), reporter, total=len(lines)
    )


def _matched(lines: dict[str, Line], files: Sequence[tuple[str, Path]], staging: Path) -> Iterator[Item]:
    by_path = dict(lines)
    by_name = _by_file_name(lines)
    for item in uploads.items(files, staging):
        path = item.name if item.name in by_path else by_name.get(Path(item.name).name, "")
        line = by_path.pop(path, None)
        if line is None:
            unlisted = Failure("table", "not-listed", "No line of the table lists this picture.")
            yield replace(item, failure=item.failure or unlisted)
        else:
            yield replace(item, label=line[0], text=line[1])
    for path in by_path:
        failure = Failure("table", "missing", "The table lists this picture, but it was not sent along.")
        yield Item(b"line: " + path.encode("utf-8", "surrogateescape"), failure=failure, shown=path)


def _by_file_name(lines: dict[str, Line]) -> dict[str, str]:
    """The path of each line by its file name, where that is unmistakable."""
    times = Counter(Path(path).name for path in lines)
    return {Path(path).name: path for path in lines if times[Path(path).name] == 1}
