"""A CSV as a source: one line for each picture, with columns `image`, and if you like `label`, `text` and others."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from engine.collections.reading.safely import look
from engine.collections.reading.worker_tasks import Failure
from engine.collections.sources.ingest import Item
from engine.core.errors import BadParameter, NotFound, UnreadableImage, UnreadableTable

MAX_BYTES = 256 << 20
IMAGE_COLUMNS = ("image", "path", "file", "filename", "picture")


def checked_table(table: str | Path) -> Path:
    """The table's absolute path; NotFound when there is no such file."""
    path = Path(table).expanduser()
    try:
        path = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise NotFound(f"There is no file {str(table)!r}.") from error
    if not path.is_file():
        raise NotFound(f"There is no file {str(table)!r}.")
    return path


def rows(path: Path) -> Iterator[Item]:
    """One item a line; a missing picture, or one outside the table's folder, comes with a failure.

    Raises:
        UnreadableTable: no text, no header, or no column `image`.
    """
    reader, column = _opened(path)
    seen: dict[bytes, int] = {}
    try:
        for line in reader:
            yield _item(path.parent, _unrepeated(_cell(line, column), reader.line_num, seen), line, column)
    except csv.Error as error:
        raise UnreadableTable(f"The table {path.name} is damaged in line {reader.line_num}: {error}.") from error


def listed(path: Path) -> Iterator[tuple[str, str, str]]:
    """(picture, label, text) of each line, the picture as it is written there, without a look at any file.

    Raises:
        UnreadableTable: no text, no header, or no column `image`.
    """
    reader, column = _opened(path)
    try:
        for line in reader:
            yield _cell(line, column), " ".join(_cell(line, "label").split()), _cell(line, "text")
    except csv.Error as error:
        raise UnreadableTable(f"The table {path.name} is damaged in line {reader.line_num}: {error}.") from error


def columns(path: Path) -> list[str]:
    """The columns of a table besides that of the pictures, as they are written there.

    Raises:
        UnreadableTable: no text, no header, or no column `image`.
    """
    reader, image = _opened(path)
    return [name for name in reader.fieldnames or [] if name and name != image]


def column(path: Path, name: str) -> dict[bytes, str]:
    """What a column of the table says of each picture, by the key that its row has in a catalogue.

    Raises:
        BadParameter: the table has no such column. UnreadableTable: no text, no header, or no column `image`.
    """
    reader, image = _opened(path)
    columns = list(reader.fieldnames or [])
    found = next((own for own in columns if own.lower() == name.strip().lower()), None)
    if found is None or found == image:
        others = ", ".join(own for own in columns if own not in (image, "text"))
        raise BadParameter("label column", f"the table {path.name}", f"one of {others}", name)
    seen: dict[bytes, int] = {}
    try:
        return {
            _unrepeated(_cell(line, image), reader.line_num, seen): " ".join(_cell(line, found).split())
            for line in reader
        }
    except csv.Error as error:
        raise UnreadableTable(f"The table {path.name} is damaged in line {reader.line_num}: {error}.") from error


def decoded_text(data: bytes) -> str:
    """Text in UTF-8, UTF-16 (with its mark) or, where it is neither, Windows-1252.

    >>> decoded_text("é".encode()), decoded_text("é".encode("cp1252")), decoded_text("é".encode("utf-16"))
    ('é', 'é', 'é')
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _opened(path: Path) -> tuple[csv.DictReader[str], str]:
    if path.stat().st_size > MAX_BYTES:
        raise UnreadableTable(f"The table {path.name} is larger than {MAX_BYTES >> 20} MB.")
    text = decoded_text(path.read_bytes())
    if "\0" in text:
        raise UnreadableTable(f"The file {path.name} is not a table of text.")
    reader = csv.DictReader(io.StringIO(text, newline=""), dialect=_dialect(text))
    try:
        names = [name.strip() for name in reader.fieldnames or []]
    except csv.Error as error:
        raise UnreadableTable(f"The table {path.name} is damaged in its first line: {error}.") from error
    reader.fieldnames = [name.lower() if name.lower() in (*IMAGE_COLUMNS, "label", "text") else name for name in names]
    column = next((name for name in IMAGE_COLUMNS if name in reader.fieldnames), "")
    if not column:
        shown = ", ".join(names[:8])[:200] or "nothing"
        raise UnreadableTable(
            f"The table {path.name} has no column named image; its first line has: {shown}.",
            way_out="The first line must read image,label,text.",
        )
    return reader, column


def _dialect(text: str) -> type[csv.Dialect]:
    first = text.split("\n", 1)[0]

    class Found(csv.excel):
        delimiter = max(",;\t|", key=first.count)

    return Found


def _cell(line: dict[str, str], column: str) -> str:
    return (line.get(column) or "").strip()


def _unrepeated(cell: str, number: int, seen: dict[bytes, int]) -> bytes:
    # A picture that is listed twice is an exact copy of itself; its key must still be its own.
    key = cell.encode("utf-8", "surrogateescape") or b"line %d" % number
    seen[key] = seen.get(key, 0) + 1
    return key if seen[key] == 1 else key + b"\0%d" % seen[key]


def _item(folder: Path, key: bytes, line: dict[str, str], column: str) -> Item:
    cell, label, text = _cell(line, column), " ".join(_cell(line, "label").split()), _cell(line, "text")
    if not cell:
        return Item(key, label, text, failure=Failure("table", "no-image", "The line names no picture."))
    path = folder / cell
    if ".." in Path(cell).parts or not path.absolute().is_relative_to(folder):
        message = "The picture lies outside the folder of the table."
        return Item(key, label, text, failure=Failure("table", "outside", message))
    try:
        facts = look(path, folder)
    except UnreadableImage as error:
        return Item(key, label, text, failure=Failure(error.stage, error.code, error.message))
    except ValueError:
        return Item(key, label, text, failure=Failure("table", "no-image", "The line names no picture."))
    return Item(key, label, text, str(path), str(folder), size=facts.st_size, mtime_ns=facts.st_mtime_ns)
