"""All comparisons of a kind, newest first, each with its result, and the form for a new one."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine.core.errors import BenzerError
from ui.comparisons.live import summary
from ui.comparisons.state import Kind, Seen, jobs_of, listed, open_one, seen
from ui.shared.plain_text import plain_text

SHOWN = 8
_STATES = {
    "done": ":material/check_circle: finished",
    "running": ":material/hourglass_top: running",
    "starting": ":material/hourglass_top: starting",
    "stopped": ":material/pause_circle: stopped",
    "failed": ":material/error: failed",
    "interrupted": ":material/power_off: interrupted",
    "planned": ":material/schedule: not started",
}


def comparison_list(kind: Kind, opened: str, best: Callable[[Seen], str]) -> None:
    """Draw a card for every comparison but the open one; `best` states its result in Markdown, or nothing."""
    st.header(kind.nouns.capitalize(), anchor=False)
    found = [comparison for comparison in listed(kind) if comparison.name != opened]
    if not found:
        st.write(
            f"No other {kind.nouns} yet."
            if opened
            else f"No {kind.nouns} yet. The first appears here as soon as it starts."
        )
        return
    jobs = jobs_of(kind)
    shown = st.session_state.get(f"{kind.key}s_shown", SHOWN)
    for comparison in found[:shown]:
        try:
            _card(seen(kind, comparison, jobs), best)
        except (BenzerError, FileNotFoundError) as error:  # deleted or damaged meanwhile, in another tab or by hand
            st.caption(plain_text(str(error)))
    if len(found) > shown:
        more = f"Show {len(found) - shown} more"
        st.button(more, key=f"{kind.key}s-more", on_click=_show, args=(kind, len(found)))


def _show(kind: Kind, count: int) -> None:
    st.session_state[f"{kind.key}s_shown"] = count


def _card(view: Seen, best: Callable[[Seen], str]) -> None:
    key = view.kind.key
    with st.container(border=True, key=f"{key}-card-{view.name}", gap="small"):
        row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
        with row, st.container(gap="xsmall"):
            st.markdown(f"**{plain_text(view.title)}** &ensp; {_STATES.get(view.state, plain_text(view.state))}")
            st.caption(plain_text(summary(view)))
            if found := best(view):
                st.markdown(found)
        row.button(
            "Open", key=f"{key}-open-{view.name}", icon=":material/open_in_new:", on_click=open_one,
            args=(view.kind, view.name),
        )  # fmt: skip


def new_one(kind: Kind, forms: Callable[[], None], *, folded: bool) -> None:
    """The forms that start a new comparison, expanded unless one is open above."""
    title = f"New {kind.noun}"
    if not folded:
        st.header(title, anchor=False)
        forms()
        return
    panel = st.expander(title, icon=":material/add:", key=f"{kind.key}-another", on_change="rerun")
    if panel.open:
        with panel:
            forms()
