"""The results of a study to take along: CSV, and one page of HTML that asks for nothing from outside."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from engine.comparisons.hashing.curves import quality_against_bits, quality_against_time
from engine.comparisons.hashing.measuring import StudyRow
from engine.comparisons.hashing.plan import EXACT
from engine.comparisons.hashing.study import Folded, HashingStudy
from engine.comparisons.html import bold_best, curves, page, strong, table
from engine.core.tables import csv_text

_CHOICES = ("title", "method", "fold")
_FIGURES = (
    "size", "dimensions", "queries", "neighbours", "recall", "recall_10", "map", "strict_map", "candidates", "share",
    "p50", "p50_low", "p50_high", "p99", "mean_ms", "slowest_ms", "batch_ms", "build_seconds", "megabytes",
    "vectors_megabytes",
)  # fmt: skip
_TOLD = ("workers", "note", "error")
_BEST = (("recall", False), ("p50", True), ("batch_ms", True), ("build_seconds", True))
_SPREAD = ("recall", "map", "p50", "mean_ms")
_HEADS = {
    "recall_10": "recall@10", "strict_map": "strict map", "p50": "p50 ms", "p50_low": "p50 from ms",
    "p50_high": "p50 to ms", "p99": "p99 ms", "mean_ms": "mean ms",
    "slowest_ms": "slowest part ms", "batch_ms": "ms in batches of 100", "build_seconds": "build s",
    "megabytes": "MB", "vectors_megabytes": "MB of vectors", "workers": "where parts lived",
}  # fmt: skip


def to_csv(rows: Sequence[StudyRow]) -> str:
    """All rows in the plan's order, one column a figure; spreadsheet formulas are disarmed."""
    names = (*_CHOICES, *_FIGURES, *_TOLD)
    header = [_HEADS.get(name, name) for name in names]
    return csv_text([*header, "settings in force"], ([*_csv_cells(row, names), _chosen(row)] for row in rows))


def _csv_cells(row: StudyRow, names: Sequence[str]) -> list[object]:
    values = [None if row.error and name in _FIGURES else getattr(row, name) for name in names]
    return ["" if value is None else value for value in values]


def _chosen(row: StudyRow) -> str:
    return " ".join(f"{name}={value}" for name, value in row.chosen.items())


def to_html(study: HashingStudy) -> str:
    """The whole study as one page: what to take, all results, curves, speed-up, size-up, folds, and what failed."""
    folded, rows = study.folded(), study.averaged()
    parts = [f"<h1>{escape(study.title)}</h1>", _facts(study), _advice(study)]
    parts += [_results([one.row for one in folded]), *_curves(rows), _folds(folded)]
    parts += [_speed_up(study), _size_up(study), _failed(study.rows()), _notes(study.rows())]
    return page(study.title, parts)


def _facts(study: HashingStudy) -> str:
    plan, rows = study.plan, [row for _, row in study.measured()]
    source = plan.file.name if plan.file else plan.source
    told = f"{source}, {plan.metric} distance. {len(rows):,} of {len(plan.cells()):,} cells measured."
    if rows:
        seen = rows[-1]
        told += f" {seen.queries:,} queries, none of which is indexed, asked for {seen.neighbours:,} neighbours each."
    places = list(dict.fromkeys(row.workers for row in rows))
    told += f" Parts lived in: {', '.join(places)}." if places else ""
    return f"<p>{escape(told)}</p><p>{escape(_WHAT)}</p>"


_WHAT = (
    "Recall is the share of the true neighbours that was found. MAP divides by the right ones among those returned, "
    "so a method that returns little is not blamed for it; strict MAP divides by all that there are. Milliseconds are "
    "of one query, asked alone, in shuffled order, after a warm-up."
)
_UNBEATEN = "Of each method the settings that no other one beats in both."


def _advice(study: HashingStudy) -> str:
    if study.plan.tune is None:
        return ""
    return f"<p><strong>{escape(study.advice(study.plan.tune).sentence)}</strong></p>"


def _results(rows: Sequence[StudyRow]) -> str:
    if not rows:
        return "<p>Nothing has been measured yet.</p>"
    head = ["method", "vectors", "recall", "recall@10", "MAP", "strict MAP", "p50 ms", "p99 ms", "ms in batches"]
    head += ["compared", "of all", "build s", "MB"]
    best = {name: _best(rows, name, low) for name, low in _BEST}
    lines = [_result(row, {name: marks[place] for name, marks in best.items()}) for place, row in enumerate(rows)]
    return "<h2>Results</h2>" + table(head, lines, left=1)


