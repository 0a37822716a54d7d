"""The columns of an experiment's results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.comparisons.recipes.experiment import ExperimentRow
from ui.widgets.results_table import Column, Line, Named
from ui.widgets.results_table import table_data as data_of


def _interval(row: ExperimentRow) -> dict[str, Any]:
    low, high = row.interval
    said = f"95 % interval {low:.3f} to {high:.3f}; a blind guess reaches {row.chance:.3f}"
    return {"low": low, "high": high, "chance": row.chance, "said": said}


COLUMNS = (
    Column(
        "precision@{k}",
        "The share of the {k} nearest that carry the query's label, over all queries. Below it its 95 % interval; "
        "the dotted mark is a blind guess.",
        lambda row: row.precision,
        "{:.3f}",
        more=_interval,
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


def lines_of(rows: Sequence[ExperimentRow], names: Sequence[Named]) -> list[Line]:
    """The rows as lines of the table; their tip is the recipe."""
    return [Line(row, name, row.recipe, row.note) for row, name in zip(rows, names, strict=True)]


def columns_of(rows: Sequence[ExperimentRow]) -> list[Column]:
    """The columns that say something: recall and what was looked at only where a method is not exact."""
    methods = any(row.recall is not None for row in rows)
    k = rows[0].k if rows else 8
    shown = [column for column in COLUMNS if methods or column.title not in _ONLY_WITH_METHODS]
    return [replace(c, title=c.title.format(k=k), help=c.help.format(k=k)) for c in shown]


def table_data(
    rows: Sequence[ExperimentRow], names: Sequence[Named], title: str, picked: str | None = None
) -> dict[str, Any]:
    """What the browser needs to draw the table of an experiment."""
    return data_of(lines_of(rows, names), columns_of(rows), "recipe", title, picked)
