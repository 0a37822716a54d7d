"""One row of a study, opened: its figures in words, the settings in force, and 'Search with it'."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.comparisons.hashing.measuring import StudyRow
from engine.comparisons.hashing.plan import StudyPlan
from engine.core.humanize import percent
from ui.pages.hashing.state import search_with
from ui.shared.plain_text import plain_text
from ui.widgets.results_table import Named


def opened_row(plan: StudyPlan, row: StudyRow, name: Named) -> None:
    """Draw the details of a row."""
    with st.container(border=True, key="study-row"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.subheader(plain_text(name.whole), anchor=False)
            with st.container(horizontal=True, width="content", gap="small"):
                if plan.file is None:
                    st.button(
                        "Search with these settings", key="study-use", icon=":material/search:", on_click=search_with,
                        args=(plan, row), disabled=bool(row.error),
                        help="Selects these vectors and this method in the sidebar and opens Search.",
                    )  # fmt: skip
                st.button("Hide", key="study-row-close", on_click=_close, icon=":material/unfold_less:")
        st.code(row.method, language=None, wrap_lines=True)
        if row.error:
            st.error(plain_text(row.error), icon=":material/error:")
            return
        st.markdown(plain_text(in_words(row)))
        if row.chosen:
            st.caption(
                plain_text("Settings: " + ", ".join(f"{key} {_shown(value)}" for key, value in row.chosen.items()))
            )
        if row.note:
            st.caption(plain_text(row.note))


def _close() -> None:
    st.session_state.study_row = None


def _shown(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def in_words(row: StudyRow) -> str:
    """The figures of a row as sentences."""
    r, found = row.neighbours, [f"{100 * share:.4g} %" for share in (row.recall, row.recall_10)]
    text = (
        f"Of the {r} exact nearest of {row.queries:,} queries among {row.size:,} vectors it finds {found[0]}, and "
        f"{found[1]} of the {min(10, r)} nearest. Asked alone a query takes {row.p50:.3g} ms (99 of 100 less than "
        f"{row.p99:.3g} ms), in batches of 100 {row.batch_ms:.3g} ms."
    )
    if row.candidates is not None:
        text += f" Candidates scanned per query: {row.candidates:,.0f}, {percent(row.share or 0, 1)} of all vectors."
    else:
        text += " Candidates scanned: not available."
    if row.slowest_ms is not None:
        text += f" Its slowest part takes {row.slowest_ms:.3g} ms by itself; measured in {row.workers}."
    kept = f"{row.megabytes:,.1f} MB besides {row.vectors_megabytes:,.1f} MB of vectors"
    return f"{text} It was built in {row.build_seconds:.2f} s and keeps {kept}."
