"""Custom embeddings, i.e. vectors from another program: those of a collection, and a form to add more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from engine.collections.collection import Collection
from engine.core.progress import Reporter
from engine.encoders import imported_vectors
from engine.encoders.vectors.files import ARRAYS, TABLES, Part
from ui.session.query import set_query_image
from ui.session.recipe import choose_encoder
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


_TYPES = [ending.lstrip(".") for ending in (*ARRAYS, *TABLES)]


def custom_embeddings_panel(collection: Collection) -> None:
    """The collection's custom embeddings, each with buttons to search with it and to remove it, and a form for more."""
    key = collection.name
    with st.expander("Custom embeddings", icon=":material/data_array:", key=f"own-vectors-{key}"):
        st.caption("Vectors that another program computed for these pictures; search with them as with any encoder.")
        for card in imported_vectors.cards(collection):
            _line(collection, card)
        for note in st.session_state.get(f"own-notes-{key}", ()):
            st.caption(plain_text(note))
        number = st.session_state.get(f"own-number-{key}", 0)
        title = st.text_input("Name", key=f"own-title-{key}-{number}", max_chars=120)
        files = st.file_uploader(
            "Vectors, and optionally a list of file names",
            type=_TYPES, accept_multiple_files=True, key=f"own-files-{key}-{number}",
            help="A table (.parquet, .csv, FiftyOne's samples.json) with a column of file names, or an .npy array with "
            "one row per picture and a list of file names. Without a list, rows follow the order in which the pictures "
            "were imported. clip-retrieval: the files of img_emb and metadata together.",
        )  # fmt: skip
        if st.button("Add", key=f"own-add-{key}", disabled=not files):
            with errors_shown():
                st.session_state[f"own-notes-{key}"] = _add(collection, title, files)
                st.session_state[f"own-number-{key}"] = number + 1
                st.rerun()


def _line(collection: Collection, card: imported_vectors.OwnCard) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"{card.name}-{collection.name}"):
        st.markdown(f"{plain_text(card.title)} · {card.count:,} × {card.width:,}")
        st.button("Search", key=f"own-search-{collection.name}-{card.name}", on_click=_search_with,
                  args=(collection.name, card.name))  # fmt: skip
        st.button("Remove", key=f"own-remove-{collection.name}-{card.name}", on_click=_remove,
                  args=(collection, card.name))  # fmt: skip


def _add(collection: Collection, title: str, files: list[UploadedFile]) -> list[str]:
    """Import files of vectors and lists of names; returns notes on what was left out."""
    first = next((file for file in files if file.name.lower().endswith(ARRAYS)), files[0])
    named = title.strip() or first.name.rsplit(".", 1)[0]
    parts = [Part(file.name, file) for file in sorted(files, key=lambda file: file is not first)]
    return list(imported_vectors.import_vectors(collection, parts, named, Reporter()).notes)


def _search_with(collection: str, encoder: str) -> None:
    st.session_state.collection = collection
    choose_encoder(encoder)
    st.session_state.go_to = "search"
    set_query_image(None)


def _remove(collection: Collection, name: str) -> None:
    with errors_shown():
        imported_vectors.remove(collection, name)
