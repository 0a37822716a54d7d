"""Hubs and orphans: pictures that are among the results of very many others, and of none."""

from __future__ import annotations

import streamlit as st

from engine.core.humanize import count_of
from engine.core.recipe import Recipe
from engine.grouping.neighbourhoods.hubs import Hubs
from ui.pages.groups.ranked import ranked_pictures, table_button
from ui.session.opened import workbench
from ui.shared.neighbours import with_neighbours
from ui.shared.plain_text import plain_text

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
    everything = "All pictures with their numbers."
    table_button(recipe, "hubs", lambda: workbench().hubs(recipe).to_csv(), "hubs-csv", everything)


def _pictures(recipe: Recipe, found: Hubs, said: dict[int, str], key: str) -> None:
    title = f"{count_of(len(said), 'picture')}: {key}"
    ranked_pictures(recipe, found.pictures, said, f"{key}-pictures", title)
