"""Sentences with a way out: errors, notes and empty states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from engine.core.errors import BenzerError
from ui.shared.plain_text import literal


def show_error(error: BenzerError) -> None:
    """What happened and what to do, as two sentences."""
    body = literal(error.message)
    st.error(f"{body}\n\n{literal(error.way_out)}" if error.way_out else body, icon=":material/error:")


def show_complaint() -> None:
    """Say once what of a link could not be followed."""
    complaint = st.session_state.pop("complaint", "")
    if complaint:
        st.warning(literal(complaint), icon=":material/info:")


@contextmanager
def errors_shown() -> Iterator[None]:
    """Whatever of ours goes wrong inside is shown as a sentence, and the rest of the page is drawn."""
    try:
        yield
    except BenzerError as error:
        show_error(error)


def empty_state(title: str, sentence: str, actions: dict[str, Callable[[], None]], *, key: str) -> None:
    """One sentence and something to click."""
    with st.container(border=True, key=key, horizontal_alignment="center"):
        st.header(literal(title), anchor=False)
        st.write(literal(sentence))
        with st.container(horizontal=True, horizontal_alignment="center"):
            for number, (label, action) in enumerate(actions.items()):
                st.button(label, key=f"{key}-{number}", on_click=action, type="primary" if number == 0 else "secondary")
