"""A CSV as a source: one line per picture, with columns for the picture, its label and its text.

The same reader is used for a table beside its pictures, a table uploaded with them, and a table inside an archive.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.collections.reading import regular_files
from engine.collections.reading.safely import SUFFIXES
from engine.collections.sources.code_pages import decoded_text
from engine.collections.sources.dialects import MOST_CHARACTERS, Record, records
from engine.collections.sources.folders import real_path
from engine.core.errors import BadParameter, NotFound, UnreadableImage, UnreadableTable
from engine.core.tables import harmless

MAX_BYTES = 256_000_000
MOST_LINES = 5_000_000
_FIRST_BYTES = MOST_CHARACTERS  # longer than any first line
_COLUMNS_NAMED = 20
TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".txt")
WORKBOOK_SUFFIXES = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers")
# Headings without blanks, dashes and underscores, the surest first. A number may name a picture: 1163 is 1163.jpg.
PICTURE_HEADINGS = (
    *("image", "path", "file", "filename", "picture", "filepath", "imagepath", "imagefile", "imagefilename"),
    *("imagename", "img", "imgpath", "imgfile", "imgname", "photo", "picturepath", "relativepath", "images"),
    *("name", "imageid", "id", "url", "imageurl", "uri", "link"),
)
_LABEL_HEADINGS = (
    *("label", "classname", "category", "class", "articletype", "species", "labels", "target", "group"),
    *("kategorie", "klasse", "etikett", "etiket", "sınıf", "kategori", "étiquette", "catégorie", "classe", "etiqueta"),
    *("categoría", "clase", "etichetta", "categoria", "etykieta", "kategoria", "метка", "класс", "категория"),
    *("标签", "类别", "標籤", "類別", "ラベル", "カテゴリ", "라벨"),
)
_TEXT_HEADINGS = (
    *("text", "description", "caption", "title", "productdisplayname", "productname"),
    *("comment", "beschreibung", "açıklama", "descripción", "descrizione", "descrição", "описание", "描述", "説明"),
)
ROLES = ("image", "label", "text")  # what a column may be; the user may name it, "" for none
Columns = Mapping[str, str]
_QUOTED = re.compile(r'="([^"]*)"')  # what keeps spreadsheets from making numbers of texts
_NULL = "\\N"  # what databases write for nothing
_END_OF_FILE = "\x1a"  # of DOS
_LOOKED_AT = 50  # lines that tell which column names the pictures
_OTHER_KINDS = {
    b"PK\x03\x04": "a workbook or an archive",
    b"\xd0\xcf\x11\xe0": "a workbook",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "packed with gzip",
}


@dataclass(frozen=True)
class Table:
    """A table in memory: its columns by position (-1: missing) and its lines in order."""

    name: str
    encoding: str
    header: list[str]
    image: int
    label: int
    text: int
    lines: list[Record]

    def cell(self, line: Record, place: int) -> str:
        found = line.cells[place] if 0 <= place < len(line.cells) else ""
        return "" if found == _NULL else found

    def picture_of(self, line: Record) -> str:
        """The cell that names the picture."""
        return self.cell(line, self.image)

    def label_of(self, line: Record) -> str:
        """The label of a line, "" for none."""
        return " ".join(unharmed(self.cell(line, self.label)).split())

    def text_of(self, line: Record) -> str:
        """The text of a line."""
        return unharmed(self.cell(line, self.text))

    def further(self, line: Record) -> dict[str, str]:
        """The cells of a line except picture, label and text, by the names of their columns, without empty ones."""
        cells = {name: " ".join(unharmed(self.cell(line, place)).split()) for place, name in self._others()}
        return {name: cell for name, cell in cells.items() if cell}

    def _others(self) -> list[tuple[int, str]]:
        used = {self.image, self.label, self.text}
        return [(place, name) for place, name in enumerate(self.header) if name and place not in used]

    def notes(self) -> list[str]:
        """Notes on how the table was read: columns that became filters, and a guessed encoding."""
        others = [name for _, name in self._others()]
        shown = ", ".join(name[:80] for name in others[:_COLUMNS_NAMED])
        shown += f" and {len(others) - _COLUMNS_NAMED:,} more" if len(others) > _COLUMNS_NAMED else ""
        notes = [f"Further columns of {self.name} are filters: {shown}."] if others else []
        if self.label < 0 and others:
            notes.append(f"No heading of {self.name} is that of labels; if a column has them, choose it at the import.")
        short = [line.number for line in self.lines if not line.damage and len(line.cells) < len(self.header)]
        if short:
            fewer = "1 line has" if len(short) == 1 else f"{len(short):,} lines have"
            notes.append(f"{fewer} fewer fields than headings, as line {short[0]}; the last ones are taken as empty.")
        if self.encoding.startswith("utf-8+"):
            odd = _titled(self.encoding.removeprefix("utf-8+"))
            notes.append(f"Some lines of {self.name} are not in UTF-8; these were read as {odd}.")
        elif not self.encoding.startswith("utf"):
            notes.append(f"{self.name} is not in UTF-8; it was read as {_titled(self.encoding)}.")
        return notes


def checked_table(table: str | Path, *, unlinked: bool = False, follow: bool = False) -> Path:
    """The table's absolute path without links; NotFound if there is no such file.

    Args:
        unlinked: as for `real_path`.
        follow: whether it may be a link, as its pictures may: then its name is that of the link.
    """
    try:
        given = Path(table).expanduser()
        path = real_path(given.parent if follow else given, unlinked=unlinked)
        path = path / given.name if follow else path
    except (OSError, RuntimeError, ValueError) as error:
        raise NotFound(f"There is no file {str(table)!r}.") from error
    if not path.is_file():
        raise NotFound(f"There is no file {str(table)!r}.")
    return path


def opened(path: Path, name: str = "", columns: Columns | None = None, *, follow: bool = False) -> Table:
    """The table in a file, whose path is as `checked_table` gives it.

    Args:
        name: its name in messages, if that is not the file's own.
        columns: the heading of the column of each of ROLES, "" for none; missing ones are guessed.
        follow: whether it may be a link.

    Raises:
        UnreadableTable: no text, no header, or no column that names the pictures. BadParameter: no such column.
    """
    name = name or path.name
    return table_of(name, _bytes_of(path, name, follow), columns)


def table_of(name: str, data: bytes, columns: Columns | None = None) -> Table:
    """The table in these bytes; arguments and errors are those of `opened`."""
    table = _read(name, data, columns or {})
    if table.image < 0:
        shown = ", ".join(table.header[:8])[:200] or "nothing"
        raise UnreadableTable(
            f"The table {name} has no column named image; its first line has: {shown}.",
            way_out="Name the column of the pictures, or let the first line read image,label,text.",
        )
    return table


def preview(path: Path, columns: Columns | None = None) -> Table:
    """The table in a file; its `image` is -1 if the user has to say which column names the pictures.

    Raises:
        UnreadableTable: no text. BadParameter: no such column.
    """
    return _read(path.name, _bytes_of(path, path.name), columns or {})


def _read(name: str, data: bytes, columns: Columns) -> Table:
    _check_text(name, data)
    ends = max(data.count(b"\n"), data.count(b"\r"))
    if ends > MOST_LINES:
        raise UnreadableTable(f"The table {name} has {ends:,} lines; at most {MOST_LINES:,} are read.")
    text, encoding = decoded_text(data)
    text = text.removesuffix(_END_OF_FILE)
    if "\0" in text:
        raise UnreadableTable(f"The file {name} is not a table of text.")
    known = {*PICTURE_HEADINGS, *map(plain, columns.values())} - {""}
    found = list(records(text, lambda heading: plain(heading) in known))
    header, lines = (found[0].cells if found else []), found[1:]
    named = {role: _named_place(name, header, role, heading) for role, heading in columns.items()}
    image = named["image"] if columns.get("image") else picture_place(header, lines)
    label = named["label"] if "label" in named else _place(header, _LABEL_HEADINGS, image)
    if image >= 0 and has_picture_suffix(header[image]):
        raise UnreadableTable(
            f"The first line of the table {name} names a picture, {header[image][:80]!r}, instead of the columns.",
            way_out="Put a line above it that reads image,label,text, or what its columns are.",
        )
    text_place = named["text"] if "text" in named else _place(header, _TEXT_HEADINGS, image)
    return Table(name, encoding, header, image, label, text_place, lines)


def _bytes_of(path: Path, name: str, follow: bool = False) -> bytes:
    """All of a file, once its size and its first bytes could be those of a table."""
    try:
        file = regular_files.opened(path, Path(path.anchor) if follow else path)
    except UnreadableImage as error:
        raise UnreadableTable(f"The table {name} cannot be read: {error.message}") from error
    with file:
        if os.fstat(file.fileno()).st_size > MAX_BYTES:
            raise UnreadableTable(f"The table {name} is larger than {MAX_BYTES // 10**6} MB.")
        first = file.read(_FIRST_BYTES)
        _check_text(name, first)
        return first + file.read(MAX_BYTES)


def is_table(name: str) -> bool:
    """Whether a file name has an extension of tables or of spreadsheets, which are refused with a message."""
    return name.lower().endswith((*TABLE_SUFFIXES, *WORKBOOK_SUFFIXES))


def plain(heading: str) -> str:
    """A heading in lower case, without blanks, dashes and underscores.

    >>> plain("File_Name"), plain("productDisplayName")
    ('filename', 'productdisplayname')
    """
    return "".join(heading.lower().split()).replace("_", "").replace("-", "")


def unharmed(cell: str) -> str:
    """The cell without what an export put around it for spreadsheets: an apostrophe before a formula, or `="…"`.

    >>> unharmed("'=1+1"), unharmed("'tis"), unharmed('="007"')
    ('=1+1', "'tis", '007')
    """
    if quoted := _QUOTED.fullmatch(cell):
        return quoted[1]
    return cell[1:] if cell.startswith("'") and harmless(cell[1:]) == cell else cell


def has_picture_suffix(name: str) -> bool:
    """Whether a name has an extension of pictures."""
    return "." in name and "." + name.rsplit(".", 1)[1].lower() in SUFFIXES


def _check_text(name: str, data: bytes) -> None:
    data = data[:_FIRST_BYTES]
    kind = next((kind for mark, kind in _OTHER_KINDS.items() if data.startswith(mark)), "")
    if name.lower().endswith(WORKBOOK_SUFFIXES):
        kind = "a workbook"
    if not kind and data.lstrip()[:1] in (b"{", b"["):
        kind = "JSON"
    if kind:
        raise UnreadableTable(
            f"The file {name} is {kind}, not a table of text.", way_out="Save the table as CSV and import that."
        )
    if len(data) == _FIRST_BYTES and not (b"\n" in data or b"\r" in data):
        raise UnreadableTable(
            f"The first line of the table {name} is longer than {MOST_CHARACTERS // 10**6} MB.",
            way_out="The first line must read image,label,text.",
        )


def picture_place(header: list[str], lines: list[Record]) -> int:
    """The column whose cells look like pictures, else the one with the clearest heading; -1 if there is none."""
    names = [plain(name) for name in header]
    places = [names.index(heading) for heading in PICTURE_HEADINGS if heading in names]

    fitting = [line for line in lines[:_LOOKED_AT] if not line.damage]  # in others a cell may stand under any heading

    def shown(place: int) -> bool:
        cells = [line.cells[place] for line in fitting if len(line.cells) > place and line.cells[place]]
        return 2 * sum(map(has_picture_suffix, cells)) > len(cells)

    by_cells = [place for place in range(len(header)) if place not in places and fitting and shown(place)]
    return next(filter(shown, places), next(iter(by_cells + places), -1))


def _named_place(name: str, header: list[str], role: str, heading: str) -> int:
    """The position of the column that the user named, exactly or ignoring case and underscores."""
    if not heading:
        return -1
    places = [place for place, own in enumerate(header) if own == heading.strip()]
    places += [place for place, own in enumerate(header) if own and plain(own) == plain(heading)]
    if not places:
        raise BadParameter(f"{role} column", f"the table {name}", f"one of {', '.join(filter(None, header))}", heading)
    return places[0]


def _place(header: list[str], headings: tuple[str, ...], image: int) -> int:
    names = [plain(name) if place != image else "" for place, name in enumerate(header)]
    return next((names.index(heading) for heading in headings if heading in names), -1)


def _titled(encoding: str) -> str:
    return {"cp932": "Shift-JIS", "gbk": "GBK", "cp949": "Korean (949)"}.get(
        encoding, encoding.replace("cp", "Windows-")
    )


def named_lines(table: Table, key_of: Callable[[Record], str]) -> Iterator[tuple[bytes, Record]]:
    """Each line with the key that its row has in a catalogue; a picture that is listed again gets another key."""
    seen: dict[bytes, int] = {}
    for line in table.lines:
        key = key_of(line).encode("utf-8", "surrogateescape") or b"line %d" % line.number
        seen[key] = seen.get(key, 0) + 1
        yield (key if seen[key] == 1 else key + b"\0%d" % seen[key]), line
