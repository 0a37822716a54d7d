"""The experiments, newest first: what each found, and a button that opens it."""

from __future__ import annotations

import streamlit as st

from engine.errors import BenzerError
from ui.components.experiment_live import summary
from ui.components.literal import literal
from ui.experiment_state import Seen, experiment_jobs, listed, names_of, open_experiment, seen

SHOWN = 8
_STATES = {
    "done": ":material/check_circle: finished",
    "running": ":material/hourglass_top: being measured",
    "starting": ":material/hourglass_top: starting",
    "stopped": ":material/pause_circle: stopped",
    "failed": ":material/error: failed",
    "interrupted": ":material/power_off: cut off",
    "planned": ":material/schedule: not started",
}


def experiments_list(opened: str) -> None:
    """Draw a card for every experiment but the one that is open."""
    st.header("Experiments", anchor=False)
    found = [experiment for experiment in listed() if experiment.name != opened]
    if not found:
        st.write("No other one yet." if opened else "None yet. The first one appears here as soon as it starts.")
        return
    jobs = experiment_jobs()
    shown = st.session_state.get("experiments_shown", SHOWN)
    for experiment in found[:shown]:
        try:
            _card(seen(experiment, jobs))
        except (BenzerError, FileNotFoundError) as error:  # deleted or damaged meanwhile, in another tab or by hand
            st.caption(literal(str(error)))
    if len(found) > shown:
        st.button(f"Show the other {len(found) - shown}", key="experiments-more", on_click=_show, args=(len(found),))


def _show(count: int) -> None:
    st.session_state.experiments_shown = count


def _card(view: Seen) -> None:
    with st.container(border=True, key=f"experiment-card-{view.name}", gap="small"):
        words, button = st.columns([5, 1], vertical_alignment="center", gap="medium")
        with words, st.container(gap="xsmall"):
            st.markdown(f"**{literal(view.plan.title)}** &ensp; {_STATES.get(view.state, literal(view.state))}")
            st.caption(literal(summary(view)))
            if best := best_sentence(view):
                st.markdown(best)
        button.button(
            "Open", key=f"experiment-open-{view.name}", icon=":material/open_in_new:", on_click=open_experiment,
            args=(view.name,), width="stretch",
        )  # fmt: skip


def best_sentence(view: Seen) -> str:
    """The most precise recipe so far, as Markdown; "" where nothing was measured."""
    if not view.measured:
        return ""
    row = max(view.measured, key=lambda row: row.precision)
    name = dict(zip((row.key for row in view.rows), names_of(view.rows), strict=True))[row.key]
    return f"best: {literal(name.whole)}, precision@{row.k} **{row.precision:.3f}**"
