"""'Tune for me': the target recall, and a job that finds the cheapest settings that reach it."""

from __future__ import annotations

import streamlit as st

from engine.comparisons.hashing.plan import StudyPlan
from engine.core.errors import BadParameter, BenzerError
from engine.indexes import approximate_methods
from ui.pages.hashing.form import start
from ui.pages.hashing.source import Source
from ui.session.opened import workbench
from ui.shared.messages import errors_shown, show_error


def tune_form(source: Source) -> None:
    """Draw the form over these vectors."""
    st.write(
        "Set a target recall. Settings that reach it on a sample are measured, and the fastest that keeps it is shown "
        "beside exact search."
    )
    st.session_state.setdefault("study-tune-recall", 95)
    st.session_state.setdefault("study-tune-neighbours", 10)
    st.session_state.setdefault("study-tune-methods", approximate_methods())
    left, right = st.columns(2)
    left.slider(
        "Target recall", 50, 100, key="study-tune-recall", step=1, format="%d %%", persist_state="session",
        help="Share of the exact nearest neighbours to find.",
    )  # fmt: skip
    right.number_input(
        "Neighbours", step=1, value=None, key="study-tune-neighbours", persist_state="session",
        help="As many as you will show, for example 8 or 10 on a page, 100 for another program.",
    )  # fmt: skip
    titles = {name: method.title for name, method in workbench().methods().items()}
    st.multiselect(
        "Methods to choose from", approximate_methods(), key="study-tune-methods", format_func=titles.__getitem__,
        placeholder="Choose at least one", persist_state="session",
    )  # fmt: skip
    plan: StudyPlan | None = None
    try:
        plan = planned(source)
    except BenzerError as error:
        show_error(error)
    if st.button(
        "Tune for me", key="study-tune", type="primary", icon=":material/auto_awesome:", disabled=plan is None
    ):
        with errors_shown():
            start(plan)


def planned(source: Source) -> StudyPlan:
    """The tuning study; BadParameter for an invalid field."""
    recall, neighbours, methods = (
        st.session_state[f"study-tune-{name}"] for name in ("recall", "neighbours", "methods")
    )
    if not methods:
        raise BadParameter("methods", "tuning", "at least one", "none")
    return StudyPlan(
        title=f"{source.short[:80]}: tuned for {recall} %",
        source=source.text,
        metric=source.metric,
        asked=source.asked,
        methods=tuple(methods),
        neighbours=neighbours if neighbours is not None else 0,
        tune=recall / 100,
    )
