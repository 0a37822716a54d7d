"""Exports of an experiment: CSV, and a self-contained HTML page.

All user text (titles, labels, names of runs, sentences) is escaped; the page has no script and no link.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.comparisons.exports import JSON, csv_export, html_export
from engine.comparisons.html import Bar, Best, Table, bold_best, notes_of, optional, render, strong
from engine.comparisons.recipes import findings
from engine.comparisons.recipes.experiment import Experiment, ExperimentRow
from engine.comparisons.recipes.plan import REPORT_COLUMNS, ExperimentPlan
from engine.core.tables import csv_text
from engine.evaluation.statistics.correlation import spearman

_LABELS_SHOWN = 40  # columns of the table by label
_WORST_SHOWN = 5  # recipes whose worst queries are listed
_CHOICES = ("title", "encoder", "weights", "embedding", "metric", "method")
_FIGURES = ("precision", "low", "high", "chance", "map", "map@k", "recall", "milliseconds", "megabytes", "examined")
_COUNTS = ("images", "queries", "results of the single query", "least train loss", "least MSE", "least 1-SSIM")


def to_csv(experiment: Experiment) -> str:
    """All rows in the plan's order, one column per figure and per label; spreadsheet formulas are neutralised."""
    rows = experiment.rows()
    labels = _labels(rows)
    header = [*_CHOICES, *_FIGURES, *_COUNTS, "recipe", "computed in", "note", "error"]
    header += [f"precision of {label}" for label in labels]
    return csv_text(header, (_csv_line(row, labels) for row in rows))


def _csv_line(row: ExperimentRow, labels: Sequence[str]) -> list[object]:
    losses = row.losses or {}
    figures: list[object] = [row.precision, *row.interval, row.chance, row.whole_map, row.map_at_k]
    figures += [
        row.recall,
        row.milliseconds,
        row.megabytes,
        row.examined,
        row.images,
        row.queries,
        (row.single or {}).get("hits"),
    ]
    if row.error:
        figures = [None] * len(figures)
    lowest = [losses.get(name) for name in ("train", "mse", "ssim")]
    by_label = [row.per_class.get(label) for label in labels]
    choices = [getattr(row, name) for name in _CHOICES]
    notes = [row.recipe, row.computed_in, row.note, row.error]
    return ["" if cell is None else cell for cell in [*choices, *figures, *lowest, *notes, *by_label]]


def to_html(experiment: Experiment) -> str:
    """The whole experiment as one page: the results with bars, by label, worst queries, and the report's tables."""
    plan, rows = experiment.plan, experiment.rows()
    measured = sorted((row for row in rows if not row.error), key=lambda row: -row.precision)
    failed = [[_short_recipe(row), row.error] for row in rows if row.error]
    return render(
        "comparisons/recipes/report.html",
        title=plan.title,
        facts=_facts(plan, rows),
        study=_study_tables(plan, rows) if plan.repeats_the_report else None,
        results=_results(measured, plan.k),
        by_label=_by_label(measured),
        worst=[(_short_recipe(row), _worst(row)) for row in measured[:_WORST_SHOWN]],
        failed=Table(["configuration", "why"], failed, 2),
        notes=notes_of(rows),
    )


def _facts(plan: ExperimentPlan, rows: Sequence[ExperimentRow]) -> str:
    measured = [row for row in rows if not row.error]
    seen = next(iter(measured), None)
    asked = f" {seen.queries:,} of its {seen.images:,} labelled pictures are used as queries." if seen else ""
    computed = sorted({row.computed_in for row in measured if row.computed_in})
    computed_in = f" Computed in {' and '.join(computed)}." if computed else ""
    count = f"{len(measured):,} of {len(plan.cells()):,} configurations measured."
    return f"Collection {plan.collection}.{asked} The query itself is left out of its results. {count}{computed_in}"


def _results(rows: Sequence[ExperimentRow], k: int) -> Table:
    head = [
        "encoder",
        "pooling",
        "distance",
        "method",
        f"precision@{k}",
        "",
        "95 % interval",
        "mAP",
        f"mAP@{k}",
        "recall",
    ]
    head += ["candidates scanned", "ms per query", "MB"]
    best = {
        "precision": bold_best([row.precision for row in rows]),
        "map": bold_best([row.whole_map for row in rows]),
        "map_at_k": bold_best([row.map_at_k for row in rows]),
        "milliseconds": bold_best([row.milliseconds for row in rows], low=True),
        "megabytes": bold_best([row.megabytes for row in rows], low=True),
    }
    lines = [_result(row, {name: marks[place] for name, marks in best.items()}) for place, row in enumerate(rows)]
    return Table(head, lines, 4)


def _result(row: ExperimentRow, best: Mapping[str, bool]) -> list[str | Best | Bar]:
    low, high = row.interval
    return [
        row.title + (f" ({row.weights})" if row.weights and f"@{row.weights}" not in row.title else ""),
        row.embedding,
        row.metric,
        row.method,
        strong(f"{row.precision:.3f}", best["precision"]),
        Bar(row.precision, low, high, row.chance),
        f"{low:.3f}–{high:.3f}",
        strong(optional(row.whole_map, ".3f"), best["map"]),
        strong(optional(row.map_at_k, ".3f"), best["map_at_k"]),
        optional(row.recall, ".3f"),
        optional(row.examined, ".0%"),
        strong(f"{row.milliseconds:.2f}", best["milliseconds"]),
        strong(f"{row.megabytes:,.1f}", best["megabytes"]),
    ]


