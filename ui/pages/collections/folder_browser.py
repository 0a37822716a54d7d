"""Choosing a folder, table or archive of this computer by clicks or by its path, and a table's columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import streamlit as st

from engine.collections.sources.browsing import FolderView, look_into
from engine.collections.sources.job import source_of, title_of
from engine.collections.sources.tables import TABLE_SUFFIXES
from engine.core.errors import BenzerError
from engine.core.humanize import count_of
from ui.pages.collections.table_columns import columns_panel
from ui.session.opened import collection_cards, open_collection
from ui.session.paths import as_typed, pictures_under_roots, roots
from ui.shared.messages import show_error
from ui.shared.plain_text import plain_text

SHOWN = 200  # sub-folders as buttons; deeper ones are reached by their path
RECENT = 4

Begin = Callable[..., None]


def folder_panel(begin: Begin) -> None:
    """Draw the browser and the button that imports what was chosen.

    Args:
        begin: called with the name of the panel, the title and the arguments of the import.
    """
    found = browse("folder", "Folder, table or archive", pictures_under_roots)
    if found is None:
        return
    chosen, view = found
    columns = columns_panel(chosen) if chosen.name.lower().endswith(TABLE_SUFFIXES) and chosen.is_file() else {}
    st.text_input("Collection name", key="folder-title", max_chars=120, placeholder=title_of(chosen))
    given: dict[str, object] = {"source": source_of(chosen), "path": str(chosen), "unlinked": True}
    given |= {"columns": columns} if columns else {}
    nothing = chosen.is_dir() and view.complete and not view.pictures
    st.button("Import", key="import-folder", type="primary", disabled=nothing or columns is None,
              on_click=partial(_import, begin, chosen, given))  # fmt: skip


def browse(key: str, label: str, find: Callable[[str], Path], *, files: bool = True) -> tuple[Path, FolderView] | None:
    """Draw a path to type, the places to begin at, and what is in the folder.

    Args:
        key: of the widgets; the path is kept under `KEY-path`. label: of the path.
        find: what a typed path means, or raises what is wrong with it.
        files: whether tables and archives can be chosen.

    Returns:
        What is chosen, and the folder that shows it; None if nothing can be chosen by the typed path.
    """
    st.session_state.setdefault(f"{key}-path", as_typed(roots()[0]))
    typed = st.text_input(label, key=f"{key}-path", help=_allowed())
    try:
        chosen = find(typed)
        view = look_into(chosen if chosen.is_dir() else chosen.parent)
    except BenzerError as error:
        show_error(error)
        _places(key)
        return None
    _places(key)
    _inside(key, view if files else replace(view, tables=(), archives=()))
    st.caption(plain_text(_contents(chosen, view, files=files)))
    return chosen, view


def _import(begin: Begin, chosen: Path, given: dict[str, object]) -> None:
    """Import with the current content of the title field: a click right after typing precedes the next redraw."""
    begin("My folders", st.session_state.get("folder-title") or title_of(chosen), **given)


def _allowed() -> str:
    allowed = plain_text(", ".join(map(str, roots())))
    return (
        "Pictures are read in place, never copied; sub-folders become labels. "
        f"Folders that may be read: {allowed}. The environment variable BENZER_ROOTS allows more."
    )


def _places(key: str) -> None:
    """The folders where one begins, and those that collections came from."""
    places = {("Home" if root == Path.home().resolve() else root.name or str(root)): root for root in roots()}
    for folder in _recent():
        places.setdefault(folder.name, folder)
    with st.container(horizontal=True, key=f"{key}-places"):
        for number, (name, folder) in enumerate(places.items()):
            icon = "home" if name == "Home" else "folder_special" if folder in roots() else "history"
            _go(key, name, folder, f"place-{number}", icon)


def _recent() -> list[Path]:
    found = [open_collection(card.name).source.get("folder") for card in collection_cards() if card.origin == "folder"]
    folders = dict.fromkeys(Path(folder).parent for folder in found if folder)
    return [folder for folder in folders if folder.is_dir() and any(map(folder.is_relative_to, roots()))][:RECENT]


def _inside(key: str, view: FolderView) -> None:
    with st.container(height=260, border=True, key=f"{key}-inside", gap=None):
        if any(view.folder.parent.is_relative_to(root) for root in roots()):
            _go(key, "..", view.folder.parent, "up", "arrow_upward")
        for number, name in enumerate(view.folders[:SHOWN]):
            _go(key, name, view.folder / name, f"{number}", "folder")
        for number, name in enumerate(view.tables):
            _go(key, name, view.folder / name, f"table-{number}", "table")
        for number, name in enumerate(view.archives):
            _go(key, name, view.folder / name, f"archive-{number}", "folder_zip")
        if not (view.folders or view.tables or view.archives):
            st.caption("There is nothing to open in this folder.")
        if len(view.folders) > SHOWN:
            st.caption(f"… and {len(view.folders) - SHOWN:,} more folders; type the path of one above.")


def _go(key: str, name: str, path: Path, place: str, icon: str) -> None:
    st.button(
        plain_text(name), key=f"{key}-{place}", icon=f":material/{icon}:", type="tertiary",
        on_click=_choose, args=(key, as_typed(path)),
    )  # fmt: skip


def _choose(key: str, path: str) -> None:
    st.session_state.update({f"{key}-path": path, f"{key}-title": ""})


def _contents(chosen: Path, view: FolderView, *, files: bool) -> str:
    if not chosen.is_dir():
        return f"{chosen.name} will be imported."
    counted = count_of(view.pictures, "picture") if view.complete else f"more than {count_of(view.pictures, 'picture')}"
    tables = f" Choose {view.tables[0]} above to read labels and texts from it." if view.tables and files else ""
    return f"{counted[:1].upper()}{counted[1:]} in {chosen.name or chosen} and below.{tables}"
