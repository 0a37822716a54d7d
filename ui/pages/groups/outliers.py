"""The outliers of a collection: pictures without near neighbours, the most unusual first."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine.core.recipe import Recipe
from ui.pages.groups.ranked import ranked_pictures, table_button
from ui.session.opened import images_of, workbench
from ui.shared.neighbours import with_neighbours
from ui.shared.plain_text import plain_text

_SHOWN = 24
_ALL = 96


def outliers_view(recipe: Recipe) -> None:
    """Draw the most unusual pictures with their scores; a click searches with a picture."""
    with_neighbours(recipe, "outliers", lambda _: _outliers(recipe))


def _outliers(recipe: Recipe) -> None:
    st.header("Outliers", anchor=False)
    shown = st.session_state.get("outliers_shown", _SHOWN)
    found = workbench().outliers(recipe, shown)
    if found.sentence():
        st.caption(plain_text(found.sentence()))
    if not found.ones:
        st.caption("Outliers are found among three pictures or more that can be compared.")
        return
    st.caption(
        "The score compares the distance to a picture's nearest neighbours with what is usual in this collection: "
        "1 is usual, 2 is twice as far. Only what the encoder sees counts. Click a picture to search with it."
    )
    labels = {one.id: found.pictures[one.id].label for one in found.ones}
    scores = {one.id: one.score for one in found.ones}
    ranked_pictures(recipe, found.pictures, labels, "odd-ones", "Outliers", scores)
    with st.container(horizontal=True, vertical_alignment="center"):
        everything = "All pictures with their scores."
        table_button(recipe, "outliers", lambda: workbench().outliers(recipe).to_csv(), "odd-csv", everything)
        left = min(_ALL, len(images_of(recipe.collection).ids)) - shown
        if left > 0:
            more = partial(st.session_state.update, outliers_shown=_ALL)
            st.button(f"Show {left} more", key="outliers-more", on_click=more)
