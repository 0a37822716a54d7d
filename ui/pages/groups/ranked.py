"""Pictures that were found by what is near them, in order: tiles to search from, and a table of all to take along."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from engine.collections.catalogue import ImageRow
from engine.core.recipe import Recipe
from ui.session.recipe import use_recipe
from ui.widgets.gallery import Tile, gallery, thumbnail_url


def ranked_pictures(
    recipe: Recipe,
    pictures: Mapping[int, ImageRow],
    labels: Mapping[int, str],
    key: str,
    title: str,
    scores: Mapping[int, float] | None = None,
) -> None:
    """Tiles of the pictures in `labels`, in its order, each with its label, or its name where that is empty.

    A click searches with the picture under the recipe. `scores` are shown like distances.
    """
    tiles = [
        Tile(
            id=id,
            src=thumbnail_url(recipe.collection, id, pictures[id].hash),
            name=pictures[id].name,
            rank=rank,
            label=label or pictures[id].name,
            distance=(scores or {}).get(id),
        )
        for rank, (id, label) in enumerate(labels.items(), 1)
    ]
    pick = partial(use_recipe, str(recipe))
    gallery(tiles, key=key, title=title, columns=8, kind="browse small", on_pick=pick)


def table_button(recipe: Recipe, what: str, table: Callable[[], str], key: str, help: str) -> None:
    """Downloads a table of all pictures as CSV; it is computed at the click."""
    file = f"benzer-{recipe.collection}-{what}.csv"
    st.download_button(
        "CSV", lambda: table().encode("utf-8-sig"), file, "text/csv", key=key, on_click="ignore", help=help
    )
