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
from engine.comparisons.recipes.leads import Leads, leads
from engine.comparisons.recipes.leads_over_seeds import leads_over_seeds
from engine.comparisons.recipes.plan import REPORT_COLUMNS, ExperimentPlan
from engine.comparisons.recipes.seeds import OverSeeds, over_seeds
from engine.core.tables import csv_text
from engine.evaluation.statistics.correlation import spearman
from engine.evaluation.statistics.decision import p_text

_LABELS_SHOWN = 40  # columns of the table by label
_WORST_SHOWN = 5  # recipes whose worst queries are listed
_CHOICES = ("title", "encoder", "weights", "embedding", "metric", "method")
_FIGURES = ("precision", "low", "high", "chance", "map", "map@k", "recall", "milliseconds", "megabytes", "examined")
_AGAINST = ("against the highest", "against it from", "against it to", "p", "verdict")
MORE_FIGURES = {
    "ceiling": "highest possible precision",
    "hit_1": "recall@1",
    "hit_5": "recall@5",
    "hit_10": "recall@10",
    "r_precision": "R-precision",
    "map_at_r": "MAP@R",
    "ndcg": "nDCG",
    "knn": "kNN accuracy",
    "probe": "linear probe",
}
_COUNTS = ("images", "queries", "results of the single query", "least train loss", "least MSE", "least 1-SSIM")


def to_csv(experiment: Experiment, led: Leads | None = None) -> str:
    """All rows in the plan's order, one column per figure and per label; spreadsheet formulas are neutralised."""
    rows = experiment.rows()
    labels, found = _labels(rows), led or leads(experiment, rows)
    header = [*_CHOICES, *_FIGURES, *_COUNTS, "recipe", "computed in", "note", "error"]
    header += [f"precision of {label}" for label in labels] + [*MORE_FIGURES.values(), *_AGAINST, "labels and split"]
    return csv_text(header, ([*_csv_line(row, labels), *_csv_more(row, found)] for row in rows))


def _csv_more(row: ExperimentRow, leads: Leads) -> list[object]:
    """The further figures, and how the row stands against the most precise."""
    told = [None if row.error else getattr(row, name) for name in MORE_FIGURES]
    found = leads.against[row.key].opposite if row.key in leads.against else None
    against = [found.effect, *found.interval, found.p, found.outcome] if found else [None] * len(_AGAINST)
    return ["" if cell is None else cell for cell in [*told, *against, row.labels]]


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


