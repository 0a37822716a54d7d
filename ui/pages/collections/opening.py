"""Actions that several parts of the page share: starting a job, and opening the search in a collection."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui.session.opened import workbench
from ui.session.query import set_query_image
from ui.shared.messages import errors_shown


def start(kind: str, **arguments: Any) -> None:
    """Start a job, or show why it cannot start."""
    with errors_shown():
        workbench().start(kind, **arguments)


def find_duplicates(name: str) -> None:
    """Open the page that cleans up this collection."""
    st.session_state.collection = name
    st.session_state.go_to = "duplicates"


def search_in(name: str) -> None:
    """Open the search page with this collection; missing vectors are computed at once."""
    st.session_state.collection = name
    st.session_state.go_to = "search"
    set_query_image(None)
    with errors_shown():
        bench = workbench()
        recipe = bench.default_recipe(name)
        if bench.readiness(recipe).action == "embed":
            bench.start("embed", recipe=recipe.as_dict())