def _by_label(rows: Sequence[ExperimentRow]) -> Table | None:
    labels = _labels(rows)[:_LABELS_SHOWN]
    if len(labels) < 2:
        return None
    best = {label: bold_best([row.per_class.get(label) for row in rows]) for label in labels}
    lines = [
        [_short_recipe(row), *(strong(optional(row.per_class.get(label), ".3f"), best[label][at]) for label in labels)]
        for at, row in enumerate(rows)
    ]
    return Table(["configuration", *labels], lines, 1)


def _worst(row: ExperimentRow) -> Table:
    lines = [[str(w["query"]), f"{w['precision']:.3f}", ", ".join(map(str, w["answers"]))] for w in row.worst]
    return Table(["query", "precision", "results"], lines, 0)


def _study_tables(plan: ExperimentPlan, rows: Sequence[ExperimentRow]) -> dict[str, Any]:
    """Tables 4 and 5 of the original study next to our figures, and which of its findings hold."""
    losses, hits = report_losses(rows), report_hits(rows)
    return {
        "losses": Table(losses[0], losses[1:], 1),
        "hits": Table(hits[0], [[_starred(cell) for cell in line] for line in hits[1:]], 1),
        "findings": [*(finding.sentence for finding in findings.findings(rows, plan)), *correlations(rows)],
    }


def report_losses(rows: Sequence[ExperimentRow]) -> list[list[str]]:
    """The report's table 4, header first: the lowest losses of each training, next to the report's."""
    found = findings.table(rows)
    lines = [["training", "train", "validation MSE", "validation 1 − SSIM"]]
    for title, theirs in zip(findings.TITLES, findings.REPORT_LOSSES, strict=True):
        losses = losses_of(found, title)
        own = [_loss(losses.get(name)) for name in ("train", "mse", "ssim")]
        lines.append([title, own[0], f"{own[1]} ({theirs:g})", own[2]])
    return lines


def report_hits(rows: Sequence[ExperimentRow]) -> list[list[str]]:
    """The report's table 5, header first: hits of 8 (the report's) · precision@8, the best per column in **."""
    found = findings.table(rows)
    lines = [["training", *(findings.COLUMN_TITLES[column] for column in REPORT_COLUMNS)]]
    lines += [[title] for title in findings.TITLES]
    for place, column in enumerate(REPORT_COLUMNS):
        own = [found.get((title, *column)) for title in findings.TITLES]
        best = bold_best([row.precision if row else None for row in own])
        for line, row, theirs, first in zip(lines[1:], own, findings.REPORT_HITS, best, strict=True):
            hits = row.single["hits"] if row and row.single else "–"
            precision = f"{row.precision:.3f}" if row else "–"
            line.append(f"{hits} ({theirs[place]}) · " + (f"**{precision}**" if first else precision))
    return lines


def losses_of(rows: Mapping[tuple[str, str, str], ExperimentRow], title: str) -> Mapping[str, float | None]:
    """The lowest losses of the training of that title, {} if unknown."""
    return next((row.losses for (name, *_), row in rows.items() if name == title and row.losses), {})


def correlations(rows: Sequence[ExperimentRow]) -> list[str]:
    """Spearman's rank correlation between validation MSE and precision@8 of each column, and the mean precisions.

    −1 would mean that a lower loss always searches better. Titles with all four columns count, bit-identical
    duplicates only once.
    """
    found = findings.table(rows)
    whole = [title for title in findings.TITLES if all((title, *column) in found for column in REPORT_COLUMNS)]
    if len(whole) < 3:
        return []
    kinds = findings.different(found, whole)
    said = [
        f"{findings.COLUMN_TITLES[column]} {rho}" for column in REPORT_COLUMNS if (rho := _rho(found, kinds, column))
    ]
    top, mean = next(iter(findings.mean_precisions(found, kinds).items()))
    sentences = [f"Rank correlation of validation MSE and precision@8: {'; '.join(said)}."] if said else []
    return [*sentences, f"Highest mean precision@8: {findings.COLUMN_TITLES[top]} ({mean:.3f})."]


def _rho(rows: findings.Found, titles: Sequence[str], column: tuple[str, str]) -> str:
    """The rank correlation of one column with its interval, "" if it is not known."""
    pairs = [(losses_of(rows, title).get("mse"), rows[title, *column].precision) for title in titles]
    known = [(loss, precision) for loss, precision in pairs if loss is not None]
    rho = spearman([loss for loss, _ in known], [precision for _, precision in known]) if len(known) > 2 else None
    return rho.text("+.2f") if rho else ""


def _loss(value: float | None) -> str:
    return "–" if value is None else f"{value:.5f}"


def _labels(rows: Iterable[ExperimentRow]) -> list[str]:
    return sorted({label for row in rows for label in row.per_class})


def _short_recipe(row: ExperimentRow) -> str:
    return f"{row.title} · {row.embedding} · {row.metric} · {row.method}"


def _starred(cell: str) -> str | Best:
    """A cell of `report_hits`; a figure between two pairs of asterisks is the best of its column."""
    before, _, rest = cell.partition("**")
    text, _, after = rest.partition("**")
    return Best(text, after, before=before) if text else cell


EXPORTS = (csv_export(to_csv, "configuration"), html_export(to_html), JSON)
