"""The results of a classification to take along: one page of HTML that asks for nothing from outside."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from engine.classification import measures
from engine.classification.best import best
from engine.classification.corruptions import CLEAN
from engine.classification.plan import FUSIONS
from engine.classification.results import Classification, ResultLine
from engine.comparisons.html import bold_best, curves, page, strong, table
from engine.core.tables import csv_text

_CONFUSED = 20  # pairs of classes
_WHAT = (
    "Each model learned from all folds but one and was asked about that one; figures are means over the folds, ± their "
    "standard deviation. Macro F1 counts every class alike. The calibration error is how far sureness and accuracy are "
    "apart on average, the log loss the mean cross entropy in nats."
)


def to_csv(found: Classification) -> str:
    """The table; texts that a spreadsheet would run are made harmless."""
    header = ["model", "condition", "folds", "accuracy", "deviation", "macro F1", "deviation of F1"]
    header += ["calibration error", "log loss", "seconds a fold"]
    return csv_text(header, [[one.title, one.condition.title, *one.figures] for one in found.table()])


def to_html(found: Classification) -> str:
    """The whole classification as one page: the best, all results, what is noisy, each model, and what failed."""
    lines = found.table()
    parts = [f"<h1>{escape(found.title)}</h1>", _facts(found), _best(found, lines), _results(lines)]
    parts += [_conditions(found, lines)]
    parts += [_model(found, line) for line in lines if line.condition.name == CLEAN]
    return page(found.title, [*parts, _failed(found)])


def _facts(found: Classification) -> str:
    plan, rows = found.plan, [row for row in found.rows() if not row.error]
    sides = [plan.picture] if plan.fusions != ("text",) else []
    sides += [plan.text] if plan.needs_text else []
    told = f"{plan.collection}, seen by {' and '.join(sides)}. {len(rows)} of {len(plan.cells())} trainings measured."
    if rows:
        told += f" {len(rows[0].classes)} classes."
    return f"<p>{escape(told)}</p><p>{escape(_WHAT)}</p>"


def _best(found: Classification, lines: Sequence[ResultLine]) -> str:
    first = best(lines, [row for row in found.rows() if not row.error])
    if first is None:
        return "<p>Nothing has been measured yet.</p>"
    return f"<p><strong>{escape(first.headline)}</strong> {escape(first.beside)}</p>"


def _results(lines: Sequence[ResultLine]) -> str:
    clean = [line for line in lines if line.condition.name == CLEAN]
    if not clean:
        return ""
    marks = [bold_best([line.accuracy for line in clean]), bold_best([line.f1 for line in clean])]
    marks += [bold_best([getattr(line, name) for line in clean], low=True) for name in ("ece", "log_loss")]
    cells = [
        [
            escape(line.title),
            str(line.folds),
            strong(_spread(line.accuracy, line.accuracy_deviation, line.folds), marks[0][at]),
            strong(_spread(line.f1, line.f1_deviation, line.folds), marks[1][at]),
            strong(f"{line.ece:.3f}", marks[2][at]),
            strong(f"{line.log_loss:.3f}", marks[3][at]),
            f"{line.seconds:.1f}",
        ]
        for at, line in enumerate(clean)
    ]
    head = ["model", "folds", "accuracy", "macro F1", "calibration error", "log loss", "s a fold"]
    return "<h2>Results</h2>" + table(head, cells, left=1)


def _spread(mean: float, deviation: float, folds: int) -> str:
    return f"{mean:.3f} ± {deviation:.3f}" if folds > 1 else f"{mean:.3f}"  # one fold does not tell how folds differ


def _conditions(found: Classification, lines: Sequence[ResultLine]) -> str:
    asked = found.plan.asked
    if len(asked) < 2 or not lines:
        return ""
    by_place = {(line.fusion, line.condition.name): line for line in lines}
    fusions = list(dict.fromkeys(line.fusion for line in lines))
    cells = [
        [escape(FUSIONS[fusion]), *(_lost(by_place[fusion, one.name], by_place[fusion, CLEAN]) for one in asked)]
        for fusion in fusions
    ]
    said = "Accuracy, and in brackets how many percentage points more or less than over the things as they are."
    head = ["model", *(one.short for one in asked)]
    return f"<h2>Missing or noisy</h2><p>{said}</p>" + table(head, cells, left=1)


def _lost(line: ResultLine, clean: ResultLine) -> str:
    lost = "" if line is clean else f" ({100 * (line.accuracy - clean.accuracy):+.1f})"
    return f"{line.accuracy:.3f}{lost}"


def _model(found: Classification, line: ResultLine) -> str:
    """One model: its classes, what it confuses, how sure it is, and how it learned."""
    classes = [
        [escape(label), *(f"{value:.3f}" for value in figures), f"{count:,}"]
        for label, *figures, count in found.per_class(line.fusion)
    ]
    parts = [f"<h2>{escape(line.title)}</h2>", _confused(found, line.fusion), "<h3>By class</h3>"]
    parts += [table(["class", "precision", "recall", "F1", "things"], classes, left=1), _sureness(found, line.fusion)]
    losses = {
        f"fold {fold + 1}": [(event["epoch"], event["validation"]) for event in curve if "validation" in event]
        for fold, curve in found.curves(line.fusion)
    }
    drawn = curves(losses, "epochs", "loss on held-out things")
    return "".join([*parts, drawn and f"<h3>Learning</h3>{drawn}"])


def _confused(found: Classification, fusion: str) -> str:
    pairs = measures.confused(*found.counts(fusion))
    if not pairs:
        return "<p>It was right about everything.</p>"
    cells = [[escape(own), escape(said), f"{count:,}"] for count, own, said in pairs[:_CONFUSED]]
    return "<h3>Confused most</h3>" + table(["is", "was called", "times"], cells, left=2)


def _sureness(found: Classification, fusion: str) -> str:
    bins = found.reliability(fusion)
    cells = [
        [_percents(one.low, one.high), f"{one.count:,}", f"{one.confidence:.3f}", f"{one.accuracy:.3f}"] for one in bins
    ]
    error = f"Calibration error over all folds: {measures.calibration_error(bins):.3f}."
    head = ["said", "things", "sure on average", "right"]
    return f"<h3>How sure, and how often right</h3><p>{error}</p>" + table(head, cells, left=1)


def _percents(low: float, high: float) -> str:
    return f"{100 * low:.0f} to {100 * high:.0f} %"


def _failed(found: Classification) -> str:
    cells = [[escape(row.title), str(row.fold + 1), escape(row.error)] for row in found.rows() if row.error]
    return "<h2>Could not be measured</h2>" + table(["model", "fold", "why"], cells, left=3) if cells else ""
