"""The dialog that exports a collection as a data set of another program."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.interchange import formats
from engine.workbench.workbench import CollectionCard
from ui.session.opened import workbench
from ui.session.paths import folder_under_roots, offered_folder
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text
from ui.shared.text_field import text_field

_NONE = ""


def export_button(card: CollectionCard) -> None:
    """The button that opens the dialog."""
    if st.button("Export …", key=f"export-{card.name}", icon=":material/ios_share:"):
        _dialog(card)


@st.dialog("Export this collection")
def _dialog(card: CollectionCard) -> None:
    export_form(card)


def export_form(card: CollectionCard) -> None:
    """Draw the fields: format, contents and folder."""
    known, titles = formats(), {one.name: one.title for one in workbench().groupings(card.name)}
    format = st.selectbox("Format", list(known), key="export-format", format_func=lambda name: known[name].title)
    st.caption(plain_text(known[format].summary))
    needed = known[format].needs_vectors
    vectors = st.checkbox("With vectors", key=f"export-vectors-{needed}", value=needed, disabled=needed,
                          help="Those that searches use by default; missing vectors are computed first.")  # fmt: skip
    grouping = _NONE
    if titles:
        grouping = st.selectbox("Groups", [_NONE, *titles], key="export-grouping",
                                format_func=lambda name: titles.get(name, "None"))  # fmt: skip
    st.caption("Labels, texts, tags and stars are always included. A new folder is made; nothing is overwritten.")
    folder = text_field("Folder", offered_folder(), key="export-folder", button="Export", button_key="export-start",
                        max_chars=None, same=True)  # fmt: skip
    if folder:
        with errors_shown():
            _start(card, format, folder, vectors, grouping)


def _start(card: CollectionCard, format: str, folder: str, vectors: bool, grouping: str) -> None:
    given: dict[str, Any] = {"collection": card.name, "format": format, "folder": str(folder_under_roots(folder))}
    given |= {"recipe": workbench().default_recipe(card.name).as_dict()} if vectors else {}
    workbench().start("export", **given, grouping=grouping)
    st.toast("Export started.", icon=":material/ios_share:")
    st.rerun()
