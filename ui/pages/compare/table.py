"""The columns of an experiment's results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

from engine.comparisons.recipes.experiment import ExperimentRow
from engine.comparisons.recipes.leads import Leads
from engine.evaluation.statistics.decision import p_text
from ui.widgets.results_table import Column, Line, Named, in_percent
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
        "always divided by {k}; {ceiling}.",
        lambda row: row.precision,
        "{:.3f}",
        more=_interval,
    ),
    Column(
        "mAP",
        "Mean average precision over the first 1000 results of exact search: how good the whole ranking is.",
        lambda row: row.whole_map,
        "{:.3f}",
        judged=False,
    ),
    Column(
        "mAP@{k}",
        "Mean average precision of the {k} results that the search returns; missing results count as wrong.",
        lambda row: row.map_at_k,
        "{:.3f}",
        judged=False,
    ),
    Column(
        "recall",
        "Share of the exact nearest neighbours that this method finds.",
        lambda row: in_percent(row.recall),
        "{:.1f} %",
        judged=False,
    ),
    Column(
        "candidates scanned",
        "Share of all vectors that were compared with a query.",
        lambda row: in_percent(row.examined),
        "{:.1f} %",
        True,
    ),
    Column("ms per query", "Median time of one search.", lambda row: row.milliseconds, "{:.3g}", True),
    Column("MB", "Memory of vectors and index.", lambda row: row.megabytes, "{:.3g}", True),
    Column("pictures", "Labelled pictures that were searched.", lambda row: row.images, "{:,.0f}", judged=False),
)
_MORE = {
    "hit_1": ("recall@1", "Share of queries whose nearest result has their label."),
    "hit_5": ("recall@5", "Share of queries with at least one result with their label among the first five."),
    "hit_10": ("recall@10", "Share of queries with at least one result with their label among the first ten."),
    "r_precision": (
        "R-precision",
        "Share of results with the query's label among the first R, where R pictures carry it; of exact search.",
    ),
    "map_at_r": ("MAP@R", "As R-precision, but right results count more the nearer they are; of exact search."),
    "ndcg": ("nDCG@{k}", "Discounted gain of the {k} results: right results count more the nearer they are."),
    "knn": ("kNN accuracy", "Share of queries whose {k} results vote for their label."),
    "probe": (
        "linear probe",
        "Accuracy of logistic regression on the vectors, five folds of at most 2,000 pictures: how much of the labels "
        "it can read. It does not depend on the search.",
    ),
}
_ONLY_WITH_METHODS = ("recall", "candidates scanned")


def lines_of(rows: Sequence[ExperimentRow], names: Sequence[Named]) -> list[Line]:
    """The rows as lines of the table, with the recipe as tooltip."""
    return [Line(row, name, row.recipe, row.note) for row, name in zip(rows, names, strict=True)]


def more_measures(rows: Sequence[ExperimentRow]) -> dict[str, str]:
    """The titles of the further measures that any row has, by their names."""
    k = rows[0].k if rows else 8
    known = [name for name in _MORE if any(getattr(row, name) is not None for row in rows)]
    return {name: _MORE[name][0].format(k=k) for name in known}


def columns_of(rows: Sequence[ExperimentRow], leads: Leads | None = None, more: Sequence[str] = ()) -> list[Column]:
    """The informative columns: recall and examined share only if a method is approximate.

    Precision is marked as the best only where `leads` decides it.

    Args:
        more: the names of further measures to show.
    """
    methods = any(row.recall is not None for row in rows)
    k, led = rows[0].k if rows else 8, leads or Leads()
    older = {"mAP@{k}"} if all(row.map_at_k is None for row in rows) else set()
    shown = [c for c in COLUMNS if c.title not in older and (methods or c.title not in _ONLY_WITH_METHODS)]
    first, *others = (
        replace(c, title=c.title.format(k=k), help=c.help.format(k=k, ceiling=_ceiling(rows))) for c in shown
    )
    first = replace(first, marked=lambda row: led.marked(row.key))
    against = [_against(led)] if led.against or led.refused else []
    return [first, *against, *(_further(name, k) for name in more), *others]


def _further(name: str, k: int) -> Column:
    title, help = _MORE[name]
    return Column(title.format(k=k), help.format(k=k), attrgetter(name), "{:.3f}", judged=False)


def _ceiling(rows: Sequence[ExperimentRow]) -> str:
    """How high precision can be with these labels, as a clause."""
    known = {round(row.ceiling, 3) for row in rows if row.ceiling is not None}
    if not known or known == {1.0}:
        return "here every label has enough"
    return f"here at most {min(known):.3f} can be reached"


def _against(leads: Leads) -> Column:
    """The lead of the most precise row, seen from the others."""

    def more(row: ExperimentRow) -> dict[str, Any]:
        one = leads.against.get(row.key)
        if one is None:
            return {"sub": "not compared"} if row.key in leads.refused else {}
        return {"sub": p_text(one.p) if one.decided else f"not decided, {p_text(one.p)}"}

    return Column(
        "against the highest",
        "Precision minus the highest one, over the same queries (paired permutation test). p is corrected for all "
        "pairs of configurations (Holm). Not decided: the difference may be chance.",
        lambda row: -leads.against[row.key].effect if row.key in leads.against else None,
        "{:+.3f}",
        judged=False,
        more=more,
    )


def table_data(
    rows: Sequence[ExperimentRow],
    names: Sequence[Named],
    title: str,
    picked: str | None = None,
    leads: Leads | None = None,
) -> dict[str, Any]:
    """What the browser needs to draw the table of an experiment."""
    return data_of(lines_of(rows, names), columns_of(rows, leads), "configuration", title, picked)
