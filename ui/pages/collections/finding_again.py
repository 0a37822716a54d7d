"""Choosing where the pictures of a collection are after their folder was moved or renamed."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui.pages.collections.folder_browser import browse
from ui.session.opened import collection_cards, gone_folder, open_collection, workbench
from ui.session.paths import as_typed, folder_under_roots, roots
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text

_KEY = "moved"  # of the browser
_ASKED = "finding_again"  # in the session: the collection whose folder is looked for, "" for none


def find_again_button(name: str) -> None:
    """Draw the button that asks for the new place of a collection's folder; nothing while the folder is there."""
    if gone := gone_folder(name):
        st.button("Find it …", key=f"relink-{name}", icon=":material/folder_off:", on_click=_open,
                  args=(name, Path(gone)))  # fmt: skip


def finding_dialog() -> None:
    """Draw the dialog if it is open, and neither the folder has come back meanwhile nor the collection gone."""
    name = st.session_state.get(_ASKED, "")
    if name in {card.name for card in collection_cards()} and (gone := gone_folder(name)):
        _dialog(name, gone)


def _open(name: str, gone: Path) -> None:
    st.session_state.update({_ASKED: name, f"{_KEY}-path": as_typed(_nearest(gone))})


def _close() -> None:
    st.session_state[_ASKED] = ""


def _nearest(gone: Path) -> Path:
    """The first folder above that is there and may be read, else the home directory."""
    above = (folder for folder in gone.parents if folder.is_dir() and any(map(folder.is_relative_to, roots())))
    return next(above, roots()[0])


@st.dialog("Where is the folder now?", width="large", on_dismiss=_close)
def _dialog(name: str, gone: str) -> None:
    st.write(f"The pictures of **{plain_text(open_collection(name).title)}** were in {plain_text(gone)}.")
    found = browse(_KEY, "Folder", folder_under_roots, files=False)
    if found is not None and st.button("Use this folder", key=f"relink-do-{name}", type="primary"):
        with errors_shown():
            workbench().relink(name, found[0])
            st.toast(f"The pictures are found again in {plain_text(found[0])}.")
            _close()
            st.rerun()
