"""Exports of a study: CSV, and a self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.comparisons.exports import JSON, csv_export, html_export
from engine.comparisons.hashing.curves import quality_against_bits, quality_against_time
from engine.comparisons.hashing.measuring import StudyRow
from engine.comparisons.hashing.plan import EXACT
from engine.comparisons.hashing.study import Folded, HashingStudy, highest_recall
from engine.comparisons.html import Bar, Best, Table, bold_best, curves, notes_of, optional, render, strong
from engine.core.tables import csv_text
from engine.search.provenance import COLUMNS, provenance_cells

_CHOICES = ("title", "method", "fold")
_FIGURES = (
    "size", "dimensions", "queries", "neighbours", "recall", "recall_10", "map", "strict_map", "candidates", "share",
    "p50", "p50_low", "p50_high", "exact_ms", "exact_low", "exact_high", "p99", "mean_ms", "slowest_ms",
    "batch_ms", "build_seconds", "megabytes", "vectors_megabytes", "empty", "recall_low", "recall_high",
)  # fmt: skip
_TOLD = ("workers", "note", "error")
_CHEAP = ("p50", "batch_ms", "build_seconds")
_HEADS = {
    "recall_10": "recall@10", "strict_map": "strict map", "p50": "p50 ms", "p50_low": "p50 from ms",
    "p50_high": "p50 to ms", "exact_ms": "exact in turns p50 ms", "exact_low": "exact in turns p50 from ms",
    "exact_high": "exact in turns p50 to ms", "p99": "p99 ms", "mean_ms": "mean ms",
    "slowest_ms": "slowest part ms", "batch_ms": "ms in batches of 100", "build_seconds": "build s",
    "empty": "queries without results", "recall_low": "recall from", "recall_high": "recall to",
    "megabytes": "MB", "vectors_megabytes": "MB of vectors", "workers": "where parts lived",
}  # fmt: skip


def to_csv(study: HashingStudy) -> str:
    """All rows in the plan's order, one column per figure; spreadsheet formulas are neutralised."""
    names = (*_CHOICES, *_FIGURES, *_TOLD)
    header = [_HEADS.get(name, name) for name in names]
    lines = ([*_csv_cells(row, names), _chosen(row), *provenance_cells(row.made_with)] for row in study.rows())
    return csv_text([*header, "settings in force", *COLUMNS], lines)


def _csv_cells(row: StudyRow, names: Sequence[str]) -> list[object]:
    values = [None if row.error and name in _FIGURES else getattr(row, name) for name in names]
    return ["" if value is None else value for value in values]


def _chosen(row: StudyRow) -> str:
    return " ".join(f"{name}={value}" for name, value in row.chosen.items())


def to_html(study: HashingStudy) -> str:
    """The whole study as one page: the recommendation, all results, curves, speed-up, size-up, folds, and failures."""
    folded, rows, every = study.folded(), study.averaged(), study.rows()
    failed = [[row.title, row.error] for row in every if row.error]
    return render(
        "comparisons/hashing/report.html",
        title=study.title,
        facts=_facts(study),
        advice=study.advice(study.plan.tune).sentence if study.plan.tune is not None else "",
        timing=study.timing,
        results=_results([one.row for one in folded]),
        by_time=curves(quality_against_time(rows), "milliseconds a query (p50)", "recall", logarithmic=True),
        by_bits=curves(quality_against_bits(rows), "bits", "recall"),
        repeated=repeated(folded),
        folds=_folds(folded),
        speed_up=_speed_up(study),
        size_up=_size_up(study),
        failed=Table(["method", "why"], failed, 2),
        notes=notes_of(every),
    )


def _facts(study: HashingStudy) -> str:
    plan, rows = study.plan, [row for _, row in study.measured()]
    source = plan.file.name if plan.file else plan.source
    text = f"{source}, {plan.metric} distance. {len(rows):,} of {len(plan.cells()):,} settings measured."
    if rows:
        seen = rows[-1]
        text += f" {seen.queries:,} queries, none of which is indexed, asked for {seen.neighbours:,} neighbours each."
    places = list(dict.fromkeys(row.workers for row in rows))
    text += f" Parts lived in: {', '.join(places)}." if places else ""
    return text


