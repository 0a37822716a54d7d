"""A table of measured figures: sortable by any column, the best of each marked, a click opens a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from ui.widgets.component import component

_table = component("results_table", "results_table.css", "results_table.js")


@dataclass(frozen=True)
class Column:
    """A column of figures.

    Attributes:
        title, help: its heading and its meaning. value: the figure of a row, None if missing. shown: its format.
        small: whether the smallest is the best. judged: whether there is a best at all. marked: whether a row is marked
            as the best, where that takes more than the figures of the column.
        more: further facts of a cell for the browser, as `_cell` gives them: "sub" is small text below the figure.
    """

    title: str
    help: str
    value: Callable[[Any], float | None]
    shown: str
    small: bool = False
    judged: bool = True
    marked: Callable[[Any], bool] | None = None
    more: Callable[[Any], Mapping[str, Any]] = field(default=lambda row: {})


def in_percent(share: float | None) -> float | None:
    """A share as the figure of a column in percent."""
    return None if share is None else 100 * share


@dataclass(frozen=True)
class Named:
    """The name of a row: its subject, and the choices in which rows differ."""

    name: str
    sub: str

    @property
    def whole(self) -> str:
        """The name with its addition."""
        return " · ".join(filter(None, [self.name, self.sub]))


@dataclass(frozen=True)
class Line:
    """A row of the table: its figures, name, tooltip and note.

    `judged`: whether it may be the best of a column.
    """

    row: Any
    named: Named
    tip: str
    note: str = ""
    judged: bool = True


def results_table(
    lines: Sequence[Line],
    columns: Sequence[Column],
    *,
    first: str,
    key: str,
    title: str,
    picked: str | None,
    on_pick: Callable[[str], None],
) -> None:
    """Draw the lines; a click or Enter calls `on_pick(key)` before the page is drawn.

    `first` is the heading of the names. The lines are sorted by the first column of figures until the user changes it.
    """

    def chosen() -> None:
        found = getattr(st.session_state.get(key), "pick", None)
        if isinstance(found, str):
            on_pick(found)

    _table(data=table_data(lines, columns, first, title, picked), key=key, on_pick_change=chosen)


def table_data(
    lines: Sequence[Line], columns: Sequence[Column], first: str, title: str, picked: str | None = None
) -> dict[str, Any]:
    """What the browser needs to draw the table."""
    whole = [line.row for line in lines if line.judged and not line.row.error]
    best = [_best(column, whole) for column in columns]
    heads: list[dict[str, Any]] = [{"title": first}]
    heads += [{"title": column.title, "help": column.help, "small": column.small} for column in columns]
    drawn = [_line(line, columns, best, picked) | {"place": place} for place, line in enumerate(lines)]
    return {"title": title, "columns": heads, "sorted": 1, "rows": drawn}


def _best(column: Column, rows: Sequence[Any]) -> float | None:
    """The best value of a column, None if there is none or most rows share it."""
    values = [value for row in rows if (value := column.value(row)) is not None]
    if not column.judged or len(set(values)) < 2:
        return None
    best = min(values) if column.small else max(values)
    return best if 2 * values.count(best) <= len(values) else None


def _line(line: Line, columns: Sequence[Column], best: Sequence[float | None], picked: str | None) -> dict[str, Any]:
    key = line.row.key
    head = {"key": key, "name": line.named.name, "sub": line.named.sub, "recipe": line.tip, "picked": key == picked}
    if line.row.error:
        return head | {"error": line.row.error}
    best = best if line.judged else [None] * len(columns)
    cells = [_cell(line.row, column, top) for column, top in zip(columns, best, strict=True)]
    return head | {"cells": cells, "note": line.note}


def _cell(row: Any, column: Column, best: float | None) -> dict[str, Any]:
    value = column.value(row)
    text = "–" if value is None else column.shown.format(value)
    first = value is not None and (value == best if column.marked is None else column.marked(row))
    return {"value": value, "text": text, "best": first, **column.more(row)}
