"""Text tables as programs write them: the separator, the quoting, and lines that do not fit.

A line that does not fit is reported by its number and affects no other: unmatched quotation marks never swallow the
lines below, and extra fields never shift a column.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from engine.collections.reading.safely import SUFFIXES

SEPARATORS = ",;\t|"
MOST_CHARACTERS = 1 << 20  # of one record
_MOST_LINES = 1000  # of one record
_MOST_IN_VAIN = 100_000_000  # characters of a table that are read in search of missing quotation marks: a second
_LINE = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)|[^\r\n]++")
_TOO_LONG = f"It is longer than {MOST_CHARACTERS >> 20} MB."
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t|]*', re.IGNORECASE)
_QUOTES = "Its quotation marks do not match."


@dataclass(frozen=True)
class Record:
    """One record: the number of its first line, its cells without surrounding blanks, and what is wrong with it."""

    number: int
    cells: list[str]
    damage: str = ""


def records(text: str, is_known: Callable[[str], bool]) -> Iterator[Record]:
    """The header, then the records one by one; blank lines are skipped.

    Args:
        is_known: whether a heading is expected; the separator that yields such headings is chosen.
    """
    lines = _lines(text)
    at, separator = _beginning(lines)
    separator = separator or _separator(lines, at, is_known)
    width, in_vain = 0, 0
    while at < len(lines):
        if lines[at] and not lines[at].strip():
            at += 1
            continue
        cells, used, looked_at = _record(lines, at, separator, MOST_CHARACTERS if in_vain < _MOST_IN_VAIN else 0)
        in_vain += 0 if cells else looked_at
        damage = "" if cells else _QUOTES if lines[at] else _TOO_LONG
        record = Record(at + 1, cells or [lines[at].strip()], damage)
        yield _fitted(record, width, lines[at]) if width else record
        width = width or len(record.cells)
        at += used


def _lines(text: str) -> list[str]:
    """The lines with their ends; "" stands for one that is too long."""
    found = _LINE.finditer(text)
    return [line[0] if line.end() - line.start() <= MOST_CHARACTERS else "" for line in found]


def _beginning(lines: Sequence[str]) -> tuple[int, str]:
    """Where the header stands, and the separator that a line `sep=;` before it names."""
    at = next((number for number, line in enumerate(lines) if not line or line.strip()), len(lines))
    found = _SEPARATOR_LINE.fullmatch(lines[at].strip("\r\n ")) if at < len(lines) else None
    return (at + 1, found[1]) if found else (at, "")


def _separator(lines: Sequence[str], at: int, is_known: Callable[[str], bool]) -> str:
    def fit(separator: str) -> tuple[bool, int]:
        cells = _record(lines, at, separator)[0] or []
        return any(map(is_known, cells)), len(cells)

    return max(SEPARATORS, key=fit) if at < len(lines) else ","


def _fitted(record: Record, width: int, line: str) -> Record:
    cells = record.cells
    if record.damage or not any(cells[width:]):
        return record
    if width == 1 and '"' not in line:
        return Record(record.number, [line.strip()])
    damage = f"It has {len(cells)} fields under {width} headings; a text that holds the separator must be in quotes."
    return Record(record.number, cells, damage)


def _record(
    lines: Sequence[str], at: int, separator: str, most: int = MOST_CHARACTERS
) -> tuple[list[str] | None, int, int]:
    """The cells of the record that begins here, or None for a line that does not fit; how many lines it takes, and how
    many characters were looked at beyond the first one. The record has at most `most` characters, or one line.
    """
    if '"' not in lines[at]:
        return [cell.strip() for cell in lines[at].split(separator)] if lines[at] else None, 1, 0
    cells, used = _cells(lines, at, separator, most, None)
    if any('\\"' in line for line in lines[at : at + used]):
        escaped, fewer = _cells(lines, at, separator, most, "\\")
        if escaped and (cells is None or fewer < used):
            cells, used = escaped, fewer
    beyond = lines[at + 1 : at + used]
    if cells is None or (beyond and _swallows(cells, beyond, separator)):
        return None, 1, sum(map(len, beyond))
    return cells, used, 0


def _cells(
    lines: Sequence[str], at: int, separator: str, most: int, escape: str | None
) -> tuple[list[str] | None, int]:
    """The cells of the record that begins here, None without a proper end, and how many lines were looked at."""
    source = _ahead(lines, at, most)
    reader = csv.reader(source, delimiter=separator, strict=True, skipinitialspace=True, escapechar=escape)
    try:
        found = next(reader)
    except csv.Error:
        return None, reader.line_num
    used = reader.line_num
    return [cell.strip() for cell in found] if used == 1 or _in_pairs(lines[at : at + used]) else None, used


def _ahead(lines: Sequence[str], at: int, most: int) -> Iterator[str]:
    """The line and those after it, up to so many characters or one that is too long."""
    size = 0
    for place in range(at, min(at + _MOST_LINES, len(lines))):
        size += len(lines[place])
        if not lines[place] or (size > most and place > at):
            return
        yield lines[place]


def _in_pairs(lines: Sequence[str]) -> bool:
    """Whether quotation marks come in pairs, with or without those behind a backslash."""
    quotes, escaped = (sum(line.count(mark) for line in lines) for mark in ('"', '\\"'))
    return quotes % 2 == 0 or (escaped > 0 and (quotes - escaped) % 2 == 0)


def _swallows(cells: Sequence[str], inner: Sequence[str], separator: str) -> bool:
    """Whether one of the lines inside a quoted text is a line of the table itself: it names a picture in its place."""
    places = [place for place, cell in enumerate(cells) if _is_picture(cell)]
    others = [[cell.strip(' "\r\n') for cell in line.split(separator)] for line in inner]
    return any(len(other) > place and _is_picture(other[place]) for other in others for place in places)


def _is_picture(cell: str) -> bool:
    return "." in cell and "\n" not in cell and "." + cell.rsplit(".", 1)[1].lower() in SUFFIXES
