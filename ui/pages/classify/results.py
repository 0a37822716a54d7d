"""The results of a classification so far: the best model in a sentence, all models in a table, one opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from engine.classification.best import Best
from engine.classification.corruptions import CLEAN
from engine.classification.plan import FUSIONS
from engine.classification.results import ResultLine as Figures
from ui.comparisons.live import comparison_view
from ui.comparisons.state import Seen
from ui.pages.classify.classifier_keep import keep_button
from ui.pages.classify.classifier_state import HERE, VIEW
from ui.pages.classify.conditions import conditions
from ui.pages.classify.confusion import confusion
from ui.pages.classify.details import calibration, classes, learning
from ui.pages.classify.mistakes import error_cards
from ui.pages.classify.state import FUSION_HELP, best_of, condition_title, findings, measured_fusions, picked_fusion
from ui.shared.messages import has_complaint
from ui.shared.plain_text import plain_text
from ui.widgets.results_table import Column, Line, Named, results_table

_ALL = "all"
_PARTS: dict[str, Callable[[Seen, str], None]] = {
    "Confusion matrix": confusion,
    "Errors": error_cards,
    "By class": classes,
    "Calibration": calibration,
    "Learning curves": learning,
}


def classification_view(view: Seen) -> None:
    """Draw the classification, and refresh it while it is measured."""
    comparison_view(view, _results)


def _results(view: Seen) -> None:
    if st.session_state.get(VIEW) == HERE or has_complaint():
        st.rerun()  # a classifier was asked for by a button of this fragment: the whole page shows what became of it
    if not view.rows:
        if view.alive:
            st.caption("No results yet.")
        return
    if view.measured:
        _best(view)
    _table(view)
    if len(view.plan.asked) > 1 and view.measured:
        conditions(view)
    if view.measured:
        _opened(view)


def _best(view: Seen) -> None:
    """The sentence that matters, and the button that makes a classifier of the best model."""
    found = best_of(view)
    if found is None:
        return
    with st.container(border=True, key="classification-best"):
        row = st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="classification-lead"
        )  # fmt: skip
        with row, st.container(gap="xsmall"):
            so_far = "" if len(view.rows) == view.total else "So far: "
            st.markdown(f"{so_far}**{found.headline}**")
            st.caption(plain_text(found.beside))
        if not view.alive:
            with row, st.container(width="content"):
                _keep(view, found.line.fusion, "best")


def _keep(view: Seen, fusion: str, where: str) -> None:
    title = f"{view.title} · {FUSIONS[fusion].lower()}"
    keep_button(view.name, fusion, title, f"classification-keep-{where}-{view.name}")


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class TableRow:
    """A row of the table: a model under a condition with its figures, or a failed training with the reason."""

    key: str
    line: Figures | None = None
    error: str = ""


def table_lines(view: Seen, condition: str) -> list[Line]:
    """The models under one condition, or under all of them, and failed trainings."""
    table = [one for one in findings(view).table() if condition in (_ALL, one.condition.name)]
    found = [
        Line(
            TableRow(one.fusion if one.condition.name == CLEAN else f"{one.fusion} {one.condition.name}", one),
            Named(one.title, one.condition.title if condition == _ALL else ""),
            FUSION_HELP[one.fusion],
            _note(view, one),
            judged=condition != _ALL or one.condition.name == CLEAN,
        )
        for one in table
    ]
    failed = [row for row in view.rows if row.error]
    return found + [
        Line(TableRow(row.key, error=row.error), Named(row.title, f"fold {row.fold + 1}"), row.title) for row in failed
    ]


def _note(view: Seen, one: Figures) -> str:
    """Whether folds are missing, and which model predicts the same."""
    folds = "" if one.folds == view.plan.folds else f"{one.folds} of {view.plan.folds} folds so far."
    same = findings(view).same_as(one.fusion) if one.condition.name == CLEAN else ""
    return " ".join(filter(None, (folds, f"The same predictions as {same.lower()}." if same else "")))


def _under(name: str, shown: str, deviation: str = "") -> dict[str, Any]:
    """The value of a column, and its deviation in small below it."""

    def more(row: TableRow) -> dict[str, Any]:
        if row.line is None or row.line.folds < 2 or not deviation:
            return {}
        return {"sub": f"± {shown.format(getattr(row.line, deviation))}"}

    return {"value": lambda row: getattr(row.line, name), "shown": shown, "more": more}


COLUMNS = [
    Column(
        "accuracy",
        "Share of items whose class is predicted correctly; below it the standard deviation over the folds.",
        **_under("accuracy", "{:.3f}", "accuracy_deviation"),
    ),
    Column(
        "macro F1",
        "Mean F1 of the classes, rare ones counting as much as frequent ones; below it the deviation over the folds.",
        judged=False,
        **_under("f1", "{:.3f}", "f1_deviation"),
    ),
    Column(
        "calibration error",
        "Mean gap between confidence and accuracy (ECE) over the predictions of all folds together, in ten bins of "
        "equally many. 0 = perfectly calibrated; a small sample shows a gap by chance.",
        small=True,
        judged=False,
        **_under("ece", "{:.3f}"),
    ),
    Column(
        "log loss",
        "Mean cross-entropy in nats: confident errors cost most.",
        small=True,
        judged=False,
        **_under("log_loss", "{:.3f}"),
    ),
    Column(
        "Brier score",
        "Mean squared error of the predicted probabilities: 0 = certain and right, 2 = certain and wrong.",
        small=True,
        judged=False,
        **_under("brier", "{:.3f}"),
    ),
    Column(
        "seconds per fold",
        "Training time of one fold, without preparing the pictures.",
        small=True,
        **_under("seconds", "{:.1f}"),
    ),
]


def columns_of(found: Best | None) -> list[Column]:
    """The columns of figures; a model is marked as the best only where its lead is decided."""
    leading = found.line.fusion if found is not None and found.clear else None
    return [replace(COLUMNS[0], marked=lambda row: row.key == leading), *COLUMNS[1:]]


def _table(view: Seen) -> None:
    condition = CLEAN
    if len(view.plan.asked) > 1:
        names = [*(one.name for one in view.plan.asked), _ALL]
        condition = st.selectbox(
            "Items", names, key=f"classification-condition-{view.name}",
            format_func=lambda name: "all of these" if name == _ALL else condition_title(name),
            help="What the models were tested on: original items, or corrupted ones.", width=320,
        )  # fmt: skip
    picked = picked_fusion(view)
    results_table(
        table_lines(view, condition or CLEAN), columns_of(best_of(view)), first="model", picked=picked, on_pick=_pick,
        key=f"classification-table-{view.name}", title=f"Results of {view.title}",
    )  # fmt: skip
    legend = "★ = the shortest training; for accuracy the best, where that is decided."
    st.caption(f"Click a row for its details, a heading to sort. {legend}")


def _pick(key: str) -> None:
    """Open a model; a row under a condition opens its model too."""
    st.session_state.classification_row = key.partition(" ")[0]


# ── the opened model ─────────────────────────────────────────────────────────────────────────────────────────────────


def _opened(view: Seen) -> None:
    """One model: confusion matrix, errors, classes, calibration, learning curves."""
    fusion = picked_fusion(view)
    if fusion not in measured_fusions(view):
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(FUSIONS[fusion], anchor=False)
        best = best_of(view)
        if not view.alive and (best is None or best.line.fusion != fusion):
            _keep(view, fusion, "opened")
    st.caption(FUSION_HELP[fusion])
    part = st.segmented_control(
        "Show", list(_PARTS), key="classification-part", default="Confusion matrix", required=True,
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    _PARTS[part or "Confusion matrix"](view, fusion)
