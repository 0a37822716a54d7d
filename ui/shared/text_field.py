"""A field for a name or a folder with its button: one click, or Enter, sends what stands in the field."""

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
    """What was typed once it is sent, without spaces around it; "" until then, and where it is unchanged unless `same`.

    A field outside a form tells of its text only when it is left: a button that waits for the text would be disabled
    at the first click. `on_sent` is called with the text before the page is drawn; `on_emptied`, where an empty field
    means something, when it is sent without one. `in_a_row` puts the button beside the field.
    """

    def send() -> None:
        text = _text(key, "" if same else value)
        if text and on_sent is not None:
            on_sent(text)
        if not _text(key, "") and on_emptied is not None:
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
    """What stands in the field, "" where that is what stood there before."""
    text = str(st.session_state.get(key) or "").strip()
    return text if text != former else ""
