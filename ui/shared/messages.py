"""Messages with a way forward: errors, notes and empty states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import streamlit as st

from engine.core.errors import BenzerError
from ui.shared.plain_text import plain_text


def show_error(error: BenzerError) -> None:
    """Show the error and its remedy as two sentences."""
    body = plain_text(error.message)
    st.error(f"{body}\n\n{plain_text(error.way_out)}" if error.way_out else body, icon=":material/error:")


def show_complaint() -> None:
    """Say which part of a link could not be applied, or why a click did nothing, until the page has been drawn."""
    complaint = st.session_state.get("complaint", "")
    if complaint:
        st.session_state.complained = complaint
        st.warning(plain_text(complaint), icon=":material/info:")


def has_complaint() -> bool:
    """Whether there is a complaint that the page has not shown, as after a click in a fragment."""
    return st.session_state.get("complaint") != st.session_state.get("complained")


def forget_complaint() -> None:
    """At the end of a page: a complaint that was shown is not shown again; one drawn in vain, before a rerun, is."""
    if st.session_state.pop("complained", None) == st.session_state.get("complaint"):
        st.session_state.pop("complaint", None)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show our own errors raised inside the context as sentences, and draw the rest of the page."""
    try:
        yield
    except BenzerError as error:
        show_error(error)


def empty_state(title: str, sentence: str, actions: Mapping[str, Callable[[], None]], *, key: str) -> None:
    """A sentence and buttons for the next steps."""
    with st.container(border=True, key=key):
        st.header(plain_text(title), anchor=False)
        st.write(plain_text(sentence))
        with st.container(horizontal=True):
            for number, (label, action) in enumerate(actions.items()):
                st.button(label, key=f"{key}-{number}", on_click=action, type="primary" if number == 0 else "secondary")