def _best(rows: Sequence[StudyRow], name: str, low: bool) -> list[bool]:
    """Whether each row has the best figure; exact search is the measure, and does not compete."""
    return bold_best([None if row.method == EXACT else getattr(row, name) for row in rows], low=low)


def _result(row: StudyRow, best: dict[str, bool]) -> list[str]:
    return [
        escape(row.title),
        f"{row.size:,}",
        strong(f"{row.recall:.3f}", best["recall"]),
        f"{row.recall_10:.3f}",
        f"{row.map:.3f}",
        f"{row.strict_map:.3f}",
        strong(f"{row.p50:.3f}", best["p50"]),
        f"{row.p99:.3f}",
        strong(f"{row.batch_ms:.3f}", best["batch_ms"]),
        "–" if row.candidates is None else f"{row.candidates:,.0f}",
        "–" if row.share is None else f"{row.share:.2%}",
        strong(f"{row.build_seconds:.2f}", best["build_seconds"]),
        f"{row.megabytes:,.1f}",
    ]


def _curves(rows: Sequence[StudyRow]) -> list[str]:
    time = curves(quality_against_time(rows), "milliseconds a query (p50)", "recall", logarithmic=True)
    bits = curves(quality_against_bits(rows), "bits", "recall")
    return [
        time
        and "<h2>Quality against time</h2><p>Of each method the settings that no other one beats in both.</p>" + time,
        bits and "<h2>Quality against bits</h2>" + bits,
    ]


def _folds(folded: Sequence[Folded]) -> str:
    lines = [
        [
            escape(one.row.title),
            f"{one.row.size:,}",
            *(_spread(one, name) for name in ("recall", "map", "p50", "mean_ms")),
        ]
        for one in folded
        if one.folds > 1
    ]
    if not lines:
        return ""
    count = max(one.folds for one in folded)
    head = ["method", "vectors", "recall", "MAP", "p50 ms", "mean ms"]
    said = f"Means and standard deviations over {count} folds."
    return f"<h2>Cross validation</h2><p>{said}</p>" + table(head, lines, left=1)


def _spread(one: Folded, name: str) -> str:
    return f"{getattr(one.row, name):.3f} ± {one.deviations[name]:.3f}"


def _speed_up(study: HashingStudy) -> str:
    found = study.speed_up()
    if len(found) < 2:
        return ""
    head = [
        "method",
        "parts",
        "p50 ms",
        "slowest part ms",
        "speed-up",
        "on machines of their own",
        "of the build",
        "recall",
    ]
    lines = [
        [
            escape(one.title),
            str(one.parts),
            f"{one.p50:.3f}",
            "–" if one.slowest_ms is None else f"{one.slowest_ms:.3f}",
            f"{one.speed_up:.2f}",
            "–" if one.machines is None else f"{one.machines:.2f}",
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
    said = "Against one part. On machines of their own parts take as long as the slowest of them; the way comes on top."
    return f"<h2>Speed-up</h2><p>{said}</p>" + table(head, lines, left=1) + curves(drawn, "parts", "times faster")


def _size_up(study: HashingStudy) -> str:
    found = study.size_up()
    if not found:
        return ""
    head = ["method", "vectors", "times larger", "p50 ms", "times slower", "recall"]
    drawn: dict[str, list[tuple[float, float]]] = {}
    lines = []
    for one in found:
        times = [f"{one.times_larger:.1f}", f"{one.p50:.3f}", f"{one.times_slower:.2f}", f"{one.recall:.3f}"]
        lines.append([escape(one.title), f"{one.size:,}", *times])
        drawn.setdefault(one.title, []).append((one.times_larger, one.times_slower))
    return "<h2>Size-up</h2>" + table(head, lines, left=1) + curves(drawn, "times larger", "times slower")


def _failed(rows: Sequence[StudyRow]) -> str:
    lines = [[escape(row.title), escape(row.error)] for row in rows if row.error]
    return "<h2>Could not be measured</h2>" + table(["method", "why"], lines, left=2) if lines else ""


def _notes(rows: Sequence[StudyRow]) -> str:
    notes = dict.fromkeys((row.title, row.note) for row in rows if row.note)
    items = "".join(f"<li>{escape(title)}: {escape(note)}</li>" for title, note in notes)
    return f"<h2>Notes</h2><ul>{items}</ul>" if items else ""
