"""Tables for export: CSV that is safe from formula injection, and plain text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from engine.core.humanize import on_one_line

_STARTS_A_FORMULA = ("=", "+", "-", "@")
_STRIPPED_BY_SPREADSHEETS = " \t\r\n\v\f"


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV with `\\r\\n` line ends; texts that a spreadsheet would run as a formula get a leading apostrophe.

    Half surrogates, which stand for bytes that are no text, become question marks.

    >>> csv_text(["name", "n"], [["=1+1", -2]])
    "name,n\\r\\n'=1+1,-2\\r\\n"
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([harmless(cell) for cell in header])
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8", "replace").decode()


def harmless(cell: object) -> object:
    """The cell, with a leading apostrophe if a spreadsheet would run its text. Numbers stay numbers."""
    if not isinstance(cell, str):
        return cell
    runs = cell.lstrip(_STRIPPED_BY_SPREADSHEETS).startswith(_STARTS_A_FORMULA) or cell.startswith(("\t", "\r"))
    return "'" + cell if runs else cell


def text_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A plain table for a terminal: columns as wide as their widest cell, numbers right-aligned, None empty."""
    body = [[_printable(cell) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(header), *body]) for i in range(len(header))]
    right = [all(_is_number(line[i]) for line in body if line[i]) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        aligned = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right, strict=True)]
        return "  ".join(aligned).rstrip()

    return "\n".join([line(list(header)), line(["-" * w for w in widths]), *map(line, body)])


def _printable(cell: object) -> str:
    # A file name may contain line ends or terminal escapes: neither may reach the terminal unescaped.
    return on_one_line("" if cell is None else f"{cell:.4f}" if isinstance(cell, float) else cell)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
