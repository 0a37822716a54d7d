"""The lower part of the search page: all pictures of the collection, forty per page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from engine.collections.collection import Images
from engine.core.recipe import Recipe
from ui.pages.search.acting import act_on, known_facts
from ui.session.facts import stars_of
from ui.session.filters import where_of
from ui.session.opened import images_of, workbench
from ui.session.query import current_query
from ui.shared.plain_text import plain_text
from ui.widgets.picture_grid import picture_grid, picture_of

A_PAGE = 40


def browse(recipe: Recipe) -> None:
    """Forty thumbnails per page; a click makes a new query."""
    images = images_of(recipe.collection)
    wanted, where = st.session_state.get("label", ""), where_of(recipe.collection)
    rows = _narrowed(recipe.collection, images, wanted)
    pages = max(1, -(-len(rows) // A_PAGE))
    st.session_state.browse_page = min(max(st.session_state.get("browse_page", 1), 1), pages)
    what = f"pictures labelled {plain_text(wanted)}" if wanted else "pictures"
    narrowed = " that meet the filters" if where else ""
    st.header(f"{'' if wanted or where else 'All '}{len(rows):,} {what}{narrowed}", anchor=False)
    if len(rows):
        st.caption("Click a picture to search with it.")
    number = st.session_state.browse_page
    query = current_query()
    chosen = query.as_query().image_ids if query is not None else set()
    shown = [(row, int(images.ids[row])) for row in rows[(number - 1) * A_PAGE : number * A_PAGE].tolist()]
    stars = stars_of(recipe.collection)
    pictures = [
        picture_of(recipe.collection, images, row, chosen=id in chosen, stars=stars.get(id, 0)) for row, id in shown
    ]
    picture_grid(
        recipe.collection, pictures, key="browse", title="All pictures", kind="browse", words=False, first=0,
        on_act=partial(act_on, recipe.collection), facts=known_facts(recipe.collection),
    )  # fmt: skip
    if pages > 1:
        _pager(pages)


def _narrowed(collection: str, images: Images, label: str) -> NDArray[np.int64]:
    """The rows of the pictures that have the label ("": any) and meet the filters."""
    kept = images.labelled(label) if label else np.ones(len(images), dtype=bool)
    if where := where_of(collection):
        kept = kept & np.isin(images.ids, workbench().meeting(collection, where))
    return np.flatnonzero(kept)


def _pager(pages: int) -> None:
    def go(step: int) -> Callable[[], None]:
        return lambda: st.session_state.update(browse_page=st.session_state.browse_page + step)

    number = st.session_state.browse_page
    with st.container(horizontal=True, horizontal_alignment="center", vertical_alignment="center", key="pager"):
        st.button("Previous", key="browse-back", icon=":material/chevron_left:", on_click=go(-1), disabled=number <= 1)
        st.text(f"Page {number} of {pages}")
        st.button("Next", key="browse-on", icon=":material/chevron_right:", on_click=go(1), disabled=number >= pages)
