"""Which column of a table names the picture, its label and its text: guessed, shown with five lines, and changeable."""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten

import streamlit as st

from engine.collections.sources.tables import ROLES, Table, preview
from engine.core.errors import BenzerError
from ui.session.paths import as_typed
from ui.shared.messages import show_error
from ui.shared.plain_text import plain_text

PREVIEWED = 5
_NONE = "—"
_LONGEST = 80  # characters of a cell


def columns_panel(path: Path) -> dict[str, str] | None:
    """Draw the choice; the columns by role, or None while the picture's is missing."""
    try:
        table = preview(path)
    except BenzerError as error:
        show_error(error)
        return None
    guessed = {"image": table.image, "label": table.label, "text": table.text}
    chosen = {}
    with st.container(horizontal=True, key="table-columns"):
        for role, title in zip(ROLES, ("Picture", "Label", "Text"), strict=True):
            chosen[role] = _column(table, role, title, guessed[role], path)
    st.table(_lines(table), border="horizontal", hide_index=True)
    if not chosen["image"]:
        st.info("Choose the column that names the pictures.", icon=":material/info:")
        return None
    return chosen


def _column(table: Table, role: str, title: str, guessed: int, path: Path) -> str:
    headings = [name for name in table.header if name]
    options = headings if role == "image" and guessed >= 0 else [_NONE, *headings]
    index = options.index(table.header[guessed]) if guessed >= 0 and table.header[guessed] in options else 0
    found = st.selectbox(title, options, index=index, key=f"column-{role}-{as_typed(path)}", format_func=plain_text)
    return "" if found == _NONE else found


def _lines(table: Table) -> dict[str, list[str]]:
    lines = table.lines[:PREVIEWED]
    columns = [(place, name) for place, name in enumerate(table.header) if name]
    return {plain_text(name): [_shown(table.cell(line, place)) for line in lines] for place, name in columns}


def _shown(cell: str) -> str:
    return plain_text(shorten(cell, _LONGEST, placeholder=" …"))
