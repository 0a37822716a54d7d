"""A table of invariances: encoders by alterations, and the curves of one alteration."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.comparisons.invariances.leads import InvarianceLead, invariance_leads
from engine.evidence.alterations import ALTERATIONS, Alteration
from ui.comparisons.live import comparison_view
from ui.comparisons.state import Seen
from ui.pages.compare.invariance_chart import curves_chart, spoken_curves
from ui.pages.compare.invariance_state import EncoderLine, lines_of, named, verdicts
from ui.shared.charts import draw, titled
from ui.widgets.results_table import Column, Line, results_table

_COUNTS = {1: "Found first", 8: "Found among the eight"}


def invariance_view(view: Seen) -> None:
    """Draw the table, and refresh it while it is measured."""
    comparison_view(view, _results)


def _results(view: Seen) -> None:
    if not view.rows:
        if view.alive:
            st.caption("No results yet.")
        return
    count = st.segmented_control(
        "Counted as found", list(_COUNTS), format_func=_COUNTS.__getitem__, default=1, required=True,
        key=f"invariance-count-{view.name}", label_visibility="collapsed",
    )  # fmt: skip
    _table(view, int(count or 1))
    if view.measured:
        _verdicts(view, int(count or 1))
        _curves(view, int(count or 1))


def _table(view: Seen, count: int) -> None:
    leads = invariance_leads(view.measured, count)
    ways = [ALTERATIONS[name] for name in view.plan.alterations]
    lines = [Line(line, named(line.key), line.key) for line in lines_of(view.rows)]
    results_table(
        lines, [_column(way, count, leads.get(way.name)) for way in ways], first="encoder",
        picked=st.session_state.get("invariance_row"), on_pick=_pick, key=f"invariance-table-{view.name}",
        title=f"Invariances of {view.title}",
    )  # fmt: skip
    st.caption(
        "The share of pictures that are found, mean over all strengths beyond 0; 1: found at every strength. Below it "
        "the 95 % interval over pictures. ★ = better than every other encoder, where that is decided. Click a row to "
        "mark its curve."
    )


def _column(way: Alteration, count: int, lead: InvarianceLead | None) -> Column:
    def more(line: EncoderLine) -> dict[str, Any]:
        row = line.rows.get(way.name)
        return {"sub": "{:.2f} – {:.2f}".format(*row.invariance(count)[1])} if row else {}

    return Column(
        way.title,
        f"{way.title}, up to {way.in_words(1.0)}.",
        lambda line: line.rows[way.name].invariance(count)[0] if way.name in line.rows else None,
        "{:.2f}",
        marked=lambda line: lead is not None and way.name in line.rows and lead.marked(line.rows[way.name].key),
        more=more,
    )


def _pick(key: str) -> None:
    """Toggle a row."""
    st.session_state.invariance_row = None if st.session_state.get("invariance_row") == key else key


def _verdicts(view: Seen, count: int) -> None:
    """Which encoder is best under each alteration, folded."""
    if found := verdicts(view, count):
        with st.expander("Which encoder is best?", icon=":material/balance:", key=f"invariance-best-{view.name}"):
            st.markdown("\n".join(found))
            st.caption(
                "By the same pictures, altered alike (paired permutation test); p is corrected for all pairs of "
                "encoders under all alterations (Holm)."
            )


def _curves(view: Seen, count: int) -> None:
    """The curves of all encoders under one alteration."""
    there = list(dict.fromkeys(row.alteration for row in view.measured))
    key = f"invariance-curve-{view.name}"
    if st.session_state.get(key) not in there:
        st.session_state[key] = there[0]
    titled("Found, by strength, with 95 % intervals")
    name = st.pills(
        "Alteration", there, format_func=lambda name: ALTERATIONS[name].title, required=True, key=key,
        label_visibility="collapsed",
    )  # fmt: skip
    rows = [row for row in view.measured if row.alteration == (name or there[0])]
    names = [named(row.encoder).name for row in rows]
    picked = st.session_state.get("invariance_row")
    chart = curves_chart(rows, names, count, picked)
    draw(chart, key=f"invariance-curves-{view.name}-{rows[0].alteration}", alt=spoken_curves(rows, names, count))
