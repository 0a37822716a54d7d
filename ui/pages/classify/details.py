"""One model of a classification in detail: its classes, its calibration, and its learning curves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import streamlit as st

from engine.classification import report
from engine.classification.results import FoldRow, confidences
from engine.core.humanize import percent
from engine.evaluation.statistics.decision import p_text
from engine.evaluation.statistics.paired import paired_difference
from ui.comparisons.state import Seen
from ui.pages.classify import charts
from ui.pages.classify.cards import item_cards, paged
from ui.pages.classify.state import findings
from ui.shared.charts import draw, titled
from ui.shared.plain_text import plain_text
from ui.shared.training_curves import spoken
from ui.widgets.results_table import Column, Line, Named, results_table

_PAGE = 6  # cards
_EVERY = "all folds"
_CLASS = "classification-class"


# ── classes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class ClassRow:
    """A class and its figures over all folds."""

    key: str
    precision: float
    recall: float
    f1: float
    count: int
    error: str = ""

    @property
    def missed(self) -> int:
        """The number of its items that were predicted as another class."""
        return self.count - round(self.recall * self.count)


CLASS_COLUMNS = [
    Column(
        "errors", "Items of this class that were predicted as another.", lambda row: row.missed, "{:,}", judged=False
    ),
    Column("F1", "The harmonic mean of precision and recall.", lambda row: row.f1, "{:.3f}", judged=False),
    Column(
        "precision",
        "Share of the items predicted as this class that truly are.",
        lambda row: row.precision,
        "{:.3f}",
        judged=False,
    ),
    Column(
        "recall",
        "Share of the items of this class that were predicted as it.",
        lambda row: row.recall,
        "{:.3f}",
        judged=False,
    ),
    Column("items", "Items of this class in the test folds.", lambda row: row.count, "{:,}", judged=False),
]


def classes(view: Seen, fusion: str) -> None:
    """Precision, recall and F1 of each class; a row opens the errors of its class."""
    found = [ClassRow(*figures) for figures in findings(view).per_class(fusion)]
    lines = [Line(row, Named(row.key, ""), row.key) for row in sorted(found, key=lambda row: (-row.missed, row.f1))]
    picked = st.session_state.get(_CLASS)
    results_table(
        lines, CLASS_COLUMNS, first="class", picked=picked, on_pick=_pick_class,
        key=f"classification-classes-{view.name}-{fusion}", title="Figures of each class",
    )  # fmt: skip
    if picked not in {row.key for row in found}:
        st.caption("Click a row for the errors of a class.")
        return
    _of_class(view, fusion, str(picked))


def _pick_class(key: str) -> None:
    st.session_state[_CLASS] = None if st.session_state.get(_CLASS) == key else key


def _of_class(view: Seen, fusion: str, label: str) -> None:
    wrong = findings(view).answers(fusion, label, wrong=True)
    st.markdown(errors_sentence(label, [answer.predicted for answer in wrong]))
    key = f"classification-class-{view.name}-{fusion}-{label}"
    answers = sorted(wrong, key=lambda answer: -answer.fused[0][1])
    paged(
        answers, f"{key}-shown", _PAGE,
        lambda part: item_cards(view.plan, part, key=key, title=f"Errors of {label}"),
    )  # fmt: skip


def errors_sentence(label: str, predicted: list[str]) -> str:
    """For example "Of **Tops** 12 were predicted as another class: Shirts 8, Sweaters 4.", as Markdown."""
    if not predicted:
        return f"All **{plain_text(label)}** were predicted correctly."
    names = sorted(set(predicted), key=lambda name: (-predicted.count(name), name))
    counts = ", ".join(f"{plain_text(name)} {predicted.count(name)}" for name in names)
    verb = "was" if len(predicted) == 1 else "were"
    return f"Of **{plain_text(label)}** {len(predicted)} {verb} predicted as another class: {counts}."


# ── calibration ───────────────────────────────────────────────────────────────────────────────────────────────────────


def calibration(view: Seen, fusion: str) -> None:
    """Confidence against accuracy, as a chart and a table."""
    bins = findings(view).reliability(fusion)
    answers = findings(view).answers(fusion)
    st.markdown(confidence_sentence(*confidences(answers)))
    st.caption(report.calibration_sentence(findings(view).calibration(fusion)))
    left, right = st.columns([1.3, 1], gap="large")
    with left:
        alt = charts.spoken_reliability(bins)
        draw(charts.reliability_chart(bins), key=f"classification-sure-{view.name}-{fusion}", alt=alt)
    right.table(
        {
            "confidence": [f"{100 * one.low:.0f} to {100 * one.high:.0f} %" for one in bins],
            "accuracy": [percent(one.accuracy) for one in bins],
            "predictions": [f"{one.count:,}" for one in bins],
        },
        border="horizontal",
        hide_index=True,
    )


_CALIBRATED = 0.05  # a mean gap that is surely smaller counts as none


def confidence_sentence(sure: list[float], right: list[float]) -> str:
    """Mean confidence and accuracy of (n,) predictions, and whether they differ, as Markdown."""
    if not sure:
        return "The predictions were not kept."
    found = paired_difference(sure, right)
    text = f"Mean confidence **{percent(sum(sure) / len(sure), 1)}**, "
    text += f"accuracy **{percent(sum(right) / len(right), 1)}**"
    if found.decided:
        return f"{text}: {'overconfident' if found.outcome == 'better' else 'underconfident'} ({p_text(found.p)})."
    if found.within(_CALIBRATED):
        return f"{text}: no gap of 5 percentage points or more on average."
    return f"{text}: whether it is overconfident is not decided ({p_text(found.p)})."


# ── learning ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def learning(view: Seen, fusion: str) -> None:
    """The losses of each fold over the epochs, with the kept epoch."""
    rows: list[FoldRow] = [row for row in view.measured if row.fusion == fusion and row.curve]
    if not rows:
        st.caption("No learning curves were kept.")
        return
    names = [_EVERY, *(f"fold {row.fold + 1}" for row in rows)]
    key = f"classification-fold-{view.name}-{fusion}"
    fold = st.segmented_control("Folds", names, key=key, default=_EVERY, required=True, label_visibility="collapsed")
    chosen = rows if fold in (None, _EVERY) else [rows[names.index(fold) - 1]]
    curves = [(row.fold, row.curve, row.epoch if row.share is None else -1) for row in chosen]
    lines = charts.fold_lines(curves, "validation")
    validated = any(line.points for line in charts.fold_lines(curves, "accuracy"))
    left, right = st.columns(2, gap="large") if validated else (st.container(), None)
    with left:
        titled("Validation loss")
        figure = charts.folds_chart(curves) if len(chosen) > 1 else charts.fold_chart(*curves[0][1:])
        alt = " ".join(spoken(line.title, line) for line in lines)
        draw(figure, key=f"{key}-loss", alt=alt)
    if right is not None:
        with right:
            titled("Validation accuracy")
            shown = charts.fold_lines(curves, "accuracy")
            alt = " ".join(spoken(line.title, line, partial(percent, digits=1)) for line in shown)
            draw(charts.accuracy_chart(curves), key=f"{key}-accuracy", alt=alt)
    st.caption(learned_sentence(chosen))


def learned_sentence(rows: list[FoldRow]) -> str:
    """The number of training items, the kept epochs, and the weight of the text in a late fusion."""
    count = f"{rows[0].learned:,} items"
    text = f"Trained on {count}." if len(rows) == 1 else f"Each trained on about {count}."
    shares = [percent(row.share) for row in rows if row.share is not None]
    if shares:
        text += " Two trainings per fold: the curve is the mean of both, and each keeps its own best epoch."
        return f"{text} Weight of the text, found on validation items: {', '.join(shares)}."
    taken = ", ".join(str(row.epoch) for row in rows)
    which = f"The dot marks epoch {taken}" if len(rows) == 1 else f"The dots mark the epochs {taken}"
    return f"{text} {which}, with the lowest validation loss: its weights are kept."
