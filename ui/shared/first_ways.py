"""How pictures come in: the buttons of an empty home, and the way from any page to the dialog that adds pictures."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui.session.opened import workbench
from ui.session.query import set_query_image
from ui.shared.messages import errors_shown

_WAYS = {"My folder …": ("My folders", "folder_open"), "Drop pictures": ("Upload", "upload")}


def first_ways() -> None:
    """Three buttons: a folder, an upload, the sample."""
    with st.container(horizontal=True, key="first-ways"):
        for label, (tab, icon) in _WAYS.items():
            first = label == next(iter(_WAYS))
            st.button(
                label,
                key=f"first-{icon}",
                icon=f":material/{icon}:",
                type="primary" if first else "secondary",
                on_click=partial(add_pictures, tab),
            )
        st.button("Try the sample", key="first-sample", icon=":material/auto_awesome:", on_click=_open_sample)
    st.caption("A folder is read in place: nothing in it is moved or changed.")


def add_pictures(tab: str | None = None) -> None:
    """As a callback: open the dialog that adds pictures, at that tab."""
    st.session_state.update(go_to="collections", adding=True, adding_job="", adding_error=None, add_way=tab)


def _open_sample() -> None:
    """Unpack the sample and show it; it can be searched at once."""
    with errors_shown():
        st.session_state.collection = workbench().add_sample()
        set_query_image(None)
        st.session_state.go_to = "search"
