"""The results of an experiment to take along: CSV, and one page of HTML that asks for nothing from outside.

Whatever people wrote (titles, labels, names of runs, sentences) is escaped; the page has no script and no link.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from engine.comparisons.html import bold_best, page, strong, table
from engine.comparisons.recipes import findings
from engine.comparisons.recipes.experiment import ExperimentRow
from engine.comparisons.recipes.plan import REPORT_COLUMNS, ExperimentPlan
from engine.core.tables import csv_text

_LABELS_SHOWN = 40  # columns of the table by label
_WORST_SHOWN = 5  # recipes whose worst queries are listed
_CHOICES = ("title", "encoder", "weights", "embedding", "metric", "method")
_FIGURES = ("precision", "low", "high", "chance", "map", "recall", "milliseconds", "megabytes", "examined")
_COUNTS = ("images", "queries", "hits of the single query", "least train loss", "least MSE", "least 1-SSIM")


def to_csv(plan: ExperimentPlan, rows: Sequence[ExperimentRow]) -> str:
    """All rows in the plan's order, one column a figure and one for each label; spreadsheet formulas are disarmed."""
    labels = _labels(rows)
    header = [*_CHOICES, *_FIGURES, *_COUNTS, "recipe", "note", "error", *(f"precision of {label}" for label in labels)]
    return csv_text(header, (_csv_line(row, labels) for row in rows))


def _csv_line(row: ExperimentRow, labels: Sequence[str]) -> list[object]:
    losses = row.losses or {}
    figures: list[object] = [row.precision, *row.interval, row.chance, row.map, row.recall, row.milliseconds]
    figures += [row.megabytes, row.examined, row.images, row.queries, (row.single or {}).get("hits")]
    if row.error:
        figures = [None] * len(figures)
    told = [losses.get(name) for name in ("train", "mse", "ssim")]
    by_label = [row.per_class.get(label) for label in labels]
    choices = [getattr(row, name) for name in _CHOICES]
    return [
        "" if cell is None else cell for cell in [*choices, *figures, *told, row.recipe, row.note, row.error, *by_label]
    ]


def to_html(plan: ExperimentPlan, rows: Sequence[ExperimentRow]) -> str:
    """The whole experiment as one page: the results with bars, by label, worst queries, and the report's tables."""
    measured = sorted((row for row in rows if not row.error), key=lambda row: -row.precision)
    parts = [f"<h1>{escape(plan.title)}</h1>", _facts(plan, rows)]
    if plan.repeats_the_report:
        parts += _report_section(rows)
    parts += [_results(measured, plan.k), _by_label(measured), _worst(measured), _failed(rows), _notes(rows)]
    return page(plan.title, parts)


def _facts(plan: ExperimentPlan, rows: Sequence[ExperimentRow]) -> str:
    measured = [row for row in rows if not row.error]
    seen = next(iter(measured), None)
    asked = f" {seen.queries:,} of its {seen.images:,} labelled pictures are used as queries." if seen else ""
    count = f"{len(measured):,} of {len(plan.cells()):,} configurations measured."
    told = f"Collection {plan.collection}.{asked} The query itself is left out of its results. {count}"
    return f"<p>{escape(told)}</p>"


def _results(rows: Sequence[ExperimentRow], k: int) -> str:
    head = ["encoder", "pooling", "distance", "method", f"precision@{k}", "", "95 % interval", "mAP", "recall"]
    head += ["candidates scanned", "ms per query", "MB"]
    best = {
        "precision": bold_best([row.precision for row in rows]),
        "map": bold_best([row.map for row in rows]),
        "milliseconds": bold_best([row.milliseconds for row in rows], low=True),
        "megabytes": bold_best([row.megabytes for row in rows], low=True),
    }
    lines = [_result(row, {name: marks[place] for name, marks in best.items()}) for place, row in enumerate(rows)]
    if not lines:
        return "<p>No results yet.</p>"
    return "<h2>Results</h2>" + table(head, lines, left=4)


