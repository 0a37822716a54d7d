"""The part of the dialog that imports a data set of another program, with its labels, tags, vectors and groups."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from engine.collections.sources.job import title_of
from engine.core.errors import BenzerError
from engine.interchange import formats
from ui.session.paths import pictures_under_roots
from ui.shared.plain_text import plain_text
from ui.shared.text_field import text_field

PANEL = "Other programs"
Begin = Callable[..., None]


def dataset_panel(begin: Begin) -> None:
    """Format, place and name.

    Args:
        begin: called with the name of the panel, the title and the arguments of the import.
    """
    known = {name: format for name, format in formats().items() if format.needs_pictures}
    format = st.selectbox("Format", list(known), key="dataset-format", format_func=lambda name: known[name].title)
    st.caption(plain_text(known[format].summary))
    st.text_input("Collection name", key="dataset-title", max_chars=120, placeholder="optional")
    text_field(
        "Folder, archive or file of the data set", key="dataset-path", button="Import", button_key="dataset-start",
        max_chars=None, primary=True, same=True, on_sent=partial(_begin, begin, format),
    )  # fmt: skip
    st.caption("Pictures are copied. Labels, texts, tags, vectors and groups come with them, as far as there are any.")


def _begin(begin: Begin, format: str, typed: str) -> None:
    try:
        path = pictures_under_roots(typed)
    except BenzerError as error:
        st.session_state.adding_error = (PANEL, error)
        return
    title = str(st.session_state.get("dataset-title") or "").strip() or title_of(path)
    begin(PANEL, title, source="dataset", path=str(path), unlinked=True, format=format)