def to_html(experiment: Experiment, led: Leads | None = None) -> str:
    """The whole experiment as one page: the results with bars, by label, worst queries, and the report's tables."""
    plan, rows = experiment.plan, experiment.rows()
    measured = sorted((row for row in rows if not row.error), key=lambda row: -row.precision)
    failed = [[short_recipe(row), row.error] for row in rows if row.error]
    found = led or leads(experiment, rows)
    return render(
        "comparisons/recipes/report.html",
        title=plan.title,
        facts=_facts(plan, rows),
        study=_study_tables(plan, rows) if plan.repeats_the_report else None,
        verdict=verdict(measured, found),
        results=_results(measured, plan.k, found),
        measures=_measures(measured),
        seeds=_seeds(plan, rows),
        seeds_verdict=seeds_verdict(experiment, rows),
        by_label=_by_label(measured),
        worst=[(short_recipe(row), _worst(row)) for row in measured[:_WORST_SHOWN]],
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
    labels = "".join(f" {told}" for told in dict.fromkeys(row.labels for row in measured if row.labels))
    itself = "" if plan.queries_where else " The query itself is left out of its results."
    return f"Collection {plan.collection}.{asked}{labels}{itself} {count}{computed_in}"


def verdict(rows: Sequence[ExperimentRow], leads: Leads) -> str:
    """Whether there is a best configuration."""
    known = {row.key: row for row in rows}
    if leads.best not in known:
        return ""
    best = known[leads.best]
    return leads.sentence(lambda key: short_recipe(known[key]), f"precision@{best.k} {best.precision:.3f}")


def _results(rows: Sequence[ExperimentRow], k: int, leads: Leads) -> Table:
    head = ["encoder", "pooling", "distance", "method", f"precision@{k}", "", "95 % interval", "against the highest"]
    head += ["mAP", f"mAP@{k}", "recall", "candidates scanned", "ms per query", "MB"]
    cheap = {name: bold_best([getattr(row, name) for row in rows], low=True) for name in ("milliseconds", "megabytes")}
    lines = [
        _result(row, leads, {name: marks[place] for name, marks in cheap.items()}) for place, row in enumerate(rows)
    ]
    return Table(head, lines, 4)


def _result(row: ExperimentRow, leads: Leads, cheap: Mapping[str, bool]) -> list[str | Best | Bar]:
    low, high = row.interval
    return [
        row.title + (f" ({row.weights})" if row.weights and f"@{row.weights}" not in row.title else ""),
        row.embedding,
        row.metric,
        row.method,
        strong(f"{row.precision:.3f}", leads.marked(row.key)),
        Bar(row.precision, low, high, row.chance),
        f"{low:.3f}–{high:.3f}",
        against(row, leads),
        optional(row.whole_map, ".3f"),
        optional(row.map_at_k, ".3f"),
        optional(row.recall, ".3f"),
        optional(row.examined, ".0%"),
        strong(f"{row.milliseconds:.2f}", cheap["milliseconds"]),
        strong(f"{row.megabytes:,.1f}", cheap["megabytes"]),
    ]


def against(row: ExperimentRow, leads: Leads) -> str:
    """How a row stands against the most precise, as "−0.019, p = .006" or "not decided, p = .12"; "" for that row."""
    if row.key in leads.refused:
        return "not compared"
    if row.key not in leads.against:
        return ""
    found = leads.against[row.key].opposite
    return f"{found.effect:+.3f}".replace("-", "−") + f"{'' if found.decided else ', not decided'}, {p_text(found.p)}"


def _measures(rows: Sequence[ExperimentRow]) -> Table | None:
    """The further measures, those that any row has."""
    known = [name for name in MORE_FIGURES if any(getattr(row, name) is not None for row in rows)]
    lines = [[short_recipe(row), *(optional(getattr(row, name), ".3f") for name in known)] for row in rows]
    return Table(["configuration", *(MORE_FIGURES[name] for name in known)], lines, 1) if known else None


def _seeds(plan: ExperimentPlan, rows: Sequence[ExperimentRow]) -> Table:
    return Table(seeds_heads(plan.k), [seeds_line(one) for one in over_seeds(plan, rows)], 4)


def seeds_heads(k: int) -> list[str]:
    """The headings of `seeds_line`."""
    figure = f"precision@{k}, mean ± deviation"
    return ["training", "pooling", "distance", "method", "seeds", figure, "95 % interval of the mean"]


def seeds_line(one: OverSeeds) -> list[str]:
    """A configuration over its seeds, as text."""
    figures = f"{one.mean:.3f} ± {one.deviation:.3f}", "{:.3f}–{:.3f}".format(*one.interval)
    return [*one.choices, str(one.seeds), *figures]


def seeds_verdict(experiment: Experiment, rows: Sequence[ExperimentRow]) -> str:
    """Whether a configuration is better than the others over their seeds; "" with fewer than two that were repeated."""
    found = leads_over_seeds(experiment, rows)
    summed = {one.key: one for one in over_seeds(experiment.plan, rows)}
    if found.best not in summed:
        return ""
    best = summed[found.best]
    figure = f"precision@{experiment.plan.k} {best.mean:.3f} on average over {best.seeds} seeds"
    return found.sentence(lambda key: " · ".join(summed[key].choices), figure)


def _by_label(rows: Sequence[ExperimentRow]) -> Table | None:
    labels = _labels(rows)[:_LABELS_SHOWN]
    if len(labels) < 2:
        return None
    lines = [[short_recipe(row), *(optional(row.per_class.get(label), ".3f") for label in labels)] for row in rows]
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
            hits = f"{row.single['hits']:.3g}" if row and row.single else "–"
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


def short_recipe(row: ExperimentRow) -> str:
    return f"{row.title} · {row.embedding} · {row.metric} · {row.method}"


def _starred(cell: str) -> str | Best:
    """A cell of `report_hits`; a figure between two pairs of asterisks is the best of its column."""
    before, _, rest = cell.partition("**")
    text, _, after = rest.partition("**")
    return Best(text, after, before=before) if text else cell


EXPORTS = (csv_export(to_csv, "configuration"), html_export(to_html), JSON)
