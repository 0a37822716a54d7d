"""The stored search indexes in a dialog: the size of each, and buttons to delete them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine.core.humanize import file_size
from engine.search.index_files import StoredIndex, ceiling, stored_indexes
from ui.session.opened import workbench
from ui.shared.messages import errors_shown


def indexes_button() -> None:
    """A button that opens the list."""
    if st.button("Search indexes …", key="indexes", icon=":material/database:", help="What they take on the disk"):
        _indexes()


@st.dialog("Search indexes", width="large")
def _indexes() -> None:
    with errors_shown():
        found = stored_indexes(workbench().home.datasets)
        st.write(_sentence(found))
        if not found:
            return
        chosen = st.dataframe(
            [_line(one) for one in found],
            hide_index=True,
            key="indexes-chosen",
            on_select="rerun",
            selection_mode="multi-row",
            alt="The stored search indexes, the last used first",
        )
        rows: Any = chosen.get("selection", {}).get("rows", [])
        picked = [found[row] for row in rows if row < len(found)]
        with st.container(horizontal=True):
            st.button(
                f"Delete selected ({_size(picked)})" if picked else "Delete selected",
                key="indexes-delete",
                disabled=not picked,
                on_click=_delete,
                args=(picked,),
            )
            st.button(f"Delete all ({_size(found)})", key="indexes-delete-all", on_click=_delete, args=(found,))


def _delete(indexes: Sequence[StoredIndex]) -> None:
    with errors_shown():
        for index in indexes:
            index.delete()
        st.toast(f"{_size(indexes)} freed.")


def _sentence(indexes: Sequence[StoredIndex]) -> str:
    if not indexes:
        return "No search indexes are stored."
    return f"They take {_size(indexes)} of at most {file_size(ceiling())}. Each is built again when it is needed."


def _line(index: StoredIndex) -> dict[str, str]:
    used = time.strftime("%Y-%m-%d %H:%M", time.localtime(index.used)) if index.used else ""
    recipe = index.recipe or index.folder.name
    return {"Collection": index.collection, "Index": recipe, "Size": _size([index]), "Last used": used}


def _size(indexes: Sequence[StoredIndex]) -> str:
    return file_size(sum(index.bytes for index in indexes))
