"""The panel of the search page that runs the same query with several search methods side by side."""

from __future__ import annotations

import streamlit as st

from engine.core.recipe import Recipe
from engine.indexes import first_of_each_family
from ui.pages.search.tiles import answer_tiles, missed_tiles
from ui.session.filters import where_of
from ui.session.opened import workbench
from ui.session.query import SessionQuery, current_query, set_query_image
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text
from ui.widgets.gallery import gallery


def comparison(recipe: Recipe) -> None:
    """A column for each method; a method that cannot answer says why in its own column."""
    query = current_query()
    panel = st.expander(
        "Compare exact and approximate search", icon=":material/compare:", key="compare", on_change="rerun"
    )
    if not panel.open or query is None:
        return
    names = first_of_each_family()
    with panel:
        for column, name in zip(st.columns(len(names)), names, strict=True):
            with column, errors_shown():
                _one_method(recipe.but(method=name) if name != recipe.method else recipe, query)


def _one_method(recipe: Recipe, query: SessionQuery) -> None:
    method = workbench().methods()[recipe.method]
    st.markdown(f"**{plain_text(method.title)}**")
    include, label = bool(st.session_state.get("include_query")), st.session_state.get("label") or None
    with st.spinner("Searching …"):
        where = where_of(recipe.collection)
        answer = workbench().search(recipe, query.as_query(), include_query=include, label=label, where=where)
    key = f"compare-{method.name}"
    tiles = answer_tiles(recipe, answer)
    gallery(tiles, key=key, title=method.title, kind="small", on_pick=set_query_image)
    st.caption(plain_text(answer.sentence()))
    if answer.missed:
        st.caption(f"Missed {len(answer.missed)}:")
        tiles = missed_tiles(recipe, answer)
        gallery(tiles, key=f"{key}-missed", title="Missed", kind="small", on_pick=set_query_image)
