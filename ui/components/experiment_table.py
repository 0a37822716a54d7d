"""The results of an experiment as a table: sortable by any column, the best of each marked, a click opens a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from engine.evaluation.experiments import Row

_HERE = Path(__file__).parent

_table = st.components.v2.component(
    "benzer_experiment_table",
    html='<div class="root"></div>',
    css=(_HERE / "experiment_table.css").read_text(encoding="utf-8"),
    js=(_HERE / "experiment_table.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Column:
    """One column of figures: `small` means that the smallest is the best, `judged` whether there is a best at all."""

    title: str
    help: str
    value: Callable[[Row], float | None]
    shown: str
    small: bool = False
    judged: bool = True


@dataclass(frozen=True)
class Named:
    """What a row is called: the encoder or training, and the choices in which the rows differ."""

    name: str
    sub: str

    @property
    def whole(self) -> str:
        return " · ".join(filter(None, [self.name, self.sub]))


COLUMNS = (
    Column(
        "precision@{k}",
        "The share of the {k} nearest that carry the query's label, over all queries. Below it its 95 % interval; "
        "the dotted mark is a blind guess.",
        lambda row: row.precision,
        "{:.3f}",
    ),
    Column(
        "mAP",
        "Mean average precision over the first 1000 places. Asked for so many, methods that are not exact look further "
        "than for {k}: what they miss there shows in the recall.",
        lambda row: row.map,
        "{:.3f}",
    ),
    Column("recall", "The share of what exact search finds that this method finds.", lambda row: row.recall, "{:.1%}"),
    Column(
        "looked at",
        "The share of the vectors that were compared with a query.",
        lambda row: row.examined,
        "{:.1%}",
        True,
    ),
    Column("ms a query", "Median time of one search.", lambda row: row.milliseconds, "{:.3g}", True),
    Column("MB", "Vectors and index.", lambda row: row.megabytes, "{:.3g}", True),
    Column("images", "Labelled images that were searched.", lambda row: row.images, "{:,.0f}", judged=False),
)
_ONLY_WITH_METHODS = ("recall", "looked at")


def results_table(
    rows: Sequence[Row],
    names: Sequence[Named],
    *,
    key: str,
    title: str,
    picked: str | None,
    on_pick: Callable[[str], None],
) -> None:
    """Draw the rows; a click on one, or Enter, calls `on_pick(key)` before the page is drawn anew."""

    def chosen() -> None:
        found = getattr(st.session_state.get(key), "pick", None)
        if isinstance(found, str):
            on_pick(found)

    _table(data=table_data(rows, names, title, picked), key=key, on_pick_change=chosen)


def table_data(rows: Sequence[Row], names: Sequence[Named], title: str, picked: str | None = None) -> dict[str, Any]:
    """What the browser needs to draw the table."""
    whole = [row for row in rows if not row.error]
    columns = columns_of(whole)
    best = [_best(column, whole) for column in columns]
    k = rows[0].k if rows else 8
    heads = [{"title": "recipe"}]
    heads += [{"title": c.title.format(k=k), "help": c.help.format(k=k), "small": c.small} for c in columns]
    lines = [_line(row, name, columns, best, picked) for row, name in zip(rows, names, strict=True)]
    return {"title": title, "columns": heads, "sorted": 1, "rows": [d | {"place": n} for n, d in enumerate(lines)]}


def columns_of(rows: Sequence[Row]) -> list[Column]:
    """The columns that say something: recall and what was looked at only where a method is not exact."""
    methods = any(row.recall is not None for row in rows)
    return [column for column in COLUMNS if methods or column.title not in _ONLY_WITH_METHODS]


def _best(column: Column, rows: Sequence[Row]) -> float | None:
    """The best value of a column, None where all are the same or there is none."""
    values = {value for row in rows if (value := column.value(row)) is not None}
    if not column.judged or len(values) < 2:
        return None
    return min(values) if column.small else max(values)


def _line(
    row: Row, name: Named, columns: Sequence[Column], best: Sequence[float | None], picked: str | None
) -> dict[str, Any]:
    head = {"key": row.key, "name": name.name, "sub": name.sub, "recipe": row.recipe, "picked": row.key == picked}
    if row.error:
        return head | {"error": row.error}
    cells = [_cell(row, column, top) for column, top in zip(columns, best, strict=True)]
    low, high = row.interval
    said = f"95 % interval {low:.3f} to {high:.3f}; a blind guess reaches {row.chance:.3f}"
    cells[0] |= {"low": low, "high": high, "chance": row.chance, "said": said}
    return head | {"cells": cells, "note": row.note}


def _cell(row: Row, column: Column, best: float | None) -> dict[str, Any]:
    value = column.value(row)
    text = "–" if value is None else column.shown.format(value)
    return {"value": value, "text": text, "best": value is not None and value == best}
