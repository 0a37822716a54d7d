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
    spoken = f"95 % interval {low:.3f} to {high:.3f}; chance level {row.chance:.3f}"
    return {"low": low, "high": high, "chance": row.chance, "said": spoken}


COLUMNS = (
    Column(
        "precision@{k}",
        "Share of the {k} results that have the query's label, over all queries. Below it the 95 % interval; the "
        "dotted mark is the chance level. A label with fewer than {k} other pictures cannot reach 1: the figure is "
        "always divided by {k}.",
        lambda row: row.precision,
        "{:.3f}",
        more=_interval,
    ),
    Column(
        "mAP",
        "Mean average precision over the first 1000 results of exact search: how good the whole ranking is.",
        lambda row: row.whole_map,
        "{:.3f}",
    ),
    Column(
        "mAP@{k}",
        "Mean average precision of the {k} results that the search returns; missing results count as wrong.",
        lambda row: row.map_at_k,
        "{:.3f}",
    ),
    Column("recall", "Share of the exact nearest neighbours that this method finds.", lambda row: row.recall, "{:.1%}"),
    Column(
        "candidates scanned",
        "Share of all vectors that were compared with a query.",
        lambda row: row.examined,
        "{:.1%}",
        True,
    ),
    Column("ms per query", "Median time of one search.", lambda row: row.milliseconds, "{:.3g}", True),
    Column("MB", "Memory of vectors and index.", lambda row: row.megabytes, "{:.3g}", True),
    Column("pictures", "Labelled pictures that were searched.", lambda row: row.images, "{:,.0f}", judged=False),
)
_ONLY_WITH_METHODS = ("recall", "candidates scanned")


def lines_of(rows: Sequence[ExperimentRow], names: Sequence[Named]) -> list[Line]:
    """The rows as lines of the table, with the recipe as tooltip."""
    return [Line(row, name, row.recipe, row.note) for row, name in zip(rows, names, strict=True)]


def columns_of(rows: Sequence[ExperimentRow]) -> list[Column]:
    """The informative columns: recall and examined share only if a method is approximate."""
    methods = any(row.recall is not None for row in rows)
    k = rows[0].k if rows else 8
    older = {"mAP@{k}"} if all(row.map_at_k is None for row in rows) else set()
    shown = [c for c in COLUMNS if c.title not in older and (methods or c.title not in _ONLY_WITH_METHODS)]
    return [replace(c, title=c.title.format(k=k), help=c.help.format(k=k)) for c in shown]


def table_data(
    rows: Sequence[ExperimentRow], names: Sequence[Named], title: str, picked: str | None = None
) -> dict[str, Any]:
    """What the browser needs to draw the table of an experiment."""
    return data_of(lines_of(rows, names), columns_of(rows), "configuration", title, picked)
