"""Hubs and orphans: pictures that are among the results of very many others, and of none."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine.core.humanize import count_of
from engine.core.recipe import Recipe
from engine.grouping.duplicates.hubs import Hubs
from ui.session.opened import workbench
from ui.session.recipe import use_recipe
from ui.shared.neighbours import with_neighbours
from ui.shared.plain_text import plain_text
from ui.widgets.gallery import Tile, gallery, thumbnail_url

_SHOWN = 16  # of each kind


def hubs_view(recipe: Recipe) -> None:
    """Draw the hubs with how often they are found, and the orphans."""
    with_neighbours(recipe, "hubs", lambda _: _hubs(recipe))


def _hubs(recipe: Recipe) -> None:
    found = workbench().hubs(recipe)
    st.markdown(plain_text(found.sentence()))
    st.caption(
        "A picture that is near to nearly everything crowds results without being similar. Counted is how often a "
        "picture is among the ten nearest of others; local scaling, an option of Search, takes hubs out. Click one to "
        "search with it."
    )
    st.header("Hubs", anchor=False)
    hubs = found.found.hubs(_SHOWN)
    _pictures(recipe, found, {id: f"in {count:,} results" for id, count in hubs}, "hubs")
    orphans = found.found.orphans[:_SHOWN].tolist()
    if orphans:
        st.header("In no results", anchor=False, help="Pictures that are among the nearest of no other.")
        _pictures(recipe, found, {id: found.pictures[id].label for id in orphans}, "orphans")
    st.download_button(
        "CSV",
        lambda: workbench().hubs(recipe).to_csv().encode("utf-8-sig"),
        f"benzer-{recipe.collection}-hubs.csv",
        "text/csv",
        key="hubs-csv",
        on_click="ignore",
        help="All pictures with their numbers.",
    )


def _pictures(recipe: Recipe, found: Hubs, said: dict[int, str], key: str) -> None:
    tiles = [
        Tile(
            id=id,
            src=thumbnail_url(recipe.collection, id, found.pictures[id].hash),
            name=found.pictures[id].name,
            rank=rank,
            label=text or found.pictures[id].name,
        )
        for rank, (id, text) in enumerate(said.items(), 1)
    ]
    pick = partial(use_recipe, str(recipe))
    title = f"{count_of(len(tiles), 'picture')}: {key}"
    gallery(tiles, key=f"{key}-pictures", title=title, columns=8, kind="browse small", on_pick=pick)