def _result(row: ExperimentRow, best: Mapping[str, bool]) -> list[str]:
    low, high = row.interval
    return [
        escape(row.title + (f" ({row.weights})" if row.weights and f"@{row.weights}" not in row.title else "")),
        escape(row.embedding),
        escape(row.metric),
        escape(row.method),
        strong(f"{row.precision:.3f}", best["precision"]),
        _bar(row.precision, row.interval, row.chance),
        f"{low:.3f}–{high:.3f}",
        strong(f"{row.map:.3f}", best["map"]),
        "–" if row.recall is None else f"{row.recall:.3f}",
        "–" if row.examined is None else f"{row.examined:.0%}",
        strong(f"{row.milliseconds:.2f}", best["milliseconds"]),
        strong(f"{row.megabytes:,.1f}", best["megabytes"]),
    ]


def _bar(value: float, interval: tuple[float, float], chance: float) -> str:
    """A bar from 0 to 1 with its interval as a line and the chance level as a dotted mark."""
    wide = {name: 120 * share for name, share in (("value", value), ("low", interval[0]), ("high", interval[1]))}
    said = escape(f"{value:.3f}, interval {interval[0]:.3f} to {interval[1]:.3f}, chance {chance:.3f}")
    return (
        f'<svg width="120" height="14" role="img" aria-label="{said}"><rect class="ground" width="120" height="14"/>'
        f'<rect class="bar" width="{wide["value"]:.1f}" height="14"/>'
        f'<line class="spread" x1="{wide["low"]:.1f}" x2="{wide["high"]:.1f}" y1="7" y2="7"/>'
        f'<line class="chance" x1="{120 * chance:.1f}" x2="{120 * chance:.1f}" y1="0" y2="14"/></svg>'
    )


def _by_label(rows: Sequence[ExperimentRow]) -> str:
    labels = _labels(rows)[:_LABELS_SHOWN]
    if len(labels) < 2:
        return ""
    best = {label: bold_best([row.per_class.get(label) for row in rows]) for label in labels}
    lines = []
    for place, row in enumerate(rows):
        cells = [row.per_class.get(label) for label in labels]
        shown = ["–" if cell is None else f"{cell:.3f}" for cell in cells]
        marked = [strong(text, best[label][place]) for text, label in zip(shown, labels, strict=True)]
        lines.append([escape(_short_recipe(row)), *marked])
    return "<h2>By label</h2>" + table(["configuration", *labels], lines, left=1)


def _worst(rows: Sequence[ExperimentRow]) -> str:
    parts = []
    for row in rows[:_WORST_SHOWN]:
        lines = [[str(w["query"]), f"{w['precision']:.3f}", ", ".join(map(str, w["answers"]))] for w in row.worst]
        parts.append(f"<h3>{escape(_short_recipe(row))}</h3>" + table(["query", "precision", "results"], lines, left=0))
    return (
        ("<h2>Worst queries of the best configurations</h2><p>Pictures by their id.</p>" + "".join(parts))
        if parts
        else ""
    )


def _failed(rows: Sequence[ExperimentRow]) -> str:
    lines = [[escape(_short_recipe(row)), escape(row.error)] for row in rows if row.error]
    return "<h2>Failed</h2>" + table(["configuration", "why"], lines, left=2) if lines else ""


def _notes(rows: Iterable[ExperimentRow]) -> str:
    notes = dict.fromkeys((row.title, row.note) for row in rows if row.note)
    items = "".join(f"<li>{escape(title)}: {escape(note)}</li>" for title, note in notes)
    return f"<h2>Notes</h2><ul>{items}</ul>" if items else ""


