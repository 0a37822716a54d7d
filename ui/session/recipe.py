"""The sidebar's recipe, and changing it from a page."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.core.recipe import Recipe, parse_method
from engine.core.settings import Choice
from engine.encoders.choosing import default_embedding
from engine.encoders.pooling import FINISHES, unfinished
from ui.session.opened import workbench
from ui.session.query import set_query_image


def use_recipe(text: str, query: int | None = None) -> None:
    """Put a recipe into the sidebar and open the search page, with an image of the collection as query if given."""
    recipe, state = Recipe.parse(text), st.session_state
    if query is not None or state.get("collection") != recipe.collection:
        set_query_image(query)
    state.linked = True  # the query belongs to the chosen collection
    state.collection, state.metric = recipe.collection, recipe.metric
    choose_embedding(recipe.embedding)
    state.encoder = f"{recipe.encoder}@{recipe.weights}" if recipe.weights else recipe.encoder
    choose_method(recipe.method_text)
    state.label = ""
    state.go_to = "search"


def choose_encoder(text: str) -> None:
    """Put an encoder into the sidebar, as a recipe names it, and the embedding that suits it."""
    st.session_state.encoder = text
    name, _, weights = text.partition("@")
    choose_embedding(default_embedding(workbench().home, name, weights))


def choose_embedding(name: str) -> None:
    """Set an embedding in the sidebar: a drop-down for the pooling, another for the post-processing."""
    st.session_state.embedding = unfinished(name)
    st.session_state.finish = name.removeprefix(unfinished(name))


def chosen_embedding() -> str:
    """The sidebar's embedding, as written in a recipe."""
    finish = st.session_state.get("finish")
    return f"{st.session_state.embedding}{finish if finish in FINISHES else ''}"


def choose_method(text: str) -> None:
    """Put a search method with its settings into the sidebar; BadParameter for an invalid text."""
    name, options = parse_method(text)
    for key in [key for key in map(str, st.session_state) if key.partition(".")[0] in workbench().methods()]:
        st.session_state[key] = None  # unnamed settings become automatic, whatever they were before
    st.session_state.method = name
    method = workbench().methods().get(name)
    choices = {setting.name: setting for setting in (method.settings if method else ()) if isinstance(setting, Choice)}
    for option, value in options:
        choice = choices.get(option)
        st.session_state[f"{name}.{option}"] = choice.checked(value, name) if choice else int(value)


def recipe_of_choices(options: dict[str, Any]) -> Recipe:
    """The recipe of the sidebar's current choices; BadParameter if one is missing."""
    state = st.session_state
    encoder, _, weights = str(state.encoder).partition("@")
    return Recipe(
        state.collection,
        encoder,
        weights,
        chosen_embedding(),
        state.metric,
        state.method,
        int(state.k),
        tuple(options.items()),
    )
