"""Saved searches and the history, to be repeated."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

import streamlit as st

from engine.collections.facts.where import print_where
from engine.core.errors import BenzerError
from engine.core.recipe import Recipe
from engine.search.answer import Answer
from engine.search.examples import parse_examples
from engine.search.saved import SavedSearch
from ui.session.filters import set_where, where_of
from ui.session.opened import images_of, row_of, workbench
from ui.session.query import current_query, set_examples
from ui.session.recipe import use_recipe
from ui.shared.plain_text import plain_text
from ui.shared.text_field import text_field

_LAST = 12  # searches of the history that are listed
_LONGEST_NAME = 80


def saved_searches(recipe: Recipe) -> None:
    """A pop-up to save the search under a name, and to make a former one again."""
    closed = st.session_state.setdefault("searches_closed", 0)
    panel = st.popover(
        "Searches", icon=":material/bookmark:", type="tertiary", key=f"searches-{closed}", on_change="rerun"
    )
    if not panel.open:
        return
    with panel:
        if (search := _search_now()) is not None:
            name = _proposed(search)
            text_field(
                "Name of this search", key="search-name", button="Save", button_key="search-save", in_a_row=True,
                placeholder=name, on_sent=_save, on_emptied=partial(_save, name),
            )  # fmt: skip
        _listed("Saved", workbench().saved_searches(recipe.collection), deletable=True)
        _listed("Last searches", workbench().search_history(recipe.collection)[:_LAST])


def remember(answer: Answer) -> None:
    """Add the search to the history, unless it was added just now or the user did not ask for it."""
    query = current_query()
    scope = (answer.label, answer.where, answer.include_query, answer.local_scaling)
    asked = (str(answer.recipe.but(k=1)), query, *scope)
    if query is None or query.proposed or st.session_state.get("remembered") == asked:
        return
    st.session_state.remembered = asked
    try:
        workbench().remember_search(answer)
    except BenzerError:  # a full disk costs the history, not the search
        return


def _search_now(name: str = "") -> SavedSearch | None:
    """The search that the page shows; None if it shows none."""
    query, recipe = current_query(), st.session_state.get("recipe")
    if query is None or recipe is None:
        return None
    return SavedSearch(
        recipe=str(recipe),
        query=workbench().print_query(query.as_query()),
        label=str(st.session_state.get("label") or ""),
        where=print_where(where_of(recipe.collection)),
        include_query=bool(st.session_state.get("include_query")),
        local_scaling=bool(st.session_state.get("local_scaling")) and query.as_query().pictured,
        name=name,
    )


def _proposed(search: SavedSearch) -> str:
    """A name for a search that is given none: what it searches for."""
    return described(search)[:_LONGEST_NAME].strip()


def _save(name: str) -> None:
    if (search := _search_now(name)) is None:
        return
    try:
        workbench().restore_search(search)
    except BenzerError as error:
        st.session_state.complaint = error.message
    else:
        st.session_state["search-name"] = ""
        st.toast(f"Saved as “{plain_text(name)}”.", icon=":material/bookmark:")


def _listed(title: str, searches: list[SavedSearch], *, deletable: bool = False) -> None:
    if not searches:
        return
    st.caption(title)
    with st.container(gap=None):
        for number, search in enumerate(searches):
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                said = plain_text(search.name or described(search))
                st.button(
                    said, key=f"{title}-{number}", type="tertiary", on_click=partial(_open, search),
                    help=plain_text(described(search)) if search.name else None,
                )  # fmt: skip
                if deletable:
                    st.button(
                        "Delete", key=f"forget-{number}", type="tertiary", icon=":material/delete:",
                        on_click=partial(_forget, search.name),
                    )  # fmt: skip


def described(search: SavedSearch) -> str:
    """A search in words: its query pictures by file name, and its filters."""
    query = re.sub(r"#(\d+)", lambda found: _name(search.collection, int(found[1])), search.query)
    query = re.sub(r"upload:[0-9a-f]+", "an uploaded picture", query)
    return " · ".join(filter(None, [query, search.label, search.where.replace(";", ", ")]))


def _name(collection: str, id: int) -> str:
    try:
        return images_of(collection).names[row_of(collection, id)].rpartition("/")[2]
    except BenzerError:
        return f"picture {id}"


def _open(search: SavedSearch) -> None:
    """Make a search again, with the encoder and the filters it had."""
    state = st.session_state
    try:
        examples = parse_examples(search.query, workbench().kept_example)
        use_recipe(search.recipe)
        set_where(search.collection, search.where)
    except BenzerError as error:
        state.complaint = error.message
        return
    state.label, state.include_query, state.local_scaling = search.label, search.include_query, search.local_scaling
    state.searches_closed += 1
    examples = tuple(replace(one, name="") if one.image_id is not None else one for one in examples)
    set_examples(list(examples))


def _forget(name: str) -> None:
    try:
        workbench().forget_search(name)
    except BenzerError as error:
        st.session_state.complaint = error.message
