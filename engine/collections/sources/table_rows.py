"""The lines of a table joined with the files they refer to: those in its folder, or those uploaded with it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from engine.collections.reading.regular_files import look
from engine.collections.reading.worker_tasks import Failure
from engine.collections.sources import folders, staged
from engine.collections.sources.dialects import Record
from engine.collections.sources.items import Item, dated
from engine.collections.sources.table_names import Names, is_address, slashed, spelling
from engine.collections.sources.tables import Columns, Table, named_lines, opened, plain, unharmed
from engine.core.errors import BadParameter, UnreadableImage

_ADDRESS = "This is an address; pictures are read from this computer only."
_OUTSIDE = "The picture is outside the folder of the table."


@dataclass
class Listed:
    """The items of a table, and notes on it."""

    items: list[Item]
    notes: list[str] = field(default_factory=list)


def rows(path: Path, *, follow: bool = False, columns: Columns | None = None) -> Listed:
    """One item per line; a missing picture, or one outside the table's folder, comes with a failure.

    Args:
        follow: whether links may lead out of the table's folder.
        columns: the headings that the user named; see `opened`.

    Raises:
        UnreadableTable: no text, no header, or no column that names the pictures. BadParameter: no such column.
    """
    table, folder = opened(path, columns=columns, follow=follow), _Folder(path.parent)
    finds = _findings(table, folder.find)
    items = [
        _of_folder(table, key, line, finds[line.number], folder.root, follow)
        for key, line in named_lines(table, lambda line: _key(table, line, finds[line.number]))
    ]
    return Listed(items, table.notes() + _contradictions(table, finds))


def headings(path: Path, columns: Columns | None = None, *, follow: bool = False) -> list[str]:
    """The headings of a table except that of the pictures, as written; UnreadableTable."""
    table = opened(path, columns=columns, follow=follow)
    return [name for place, name in enumerate(table.header) if name and place != table.image]


def column(path: Path, name: str, columns: Columns | None = None, *, follow: bool = False) -> dict[bytes, str]:
    """The cells of a column of the table, by the key that each picture's row has in a catalogue.

    Raises:
        BadParameter: the table has no such column. UnreadableTable: no text, no header, or no column `image`.
    """
    table, folder = opened(path, columns=columns, follow=follow), _Folder(path.parent)
    wanted = [heading.lower() for heading in table.header]
    place = wanted.index(name.strip().lower()) if name.strip().lower() in wanted else table.image
    if place == table.image:
        others = [own for own in table.header if plain(own) != "text" and own != table.header[table.image]]
        raise BadParameter("label column", f"the table {path.name}", f"one of {', '.join(others)}", name)
    finds = _findings(table, folder.find)
    keyed = named_lines(table, lambda line: _key(table, line, finds[line.number]))
    return {key: " ".join(table.cell(line, place).split()) for key, line in keyed}


def further_cells(path: Path, columns: Columns | None = None, *, follow: bool = False) -> dict[bytes, dict[str, str]]:
    """The further cells of each line, by the key that its row has in a catalogue; raises as `rows` does."""
    table, folder = opened(path, columns=columns, follow=follow), _Folder(path.parent)
    finds = _findings(table, folder.find)
    keyed = named_lines(table, lambda line: _key(table, line, finds[line.number]))
    return {key: table.further(line) for key, line in keyed}


def joined(table: Table, sent: Iterable[Item], folder: str = "") -> Listed:
    """The uploaded items with the labels and texts of their lines; whatever does not match is reported.

    Args:
        folder: the beginning of the names of those that lie in the folder of the table or below.
    """
    by_name: dict[str, Item] = {}
    rest = [item for item in sent if by_name.setdefault(item.name, item) is not item]
    names, beside = Names(by_name), Names(_below(by_name, folder))

    def find(cell: str) -> str | Failure:
        found = [folder + name for name in beside.find(cell)] or names.find(cell)
        return _only(found, "The table lists this picture, but it was not sent along.")

    finds = _findings(table, find)
    items = list(_with_lines(table, finds, by_name))
    taken = {name for name in finds.values() if isinstance(name, str)}
    unlisted = Failure("table", "not-listed", "No line of the table lists this picture.")
    left = [item for name, item in by_name.items() if name not in taken] + rest
    items += [replace(item, failure=item.failure or unlisted) for item in left]
    return Listed(items, table.notes() + _contradictions(table, finds))


def _below(names: Iterable[str], folder: str) -> list[str]:
    """The names of those in a folder, from there on; none without a folder."""
    return [name.removeprefix(folder) for name in names if folder and name.startswith(folder)]


def _with_lines(table: Table, finds: dict[int, str | Failure], by_name: dict[str, Item]) -> Iterator[Item]:
    times: dict[str, int] = {}
    for line in table.lines:
        found, label, text = finds[line.number], table.label_of(line), table.text_of(line)
        if isinstance(found, Failure):
            shown = table.picture_of(line) if found.code != "line" else _beginning(line)
            key = b"line %d: " % line.number + shown.encode("utf-8", "surrogateescape")
            yield Item(key, label, text, failure=_numbered(found, line), shown=shown or f"line {line.number}")
            continue
        times[found] = times.get(found, 0) + 1
        item = by_name[found] if times[found] == 1 else _again(by_name[found], times[found])
        yield replace(item, label=label, text=text, columns=table.further(line))


def _again(item: Item, time: int) -> Item:
    """The same picture for a second line; its file is another one, as an owned file is moved away."""
    other = replace(item, key=item.key + b"\0again %d" % time)
    if not (item.owned and item.location):
        return other
    place = Path(f"{item.location}-again-{time}")
    staged.link(Path(item.location), place)
    return replace(other, location=str(place))


def _findings(table: Table, find: Callable[[str], str | Failure]) -> dict[int, str | Failure]:
    """The file that each line means, or why there is none, by the number of the line."""
    finds = {line.number: _finding(table, line, find) for line in table.lines}
    meant: dict[str, set[str]] = {}
    cells = {line.number: spelling(table.picture_of(line)) for line in table.lines}
    for number, found in finds.items():
        if isinstance(found, str):
            meant.setdefault(found, set()).add(cells[number])
    # cats/1.png and dogs/1.png cannot both be the one file 1.png that is there.
    for number, found in finds.items():
        if isinstance(found, str) and len(meant[found]) > 1 and len(cells[number]) > len(spelling(found)):
            finds[number] = Failure("table", "ambiguous", "Several lines of the table match this one file.")
    return finds


def _finding(table: Table, line: Record, find: Callable[[str], str | Failure]) -> str | Failure:
    cell = table.picture_of(line)
    if line.damage:
        return Failure("table", "line", f"This line of the table does not fit. {line.damage}")
    if not cell or "\0" in cell:
        return Failure("table", "no-image", "The line names no picture.")
    return Failure("table", "address", _ADDRESS) if is_address(cell) else find(cell)


def _only(found: list[str], missing: str) -> str | Failure:
    if len(found) > 1:
        return Failure("table", "ambiguous", f"Several files match: {', '.join(found[:3])}.")
    return found[0] if found else Failure("table", "missing", missing)


def _numbered(failure: Failure, line: Record) -> Failure:
    return replace(failure, message=f"{failure.message} (line {line.number})")


def _beginning(line: Record) -> str:
    return f"line {line.number}: " + " ".join(", ".join(line.cells).split())[:60]


def _contradictions(table: Table, finds: dict[int, str | Failure]) -> list[str]:
    """A sentence for each line that contradicts the first line listing the same picture."""
    first: dict[str, Record] = {}
    notes = []
    for line in table.lines:
        found = finds[line.number]
        found = os.path.normpath(found) if isinstance(found, str) else found
        if not isinstance(found, str) or first.setdefault(found, line) is line:
            continue
        other = first[found]
        if (table.label_of(line), table.text_of(line)) != (table.label_of(other), table.text_of(other)):
            says = f"says {table.label_of(line)!r}" if table.label_of(line) != table.label_of(other) else "has a text"
            notes.append(f"Line {line.number} lists {found} again and {says}; line {other.number} counts.")
    return notes[:20] + ([f"… and {len(notes) - 20:,} more lines of this kind."] if len(notes) > 20 else [])


# ── the files of a folder ────────────────────────────────────────────────────────────────────────────────────────────


class _Folder:
    """The folder of a table, listed only once a picture is not where its line says."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def _names(self) -> Names:
        return Names(folders.names(self.root))

    def find(self, cell: str) -> str | Failure:
        forms = (cell, slashed(cell), unharmed(cell), slashed(unharmed(cell)))
        for text in dict.fromkeys(map(_without_detours, forms)):
            if self._leads_out(text):
                return Failure("table", "outside", _OUTSIDE)
            if _is_there(self.root / text):
                return text
        return _only(self._names.find(cell), "The file is not there.")

    def _leads_out(self, text: str) -> bool:
        path = self.root / text
        inside = path.absolute().is_relative_to(self.root)
        return ".." in PurePosixPath(text).parts or (not inside and _is_there(path))


def _without_detours(cell: str) -> str:
    """A path without `.`, `//` and folders that `..` leaves again."""
    return os.path.normpath(cell) if cell and not cell.endswith("/") else cell


def _is_there(path: Path) -> bool:
    try:
        return not stat.S_ISDIR(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def _key(table: Table, line: Record, found: str | Failure) -> str:
    if isinstance(found, str):
        return found
    return _beginning(line) if found.code == "line" else table.picture_of(line).replace("\0", "")


def _of_folder(table: Table, key: bytes, line: Record, found: str | Failure, folder: Path, follow: bool) -> Item:
    label, text = table.label_of(line), table.text_of(line)
    if isinstance(found, Failure):
        return Item(key, label, text, failure=_numbered(found, line))
    path, root = folder / found, Path(folder.anchor) if follow else folder
    try:
        facts = look(path, root)
    except UnreadableImage as error:
        return Item(key, label, text, failure=_numbered(Failure(error.stage, error.code, error.message), line))
    return dated(Item(key, label, text, str(path), str(root), columns=table.further(line)), facts)