def _results(rows: Sequence[StudyRow]) -> Table:
    head = ["method", "vectors", "recall", "95 % interval", "recall@10", "without results", "MAP", "strict MAP"]
    head += ["p50 ms", "p99 ms", "ms in batches", "compared", "of all", "build s", "MB"]
    most, largest = max((row.size for row in rows), default=0), set[str]()
    if most:
        largest = highest_recall([row for row in rows if row.size == most])
    cheap = {name: _best(rows, name) for name in _CHEAP}
    marks = [{name: cheap[name][place] for name in _CHEAP} for place in range(len(rows))]
    lines = [_result(row, {**own, "recall": row.key in largest}) for row, own in zip(rows, marks, strict=True)]
    return Table(head, lines, 1)


def _best(rows: Sequence[StudyRow], name: str) -> list[bool]:
    """Whether each row has the lowest figure; exact search is the reference and does not compete."""
    return bold_best([None if row.method == EXACT else getattr(row, name) for row in rows], low=True)


def _result(row: StudyRow, best: dict[str, bool]) -> list[str | Best | Bar]:
    interval = None if row.recall_low is None else f"{row.recall_low:.3f}–{row.recall_high:.3f}"
    return [
        row.title,
        f"{row.size:,}",
        strong(f"{row.recall:.3f}", best["recall"]),
        interval or "–",
        f"{row.recall_10:.3f}",
        optional(row.empty, ".1%"),
        f"{row.map:.3f}",
        f"{row.strict_map:.3f}",
        strong(f"{row.p50:.3f}", best["p50"]),
        f"{row.p99:.3f}",
        strong(f"{row.batch_ms:.3f}", best["batch_ms"]),
        optional(row.candidates, ",.0f"),
        optional(row.share, ".2%"),
        strong(f"{row.build_seconds:.2f}", best["build_seconds"]),
        f"{row.megabytes:,.1f}",
    ]


def repeated(folded: Sequence[Folded]) -> str:
    """What means and deviations are over, as "3 folds and 3 draws of the random parts"; "" if nothing was repeated."""
    folds, draws = (max((getattr(one, name) for one in folded), default=1) for name in ("folds", "draws"))
    parts = [f"{folds} folds"] if folds > 1 else []
    return " and ".join([*parts, f"{draws} draws of the random parts"] if draws > 1 else parts)


def _folds(folded: Sequence[Folded]) -> Table:
    names = ("recall", "map", "p50", "mean_ms")
    lines = [
        [one.row.title, f"{one.row.size:,}", *(_spread(one, name) for name in names)]
        for one in folded
        if one.deviations
    ]
    return Table(["method", "vectors", "recall", "MAP", "p50 ms", "mean ms"], lines, 1)


def _spread(one: Folded, name: str) -> str:
    return f"{getattr(one.row, name):.3f} ± {one.deviations[name]:.3f}"


def _speed_up(study: HashingStudy) -> dict[str, Any] | None:
    """RDH in several parts against one part: table and chart, None if only one number of parts was measured."""
    found = study.speed_up()
    if len(found) < 2:
        return None
    head = ["method", "parts", "p50 ms", "slowest part ms", "speed-up", "on machines of their own", "of the build"]
    lines = [
        [
            one.title,
            str(one.parts),
            f"{one.p50:.3f}",
            optional(one.slowest_ms, ".3f"),
            f"{one.speed_up:.2f}",
            optional(one.machines, ".2f"),
            f"{one.build_speed_up:.2f}",
            f"{one.recall:.3f}",
        ]
        for one in found
    ]
    drawn: dict[str, list[tuple[float, float]]] = {}
    for one in found:
        drawn.setdefault(f"{one.title}, measured", []).append((one.parts, one.speed_up))
        if one.machines is not None:
            drawn.setdefault(f"{one.title}, machines of their own", []).append((one.parts, one.machines))
    return {"table": Table([*head, "recall"], lines, 1), "chart": curves(drawn, "parts", "times faster")}


def _size_up(study: HashingStudy) -> dict[str, Any] | None:
    """Each method over more vectors against itself over the fewest: table and chart."""
    found = study.size_up()
    drawn: dict[str, list[tuple[float, float]]] = {}
    lines = []
    for one in found:
        times = [f"{one.times_larger:.1f}", f"{one.p50:.3f}", f"{one.times_slower:.2f}", f"{one.recall:.3f}"]
        lines.append([one.title, f"{one.size:,}", *times])
        drawn.setdefault(one.title, []).append((one.times_larger, one.times_slower))
    head = ["method", "vectors", "times larger", "p50 ms", "times slower", "recall"]
    return {"table": Table(head, lines, 1), "chart": curves(drawn, "times larger", "times slower")} if found else None


EXPORTS = (csv_export(to_csv, "configuration"), html_export(to_html), JSON)