def _report_section(rows: Sequence[ExperimentRow]) -> list[str]:
    """Tables 4 and 5 of the report beside our figures, and which findings hold."""
    loss_lines, hit_lines = report_losses(rows), report_hits(rows)
    to_strong = [[_starred(cell) for cell in line] for line in hit_lines[1:]]
    held = "".join(f"<li>{escape(finding.sentence)}</li>" for finding in findings.findings(rows))
    held += "".join(f"<li>{escape(sentence)}</li>" for sentence in correlations(rows))
    source = "In brackets the figures of the original study, “Image Similarity Engine”, for its own pictures."
    return [
        f"<h2>Table 4 of the original study: lowest losses</h2><p>{escape(source)}</p>",
        table(loss_lines[0], [[escape(cell) for cell in line] for line in loss_lines[1:]], left=1),
        "<h2>Table 5 of the original study: correct results of 8 for one picture · precision@8 over all pictures</h2>",
        table(hit_lines[0], to_strong, left=1),
        f"<h2>Its findings</h2><ul>{held}</ul>" if held else "",
    ]


def report_losses(rows: Sequence[ExperimentRow]) -> list[list[str]]:
    """The report's table 4, its heading first: the least losses of each training, with the report's own."""
    found = findings.table(rows)
    lines = [["training", "train", "validation MSE", "validation 1 − SSIM"]]
    for title, theirs in zip(findings.TITLES, findings.REPORT_LOSSES, strict=True):
        losses = losses_of(found, title)
        own = [_loss(losses.get(name)) for name in ("train", "mse", "ssim")]
        lines.append([title, own[0], f"{own[1]} ({theirs:g})", own[2]])
    return lines


def report_hits(rows: Sequence[ExperimentRow]) -> list[list[str]]:
    """The report's table 5, its heading first: hits of 8 (the report's) · precision@8, the best of a column in **."""
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


def losses_of(found: Mapping[tuple[str, str, str], ExperimentRow], title: str) -> Mapping[str, float | None]:
    """The least losses of the training of that title, {} where nothing is known."""
    return next((row.losses for (name, *_), row in found.items() if name == title and row.losses), {})


def correlations(rows: Sequence[ExperimentRow]) -> list[str]:
    """A sentence for each column: the rank correlation (Spearman) between validation MSE and precision@8; and the best.

    −1 would mean that the lower loss always searches better. Titles with all four columns take part, those that repeat
    another one to the bit once.
    """
    found = findings.table(rows)
    whole = [title for title in findings.TITLES if all((title, *column) in found for column in REPORT_COLUMNS)]
    if len(whole) < 3:
        return []
    said = []
    kinds = findings.different(found, whole)
    losses = [losses_of(found, title).get("mse") for title in kinds]
    known = [(title, loss) for title, loss in zip(kinds, losses, strict=True) if loss is not None]
    for column in REPORT_COLUMNS:
        precisions = [found[title, *column].precision for title, _ in known]
        r = findings.rank_correlation([loss for _, loss in known], precisions) if len(known) > 2 else None
        if r is not None:
            said.append(f"{findings.COLUMN_TITLES[column]} {r:+.2f}")
    means = {c: sum(found[title, *c].precision for title in whole) / len(whole) for c in REPORT_COLUMNS}
    top = max(means.values())
    best = " and ".join(findings.COLUMN_TITLES[column] for column in REPORT_COLUMNS if means[column] == top)
    sentences = [f"Rank correlation of validation MSE and precision@8: {'; '.join(said)}."] if said else []
    return [*sentences, f"Best on average: {best} ({top:.3f})."]


def _loss(value: float | None) -> str:
    return "–" if value is None else f"{value:.5f}"


def _labels(rows: Iterable[ExperimentRow]) -> list[str]:
    return sorted({label for row in rows for label in row.per_class})


def _short_recipe(row: ExperimentRow) -> str:
    return f"{row.title} · {row.embedding} · {row.metric} · {row.method}"


def _starred(cell: str) -> str:
    before, *rest = escape(cell).split("**")
    return before + (f"<strong>{rest[0]}</strong>{rest[1]}" if len(rest) == 2 else "")
