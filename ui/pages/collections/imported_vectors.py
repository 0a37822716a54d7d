"""Custom embeddings, i.e. vectors from another program: those of a collection, and a form to add more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from engine.collections.collection import Collection
from engine.core.errors import BadParameter
from engine.core.progress import Reporter
from engine.encoders import imported_vectors
from ui.session.query import set_query_image
from ui.session.recipe import choose_encoder
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


_TABLES, _LISTS = ["npy", "parquet"], ["csv", "txt"]


def custom_embeddings_panel(collection: Collection) -> None:
    """The collection's custom embeddings, each with buttons to search with it and to remove it, and a form for more."""
    key = collection.name
    with st.expander("Custom embeddings", icon=":material/data_array:", key=f"own-vectors-{key}"):
        st.caption("Vectors that another program computed for these pictures; search with them as with any encoder.")
        for card in imported_vectors.cards(collection):
            _line(collection, card)
        number = st.session_state.get(f"own-number-{key}", 0)
        title = st.text_input("Name", key=f"own-title-{key}-{number}", max_chars=120)
        files = st.file_uploader(
            "Vectors, and optionally a list of file names",
            type=_TABLES + _LISTS, accept_multiple_files=True, key=f"own-files-{key}-{number}",
            help="A .parquet file with a column of file names, or an .npy array with one row per picture and a list of "
            "file names. Without a list, rows follow the order in which the pictures were imported.",
        )  # fmt: skip
        if st.button("Add", key=f"own-add-{key}", disabled=not files):
            with errors_shown():
                _add(collection, title, files)
                st.session_state[f"own-number-{key}"] = number + 1
                st.rerun()


def _line(collection: Collection, card: imported_vectors.OwnCard) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"{card.name}-{collection.name}"):
        st.markdown(f"{plain_text(card.title)} · {card.count:,} × {card.width:,}")
        st.button("Search", key=f"own-search-{collection.name}-{card.name}", on_click=_search_with,
                  args=(collection.name, card.name))  # fmt: skip
        st.button("Remove", key=f"own-remove-{collection.name}-{card.name}", on_click=_remove,
                  args=(collection, card.name))  # fmt: skip


def _add(collection: Collection, title: str, files: list[UploadedFile]) -> None:
    """Import the single table of vectors and the list of names, if any."""
    tables = [file for file in files if file.name.lower().endswith(tuple(_TABLES))]
    lists = [file for file in files if file not in tables]
    if len(tables) != 1 or len(lists) > 1:
        names = ", ".join(file.name for file in files)
        raise BadParameter("files", "custom embeddings", "one file of vectors and at most one list of names", names)
    table = tables[0]
    names = lists[0].getvalue() if lists else None
    named = title.strip() or table.name.rsplit(".", 1)[0]
    imported_vectors.take_over(collection, table, table.name, names, named, Reporter())


def _search_with(collection: str, encoder: str) -> None:
    st.session_state.collection = collection
    choose_encoder(encoder)
    st.session_state.go_to = "search"
    set_query_image(None)


def _remove(collection: Collection, name: str) -> None:
    with errors_shown():
        imported_vectors.remove(collection, name)
