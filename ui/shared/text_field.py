"""A field for a name or a folder with its button: a click or Enter submits it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st


def text_field(
    label: str,
    value: str = "",
    *,
    key: str,
    button: str,
    button_key: str,
    max_chars: int | None = 120,
    placeholder: str | None = None,
    icon: str | None = None,
    primary: bool = False,
    same: bool = False,
    on_sent: Callable[[str], Any] | None = None,
    on_emptied: Callable[[], Any] | None = None,
    in_a_row: bool = False,
) -> str:
    """The submitted text, stripped; "" until it is submitted, and if it is unchanged unless `same`.

    A field outside a form reports its text only when it loses focus: a button that waits for the text would be disabled
    at the first click. `on_sent` is called with the text before the page is drawn; `on_emptied`, if an empty field is
    meaningful, when it is submitted empty. `in_a_row` puts the button next to the field.
    """

    def send() -> None:
        text, emptied = _text(key, "" if same else value), not _text(key, "")
        if text and on_sent is not None:
            on_sent(text)  # which may empty the field
        if emptied and on_emptied is not None:
            on_emptied()

    with (
        st.form(f"{key}-form", border=False),
        st.container(horizontal=in_a_row, vertical_alignment="bottom" if in_a_row else "top"),
    ):
        st.text_input(label, value, key=key, max_chars=max_chars, placeholder=placeholder)
        sent = st.form_submit_button(
            button, key=button_key, icon=icon, type="primary" if primary else "secondary", on_click=send
        )
    text = _text(key, "" if same else value) if sent else ""
    if sent and not _text(key, "") and on_emptied is None:
        st.caption(f"{label} is empty.")
    return text


def _text(key: str, former: str) -> str:
    """The text in the field, "" if unchanged."""
    text = str(st.session_state.get(key) or "").strip()
    return text if text != former else ""
