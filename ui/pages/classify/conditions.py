"""Missing or noisy: the accuracy of each model under every condition, and its loss against clean items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.classification.corruptions import CLEAN, Corruption
from engine.classification.plan import FUSIONS
from engine.classification.results import ResultLine as Figures
from ui.comparisons.state import Seen
from ui.pages.classify import charts
from ui.pages.classify.state import FUSION_HELP, findings
from ui.shared.charts import draw
from ui.widgets.results_table import Column, Line, Named, results_table

_HELP = "Accuracy, and below it the difference to the original items in percentage points."


@dataclass(frozen=True)
class LostRow:
    """A model: its accuracy by condition."""

    key: str
    accuracy: dict[str, float]
    error: str = ""


def conditions(view: Seen) -> None:
    """Draw the table and the chart."""
    lines = findings(view).table()
    st.subheader("Robustness", anchor=False)
    st.caption(
        "The same models, tested on the validation folds with blurred or missing pictures and with dropped words. "
        "Small "
        "figures: percentage points against the original items."
    )
    rows = lost_rows(lines)
    results_table(
        [Line(row, Named(FUSIONS[row.key], ""), FUSION_HELP[row.key]) for row in rows],
        lost_columns(lines),
        first="model",
        picked=None,
        on_pick=_pick,
        key=f"classification-conditions-{view.name}",
        title="Accuracy by corruption",
    )
    with st.expander("As a chart", key="classification-conditions-chart", on_change="rerun") as panel:
        if panel.open:
            alt = charts.spoken_conditions(lines)
            draw(charts.conditions_chart(lines), key=f"classification-lost-{view.name}", alt=alt)


def lost_rows(lines: Sequence[Figures]) -> list[LostRow]:
    """A row for each model."""
    fusions = dict.fromkeys(line.fusion for line in lines)
    return [
        LostRow(fusion, {line.condition.name: line.accuracy for line in lines if line.fusion == fusion})
        for fusion in fusions
    ]


def lost_columns(lines: Sequence[Figures]) -> list[Column]:
    """A column for each condition."""
    return [_column(condition) for condition in {line.condition.name: line.condition for line in lines}.values()]


def _column(condition: Corruption) -> Column:
    name = condition.name

    def lost(row: LostRow) -> dict[str, Any]:
        if name == CLEAN or name not in row.accuracy:
            return {}
        return {"sub": f"{100 * (row.accuracy[name] - row.accuracy[CLEAN]):+.1f}".replace("-", "−")}

    return Column(
        condition.short,
        f"{condition.title.capitalize()}. {_HELP}",
        lambda row: row.accuracy.get(name),
        "{:.3f}",
        more=lost,
    )


def _pick(key: str) -> None:
    st.session_state.classification_row = key
