"""Why a result is near: a dialog with the contribution of each place of the two pictures."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from engine.core.errors import BenzerError
from engine.core.recipe import Recipe
from engine.core.storage import json_text
from engine.evidence.explanation import Explanation
from engine.search.answer import Query
from ui.pages.search.sights import sights_view
from ui.session.opened import picture_name, workbench
from ui.session.query import SessionQuery
from ui.shared.messages import show_error
from ui.shared.plain_text import plain_text
from ui.shared.titles import encoder_titles
from ui.widgets.evidence_view import ShownSide, evidence_view

_VIEWS = _PLACES, _SEEN = "Places that match", "What the encoder sees"
ACTION = ("why", "Why is it near?", "W")  # of a picture of the results
FOUND = ("why", "Why is it found?", "W")  # of a picture that words found


def words_can_be_asked(query: SessionQuery) -> bool:
    """Whether the query is words alone, of which a result shows a class."""
    return bool(query.words) and not query.pictured and not query.examples


def can_be_asked(query: SessionQuery) -> bool:
    """Whether the query is one picture, of which the places can be compared with those of a result."""
    return query.pictured and not query.examples


def ask_why(id: int | None) -> None:
    """Open the dialog for a result, or close it."""
    st.session_state.why = id


def why_dialog(recipe: Recipe, query: SessionQuery | None) -> None:
    """Draw the dialog if it is open."""
    id = st.session_state.get("why")
    if id is None:
        return
    if query is not None and words_can_be_asked(query):
        _words_dialog(recipe, query.words, int(id))
    elif query is not None and can_be_asked(query):
        _dialog(recipe, replace(query.as_query(), text="", share=None), int(id))


@st.dialog("Why is it near?", width="large", on_dismiss=lambda: ask_why(None))
def _dialog(recipe: Recipe, query: Query, id: int) -> None:
    view = st.segmented_control(
        "View", _VIEWS, key="why-view", default=_PLACES, required=True, label_visibility="collapsed",
        persist_state="session",
    )  # fmt: skip
    (_places if view == _PLACES else sights_view)(recipe, query, id)


@st.dialog("Why is it found?", width="large", on_dismiss=lambda: ask_why(None))
def _words_dialog(recipe: Recipe, words: str, id: int) -> None:
    """The class that the words were taken for, and where it is seen."""
    bench = workbench()
    try:
        with st.spinner("Looking for the words …"):
            found = bench.explain_words(recipe, words, id)
            drawn = bench.drawn_class(recipe, found, id)
    except BenzerError as error:
        show_error(error)
        return
    told = plain_text(f"Coloured places speak for “{found.name}”.")
    st.image(drawn, caption=told, alt=told)
    st.caption(plain_text(found.sentence()))
    with st.container(horizontal=True):
        stem = f"benzer-word-{id}"
        st.download_button("PNG", drawn, f"{stem}.png", "image/png", key="word-png", on_click="ignore")
        told = json_text(found.as_dict(), indent=1)
        st.download_button("JSON", told, f"{stem}.json", "application/json", key="word-json", on_click="ignore")


def _places(recipe: Recipe, query: Query, id: int) -> None:
    """The map of each picture, which sum to the score."""
    bench = workbench()
    try:
        with st.spinner("Comparing places …"):
            explanation = bench.explain(recipe, query, id)
            sides = [_side(recipe, one) for one in (query, Query.image(id))]
    except BenzerError as error:
        show_error(error)
        return
    evidence_view(explanation, *sides, key=f"evidence-{id}")
    st.caption(
        plain_text(" ".join(filter(None, [_seen_with(recipe, explanation), explanation.sentence(), explanation.note])))
    )
    with st.container(horizontal=True):
        stem = f"benzer-why-{id}"
        st.download_button(
            "PNG", lambda: bench.drawn_explanation(recipe, explanation, query, id), f"{stem}.png", "image/png",
            on_click="ignore",
        )  # fmt: skip
        told = json_text(explanation.as_dict(), indent=1)
        st.download_button("JSON", told, f"{stem}.json", "application/json", on_click="ignore")


def _side(recipe: Recipe, query: Query) -> ShownSide:
    name = query.name if query.image_id is None else picture_name(recipe.collection, query.image_id)
    return ShownSide(workbench().shown(recipe.collection, query), name)


def _seen_with(recipe: Recipe, explanation: Explanation) -> str:
    key = f"{recipe.encoder}@{recipe.weights}" if recipe.weights else recipe.encoder
    parts = " and ".join(part.title for part in explanation.parts)  # of a combination, which is in no list
    return f"Seen with {encoder_titles(recipe.collection).get(key, parts)}."
