"""Text tables as programs write them: the separator, the quoting, and lines that do not fit.

A line that does not fit is reported by its number and affects no other: unmatched quotation marks never swallow the
lines below, and extra fields never shift a column. Empty lines, and comments above the headings, are skipped.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from engine.collections.reading.safely import SUFFIXES

SEPARATORS = ",;\t|"
MOST_CHARACTERS = 1_000_000  # of one record
_MOST_LINES = 1000  # of one record
_MOST_IN_VAIN = 100_000_000  # characters of a table that are read in search of missing quotation marks: a second
_LINE = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)|[^\r\n]++")
_TOO_LONG = f"It is longer than {MOST_CHARACTERS // 10**6} MB."
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t|]*', re.IGNORECASE)
_MOST_TITLE_LINES = 20  # above the headings
_QUOTES = "Its quotation marks do not match."
_ESCAPED = re.compile(r'\\(["\\])')  # as MySQL and JSON write quotation marks and backslashes
# Blanks, and signs without a width that programs leave around texts: marks of byte order and of direction.
_BLANKS = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\u200b\u200e\u200f\u2060\ufeff"
_BLANKS += "".join(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))


@dataclass(frozen=True)
class Record:
    """One record: the number of its first line, its cells without surrounding blanks, and what is wrong with it."""

    number: int
    cells: list[str]
    damage: str = ""


def records(text: str, is_known: Callable[[str], bool]) -> Iterator[Record]:
    """The header, then the records one by one; lines without any text are skipped.

    Args:
        is_known: whether a heading is expected; the separator that yields such headings is chosen.
    """
    lines = _lines(text)
    at, separator = _beginning(lines, is_known)
    separator = separator or _separator(lines, at, is_known)
    width, in_vain, tail = 0, 0, -1
    while at < len(lines):
        cells, used, looked_at, end = _record(lines, at, separator, MOST_CHARACTERS if in_vain < _MOST_IN_VAIN else 0)
        if at == tail and used == 1:
            cells = None  # it closes the quotation of a record that was given up, and is no line of its own
        tail = end or tail
        if cells and not bare(lines[at]).strip(_BLANKS + separator):
            at += used
            continue
        in_vain += 0 if cells else looked_at
        damage = "" if cells else _QUOTES if lines[at] else _TOO_LONG
        record = Record(at + 1, cells or [bare(lines[at])], damage)
        yield _fitted(record, width, lines[at]) if width else _heading(record)
        width = width or len(record.cells)
        at += used


def _lines(text: str) -> list[str]:
    """The lines with their ends; "" replaces one that is too long."""
    found = _LINE.finditer(text)
    return [line[0] if line.end() - line.start() <= MOST_CHARACTERS else "" for line in found]


def _beginning(lines: Sequence[str], is_known: Callable[[str], bool]) -> tuple[int, str]:
    """Where the header stands, and the separator that a line `sep=;` before it names."""
    at = _after_comments(lines, 0, is_known)
    found = _SEPARATOR_LINE.fullmatch(lines[at].strip("\r\n ")) if at < len(lines) else None
    if found:
        return _after_comments(lines, at + 1, is_known), found[1]
    return _after_title(lines, at, is_known), ""


def _after_title(lines: Sequence[str], at: int, is_known: Callable[[str], bool]) -> int:
    """The line of headings below those with the title of a report, which have fewer cells and name no column."""
    if at >= len(lines) or _names_columns(lines[at], is_known):
        return at
    most = 0
    for place in range(at, min(at + _MOST_TITLE_LINES, len(lines))):
        cells = [cell.strip(_BLANKS + '"') for cell in re.split(f"[{SEPARATORS}]", lines[place])]
        if any(map(_is_picture, cells)):
            return at
        filled = sum(map(bool, cells))
        if most < filled > 1 and any(map(is_known, cells)):
            return place
        most = max(most, filled)
    return at


def _after_comments(lines: Sequence[str], at: int, is_known: Callable[[str], bool]) -> int:
    """The first line with text that is no comment: the last one behind `#` may hold the headings."""
    candidates = [
        place for place in range(at, min(at + _MOST_LINES, len(lines))) if not lines[place] or bare(lines[place])
    ]
    first = next(
        (number for number, place in enumerate(candidates) if not _is_behind_hash(lines[place])), len(candidates)
    )
    if first and not (first < len(candidates) and _names_columns(lines[candidates[first]], is_known)):
        first -= _names_columns(lines[candidates[first - 1]], is_known)
    return candidates[first] if first < len(candidates) else candidates[0] if candidates else len(lines)


def _is_behind_hash(line: str) -> bool:
    """Whether a line begins with `#`, and not with the name of a picture that does, as `#1.png`."""
    first = bare(re.split(f"[{SEPARATORS}]", line)[0])
    return first.startswith("#") and not (_is_picture(first) and len(first.split()) == 1)


def _names_columns(line: str, is_known: Callable[[str], bool]) -> bool:
    cells = re.split(f"[{SEPARATORS}]", line.lstrip("#"))
    return any(is_known(cell.strip(_BLANKS + '"')) for cell in cells)


def _separator(lines: Sequence[str], at: int, is_known: Callable[[str], bool]) -> str:
    def fit(separator: str) -> tuple[bool, int]:
        cells = _record(lines, at, separator)[0] or []
        return any(map(is_known, cells)), len(cells)

    return max(SEPARATORS, key=fit) if at < len(lines) else ","


def _heading(record: Record) -> Record:
    """The header without `#` before it, where that is no heading itself."""
    first, *others = record.cells
    first = bare(first.lstrip("#")) or first if _is_behind_hash(first) else first
    return Record(record.number, [first, *others], record.damage)


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
) -> tuple[list[str] | None, int, int, int]:
    """The cells of the record that begins here, or None for a line that does not fit; how many lines it takes, and how
    many characters were looked at beyond the first one; and the line with the last quotation mark of a record that is
    None as it holds others, else 0. The record has at most `most` characters, or one line.
    """
    if '"' not in lines[at]:
        return [bare(cell) for cell in lines[at].split(separator)] if lines[at] else None, 1, 0, 0
    cells, used = _cells(lines, at, separator, most)
    if any('\\"' in line for line in lines[at : at + used]):
        other, fewer = _cells(lines, at, separator, most, escaped=True)
        if other and (cells is None or fewer < used):
            cells, used = other, fewer
    beyond = lines[at + 1 : at + used]
    if cells is None or (beyond and _swallows(cells, beyond, separator)):
        return None, 1, sum(map(len, beyond)), 0 if cells is None else at + used - 1
    return cells, used, 0, 0


def _cells(
    lines: Sequence[str], at: int, separator: str, most: int, *, escaped: bool = False
) -> tuple[list[str] | None, int]:
    """The cells of the record that begins here, None without a proper end, and how many lines were looked at."""
    source = _ahead(lines, at, most)
    source = map(unescaped, source) if escaped else source
    reader = csv.reader(source, delimiter=separator, strict=True, skipinitialspace=True)
    try:
        found = next(reader)
    except csv.Error:
        return None, reader.line_num
    used = reader.line_num
    return [bare(cell) for cell in found] if used == 1 or _in_pairs(lines[at : at + used]) else None, used


def unescaped(line: str) -> str:
    r"""The line with quotation marks doubled instead of behind a backslash; other backslashes stay, as in paths.

    >>> unescaped(r'img\a.png,"5\" nail",\N')
    'img\\a.png,"5"" nail",\\N'
    """
    return _ESCAPED.sub(lambda found: '""' if found[1] == '"' else "\\", line)


def bare(cell: str) -> str:
    """The cell without the blanks, and the signs without width, around it."""
    return cell.strip(_BLANKS)


def _ahead(lines: Sequence[str], at: int, most: int) -> Iterator[str]:
    """The line and those after it, up to that many characters or an overlong line."""
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
    others = [[cell.strip(_BLANKS + '"') for cell in line.split(separator)] for line in inner]
    return any(len(other) > place and _is_picture(other[place]) for other in others for place in places)


def _is_picture(cell: str) -> bool:
    return "." in cell and "\n" not in cell and "." + cell.rsplit(".", 1)[1].lower() in SUFFIXES
