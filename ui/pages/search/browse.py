"""The lower part of the search page: all pictures of the collection, forty per page."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine.core.recipe import Recipe
from ui.session.opened import images_of
from ui.session.query import current_query, set_query_image
from ui.shared.plain_text import plain_text
from ui.widgets.gallery import Tile, gallery, thumbnail_url

A_PAGE = 40


def browse(recipe: Recipe) -> None:
    """Forty thumbnails per page; a click makes a new query."""
    images = images_of(recipe.collection)
    wanted = st.session_state.get("label", "")
    rows = [row for row, label in enumerate(images.labels) if not wanted or label == wanted]
    pages = max(1, -(-len(rows) // A_PAGE))
    st.session_state.browse_page = min(max(st.session_state.get("browse_page", 1), 1), pages)
    what = f"pictures labelled {plain_text(wanted)}" if wanted else "pictures"
    st.header(f"{'' if wanted else 'All '}{len(rows):,} {what}", anchor=False)
    st.caption("Click a picture to search with it.")
    number = st.session_state.browse_page
    query = current_query()
    tiles = [
        Tile(
            id=int(images.ids[row]),
            src=thumbnail_url(recipe.collection, int(images.ids[row]), images.hashes[row]),
            name=images.names[row],
            selected=query is not None and query.image_id == int(images.ids[row]),
        )
        for row in rows[(number - 1) * A_PAGE : number * A_PAGE]
    ]
    gallery(tiles, key="browse", title="All pictures", columns=10, kind="browse", on_pick=set_query_image)
    if pages > 1:
        _pager(pages)


def _pager(pages: int) -> None:
    def go(step: int) -> Callable[[], None]:
        return lambda: st.session_state.update(browse_page=st.session_state.browse_page + step)

    number = st.session_state.browse_page
    with st.container(horizontal=True, horizontal_alignment="center", vertical_alignment="center", key="pager"):
        st.button("Previous", key="browse-back", icon=":material/chevron_left:", on_click=go(-1), disabled=number <= 1)
        st.text(f"Page {number} of {pages}")
        st.button("Next", key="browse-on", icon=":material/chevron_right:", on_click=go(1), disabled=number >= pages)
