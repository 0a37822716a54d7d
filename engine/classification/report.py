"""Exports of a classification: CSV, and a self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.classification import measures
from engine.classification.best import Best as Leading
from engine.classification.best import best
from engine.classification.corruptions import CLEAN
from engine.classification.plan import FUSIONS
from engine.classification.results import Classification, ResultLine
from engine.comparisons.exports import JSON, csv_export, html_export
from engine.comparisons.html import Bar, Best, Table, curves, optional, render, strong
from engine.core.tables import csv_text
from engine.search.provenance import COLUMNS, provenance_cells

_CONFUSED = 20  # pairs of classes


def to_csv(classification: Classification) -> str:
    """One row per model and condition; spreadsheet formulas are neutralised."""
    header = ["model", "condition", "folds", "accuracy", "deviation", "macro F1", "deviation of F1"]
    header += ["calibration error", "log loss", "seconds a fold", "Brier score", *COLUMNS]
    made_with = {row.fusion: provenance_cells(row.made_with) for row in classification.rows() if not row.error}
    lines = [
        [one.title, one.condition.title, *one.figures, "" if one.brier is None else one.brier, *made_with[one.fusion]]
        for one in classification.table()
    ]
    return csv_text(header, lines)


def to_html(classification: Classification) -> str:
    """The whole classification as one page: the best model, all results, corruptions, each model, and failures."""
    lines, rows = classification.table(), classification.rows()
    failed = [[row.title, str(row.fold + 1), row.error] for row in rows if row.error]
    found = best(lines, [row for row in rows if not row.error])
    return render(
        "classification/report.html",
        title=classification.title,
        facts=_facts(classification),
        best=found,
        results=_results(classification, [line for line in lines if line.condition.name == CLEAN], found),
        conditions=_conditions(classification, lines),
        models=[_model(classification, line) for line in lines if line.condition.name == CLEAN],
        failed=Table(["model", "fold", "why"], failed, 3),
    )


def _facts(classification: Classification) -> str:
    plan, rows = classification.plan, [row for row in classification.rows() if not row.error]
    sides = [plan.picture] if plan.fusions != ("text",) else []
    sides += [plan.text] if plan.needs_text else []
    text = f"{plan.collection}, seen by {' and '.join(sides)}. {len(rows)} of {len(plan.cells())} trainings measured."
    if rows:
        text += f" {len(rows[0].classes)} classes."
    return text


def _results(classification: Classification, clean: Sequence[ResultLine], found: Leading | None) -> Table:
    """The models; only an accuracy whose lead is decided is in bold."""
    leading = found.line.fusion if found is not None and found.clear else None
    cells: list[list[str | Best | Bar]] = [
        [
            _named(line.title, classification.same_as(line.fusion)),
            str(line.folds),
            strong(_spread(line.accuracy, line.accuracy_deviation, line.folds), line.fusion == leading),
            _spread(line.f1, line.f1_deviation, line.folds),
            f"{line.ece:.3f}",
            f"{line.log_loss:.3f}",
            optional(line.brier, ".3f"),
            f"{line.seconds:.1f}",
        ]
        for line in clean
    ]
    head = ["model", "folds", "accuracy", "macro F1", "calibration error", "log loss", "Brier score", "s a fold"]
    return Table(head, cells, 1)


def _named(title: str, same: str) -> str:
    return f"{title} (predicts as {same.lower()})" if same else title


def _spread(mean: float, deviation: float, folds: int) -> str:
    return f"{mean:.3f} ± {deviation:.3f}" if folds > 1 else f"{mean:.3f}"  # one fold does not tell how folds differ


def _conditions(classification: Classification, lines: Sequence[ResultLine]) -> Table | None:
    """Accuracy under every condition, and in brackets the loss; None if only clean items were tested."""
    asked = classification.plan.asked
    if len(asked) < 2 or not lines:
        return None
    by_place = {(line.fusion, line.condition.name): line for line in lines}
    fusions = list(dict.fromkeys(line.fusion for line in lines))
    cells = [
        [FUSIONS[fusion], *(_lost(by_place[fusion, one.name], by_place[fusion, CLEAN]) for one in asked)]
        for fusion in fusions
    ]
    head = ["model", *(one.short for one in asked)]
    return Table(head, cells, 1)


def _lost(line: ResultLine, clean: ResultLine) -> str:
    lost = "" if line is clean else f" ({100 * (line.accuracy - clean.accuracy):+.1f})"
    return f"{line.accuracy:.3f}{lost}"


def _model(classification: Classification, line: ResultLine) -> dict[str, Any]:
    """One model: its classes, confusions, calibration and learning curves."""
    classes = [
        [label, *(f"{value:.3f}" for value in figures), f"{count:,}"]
        for label, *figures, count in classification.per_class(line.fusion)
    ]
    losses = {
        f"fold {fold + 1}": [(event["epoch"], event["validation"]) for event in curve if "validation" in event]
        for fold, curve in classification.curves(line.fusion)
    }
    bins = classification.reliability(line.fusion)
    return {
        "title": line.title,
        "confused": _confused(classification, line.fusion),
        "classes": Table(["class", "precision", "recall", "F1", "items"], classes, 1),
        "calibration": calibration_sentence(classification.calibration(line.fusion)),
        "confidence": _confidence(bins),
        "losses": curves(losses, "epochs", "validation loss"),
    }


def calibration_sentence(calibration: measures.Calibration) -> str:
    """The calibration error with its interval, and whether it is larger than expected by chance."""
    low, high, chance = *calibration.interval, calibration.by_chance
    text = f"Calibration error of all predictions together: {calibration.error:.3f}"
    text += f" (95 % interval {low:.3f} to {high:.3f})."
    if calibration.error > chance:
        return f"{text} A perfectly calibrated model would rarely exceed {chance:.3f} here."
    return f"{text} That is within what a perfectly calibrated model shows by chance, up to {chance:.3f}."


def _confused(classification: Classification, fusion: str) -> Table:
    pairs = measures.confused(*classification.counts(fusion))
    cells = [[label, predicted, f"{count:,}"] for count, label, predicted in pairs[:_CONFUSED]]
    return Table(["label", "predicted", "times"], cells, 2)


def _confidence(bins: Sequence[measures.Bin]) -> Table:
    cells = [
        [_percents(one.low, one.high), f"{one.count:,}", f"{one.confidence:.3f}", f"{one.accuracy:.3f}"] for one in bins
    ]
    return Table(["confidence", "items", "mean confidence", "accuracy"], cells, 1)


def _percents(low: float, high: float) -> str:
    return f"{100 * low:.0f} to {100 * high:.0f} %"


EXPORTS = (csv_export(to_csv, "model and condition"), html_export(to_html), JSON)
