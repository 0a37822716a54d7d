"""What every list of the user's own things offers: renaming, and confirmation before a permanent action."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine.core.errors import BenzerError
from ui.shared.messages import errors_shown, show_error
from ui.shared.text_field import text_field


def rename_field(
    label: str, title: str, rename: Callable[[str], object], key: str, button_key: str, max_chars: int = 100
) -> None:
    """A field to edit a title; after `rename` the page is redrawn, and any error is shown."""
    new = text_field(label, title, key=key, button="Rename", button_key=button_key, max_chars=max_chars)
    if new:
        with errors_shown():
            rename(new)
            st.rerun()


def confirm_buttons(label: str, act: Callable[[], object], key: str, then: Callable[[], object] | None = None) -> None:
    """The end of a confirmation dialog: a button to confirm and one to cancel.

    The dialog closes after `act` and `then`; it stays with the error where `act` fails.
    """
    with st.container(horizontal=True):
        if st.button(label, type="primary", key=f"{key}-yes"):
            try:
                act()
            except BenzerError as error:
                show_error(error)
            else:
                if then is not None:
                    then()
                st.rerun()
        if st.button("Cancel", key=f"{key}-no"):
            st.rerun()
