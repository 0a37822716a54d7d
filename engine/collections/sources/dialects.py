"""Tables of text as programs write them: which character separates, what stands in quotes, and which lines do not fit.

A line that does not fit is named by its number and stands alone: quotation marks that do not match never swallow the
lines below, and fields too many never shift a column.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice

from engine.collections.reading.safely import SUFFIXES

SEPARATORS = ",;\t|"
_MOST_LINES = 1000  # of one record
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t|]*', re.IGNORECASE)
_QUOTES = "Its quotation marks do not match."


@dataclass(frozen=True)
class Record:
    """One record: the number of its first line, its cells without blanks around them, and what is wrong with it."""

    number: int
    cells: list[str]
    damage: str = ""


def records(text: str, is_known: Callable[[str], bool]) -> Iterator[Record]:
    """The header, then one record after the other; blank lines are passed over.

    Args:
        is_known: whether a heading is one that is looked for; the separator is the one that shows such headings.
    """
    lines = list(io.StringIO(text, newline=""))
    at, separator = _beginning(lines)
    separator = separator or _separator(lines, at, is_known)
    width = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        cells, used = _record(lines, at, separator)
        if width == 0:
            width = len(cells or [""])
            yield Record(at + 1, cells or [lines[at].strip()])
        else:
            yield _fitted(Record(at + 1, cells or [lines[at].strip()], "" if cells else _QUOTES), width, lines[at])
        at += used


def _beginning(lines: Sequence[str]) -> tuple[int, str]:
    """Where the header stands, and the separator that a line `sep=;` before it names."""
    at = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
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


def _record(lines: Sequence[str], at: int, separator: str) -> tuple[list[str] | None, int]:
    """The cells of the record that begins here and how many lines it takes; None for a line that does not fit."""
    if '"' not in lines[at]:
        return [cell.strip() for cell in lines[at].split(separator)], 1
    beyond = islice(lines, at, at + _MOST_LINES)
    for used, quotes in enumerate(accumulate(line.count('"') + line.count('\\"') * 1j for line in beyond), 1):
        # Quotation marks come in pairs, those behind a backslash left aside.
        in_pairs = quotes.real % 2 == 0 or (quotes.imag and (quotes.real - quotes.imag) % 2 == 0)
        if used > 1 and not in_pairs:
            continue
        cells = _cells(lines[at : at + used], separator)
        if cells is not None:
            return (None, 1) if _swallows(cells, lines[at + 1 : at + used], separator) else (cells, used)
    return None, 1


def _cells(lines: Sequence[str], separator: str) -> list[str] | None:
    """The one record that these lines are; None where they are none, or more."""
    escapes = (None, "\\") if any('\\"' in line for line in lines) else (None,)
    for escape in escapes:
        reader = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True, escapechar=escape)
        try:
            found = list(reader)
        except csv.Error:
            continue
        if len(found) == 1:
            return [cell.strip() for cell in found[0]]
    return None


def _swallows(cells: Sequence[str], inner: Sequence[str], separator: str) -> bool:
    """Whether one of the lines inside a quoted text is a line of the table itself: it names a picture in its place."""
    places = [place for place, cell in enumerate(cells) if _is_picture(cell)]
    others = [[cell.strip(' "\r\n') for cell in line.split(separator)] for line in inner]
    return any(len(other) > place and _is_picture(other[place]) for other in others for place in places)


def _is_picture(cell: str) -> bool:
    return "." in cell and "\n" not in cell and "." + cell.rsplit(".", 1)[1].lower() in SUFFIXES
