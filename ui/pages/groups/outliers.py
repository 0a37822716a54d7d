"""The outliers of a collection: pictures without near neighbours, the most unusual first."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine.core.recipe import Recipe
from ui.session.opened import workbench
from ui.session.recipe import use_recipe
from ui.shared.neighbours import with_neighbours
from ui.shared.plain_text import plain_text
from ui.widgets.gallery import Tile, gallery, thumbnail_url

_SHOWN = 24
_ALL = 96


def outliers_view(recipe: Recipe) -> None:
    """Draw the most unusual pictures with their scores; a click searches with a picture."""
    with_neighbours(recipe, "outliers", lambda _: _outliers(recipe))


def _outliers(recipe: Recipe) -> None:
    st.header("Outliers", anchor=False)
    more = st.session_state.get("odd-more", False)
    found = workbench().outliers(recipe, _ALL if more else _SHOWN)
    if found.sentence():
        st.caption(plain_text(found.sentence()))
    if not found.ones:
        st.caption("Fewer than three pictures that can be compared have no outliers.")
        return
    st.caption(
        "The score compares the distance to a picture's nearest neighbours with what is usual in this collection: "
        "1 is usual, 2 is twice as far. Only what the encoder sees counts. Click a picture to search with it."
    )
    tiles = [
        Tile(
            id=one.id,
            src=thumbnail_url(recipe.collection, one.id, found.pictures[one.id].hash),
            name=found.pictures[one.id].name,
            rank=rank,
            label=found.pictures[one.id].label or found.pictures[one.id].name,
            distance=one.score,
        )
        for rank, one in enumerate(found.ones, 1)
    ]
    gallery(
        tiles,
        key="odd-ones",
        title="Outliers",
        columns=8,
        kind="browse small",
        on_pick=partial(use_recipe, str(recipe)),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "CSV",
            lambda: workbench().outliers(recipe).to_csv().encode("utf-8-sig"),
            f"benzer-{recipe.collection}-outliers.csv",
            "text/csv",
            key="odd-csv",
            on_click="ignore",
            help="All pictures with their scores.",
        )
        st.toggle("Show more", key="odd-more", persist_state="session")
