"""The sidebar's choices: the collection, and the chip that holds everything else of the recipe."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import streamlit as st

from engine.core.distances import METRICS
from engine.core.recipe import Recipe
from engine.core.settings import Choice, Setting
from engine.encoders.encoder import EncoderChoice
from engine.encoders.pooling import FINISHES, POOLINGS, unfinished
from engine.indexes import Index
from engine.workbench.workbench import CollectionCard
from ui.session.opened import DEFAULT_K, has_texts, workbench
from ui.session.query import current_query, set_query_image
from ui.session.recipe import choose_embedding, recipe_of_choices
from ui.shared.titles import distinct
from ui.sidebar.seeing import finish_title, metric_title, pooling_title, seeing_chip

_NEWEST = 3  # most classifiers listed, of those trained on this collection and on others each


def recipe_picker(cards: Sequence[CollectionCard], *, seeing: bool) -> Recipe:
    """Draw the collection and, on pages that use it, the chip, and return the recipe.

    Requires at least one collection. Impossible choices (of an old link) are first replaced by the default.
    """
    collection = _collection(cards)
    meant = str(st.session_state.get("encoder") or "")
    choices = workbench().choices(collection, also=meant)
    lines = offered(choices, collection, meant)
    _settle(lines, workbench().default_recipe(collection))
    recipe = recipe_of_choices(_options(workbench().methods()[st.session_state.method]))
    if seeing:
        seeing_chip(recipe, choices, lines)
    return recipe


def _collection(cards: Sequence[CollectionCard]) -> str:
    titles = distinct({card.name: card.title for card in cards})
    names = [card.name for card in cards]
    before = st.session_state.get("searched_collection")
    _possible("collection", "collection", names, titles.get, names[0])
    name = str(st.selectbox("Collection", names, format_func=lambda name: titles.get(name, name), key="collection"))
    query = current_query()
    if before not in (None, name) and query is not None and query.named and not st.session_state.get("linked"):
        set_query_image(None, keep_words=True)  # the id belongs to a picture of the other collection
    st.session_state.linked = False
    st.session_state.searched_collection = name
    return name


def offered(choices: Sequence[EncoderChoice], collection: str, meant: str) -> list[EncoderChoice]:
    """The listed encoders, those trained to classify this collection's items in second place.

    Rare ones are left out, except the one that is `meant` (a link or a command may name an unlisted one) and the newest
    ones that take words or were trained on labelled items.
    """
    learned = [choice for choice in choices if choice.learned_from and choice.ready]
    own = [choice for choice in learned if choice.learned_from == collection][:_NEWEST]
    fits = [choice for choice in learned if choice.learned_from != collection and _fits(choice, collection)][:_NEWEST]
    plain = [c for c in choices if c not in own and (c in fits or not c.rare or meant in (c.name, c.key))]
    return [*plain[:1], *own, *plain[1:]]


def _fits(choice: EncoderChoice, collection: str) -> bool:
    """Whether an encoder trained on another collection applies to this one."""
    return choice.pictures or (choice.words and has_texts(collection))


# ── choices that are possible ────────────────────────────────────────────────────────────────────────────────────────


def _settle(lines: Sequence[EncoderChoice], default: Recipe) -> None:
    """Replace impossible choices of the session by defaults; the page shows what was replaced."""
    state, pooling = st.session_state, unfinished(default.embedding)
    titles = {line.key: line.title for line in lines}
    first = f"{default.encoder}@{default.weights}" if default.weights else default.encoder
    if str(state.get("embedding")) != unfinished(str(state.get("embedding"))):  # a link to a whole recipe put it there
        choose_embedding(str(state.embedding))
    methods = workbench().methods()
    _possible("encoder", "encoder", titles, titles.get, first)
    _possible("embedding", "pooling", POOLINGS, pooling_title, pooling)
    _possible("finish", "post-processing", FINISHES, finish_title, default.embedding.removeprefix(pooling))
    _possible("metric", "distance", METRICS, metric_title, default.metric)
    _possible("method", "search method", methods, lambda name: methods[name].title, default.method)
    state.setdefault("k", DEFAULT_K)


def _possible(key: str, label: str, options: Collection[str], shown: Callable[[str], str | None], default: str) -> None:
    present = st.session_state.get(key)
    if present in options:
        return
    if present is not None:
        st.session_state.complaint = f"The {label} “{present}” is not available; using {shown(default)} instead."
    st.session_state[key] = default


def _options(method: type[Index]) -> dict[str, int | str]:
    """The chosen settings of a search method; empty and default values are left out."""
    found: dict[str, int | str] = {}
    for setting in method.settings:
        key = f"{method.name}.{setting.name}"
        value = _word(key, setting) if isinstance(setting, Choice) else _number(key, setting)
        if value is not None:
            found[setting.name] = value
    return found


def _word(key: str, setting: Choice) -> str | None:
    if st.session_state.get(key) not in setting.options:
        st.session_state[key] = setting.default
    value = str(st.session_state[key])
    return None if value == setting.default else value


def _number(key: str, setting: Setting) -> int | None:
    value = st.session_state.setdefault(key, None)
    if value is not None and not setting.low <= value <= setting.high:
        value = st.session_state[key] = int(min(max(value, setting.low), setting.high))
    return None if value is None else int(value)
