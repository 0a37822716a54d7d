"""What the pages know of experiments: what the rows are called, and what a person does with a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from engine.core.distances import METRICS
from engine.core.recipe import Recipe
from ui.comparisons.state import Kind, Seen
from ui.session.opened import choose_embedding, choose_method, collection_cards, images_of, workbench
from ui.session.query import ask_for_image
from ui.shared.plain_text import literal
from ui.widgets.results_table import Named

if TYPE_CHECKING:
    from engine.comparisons.recipes.experiment import Row


def _parts_of(view: Seen) -> tuple[list[str], list[str]]:
    queries = [f"at most {view.plan.queries:,} queries"] if view.plan.queries else []
    return [collection_title(view.plan.collection)], queries


def outdated(view: Seen) -> str:
    """Why the figures are of other pictures or labels than the collection has now, "" where they are not."""
    from engine.comparisons.recipes.experiment import pictures_digest

    if not any(card.name == view.plan.collection for card in collection_cards()):
        return ""
    now = pictures_digest(images_of(view.plan.collection))
    others = any(row.made_of and not row.made_of.startswith(now) for row in view.measured)
    return "The pictures or their labels have changed since this was measured." if others else ""


EXPERIMENTS = Kind(
    key="experiment",
    noun="experiment",
    nouns="experiments",
    cell="recipe",
    root=lambda: workbench().home.experiments,
    every=lambda: workbench().experiments(),
    one=lambda name: workbench().experiment(name),
    parts=_parts_of,
    kept="Encoders that were trained for it stay.",
    outdated=outdated,
)


# ── what the rows are called ─────────────────────────────────────────────────────────────────────────────────────────


def names_of(rows: Sequence[Row]) -> list[Named]:
    """What each row is called: its encoder or training, and those choices in which the rows differ."""
    titles, parts = encoder_titles(), [_parts(row) for row in rows]
    differ = [len({part[place] for part in parts}) > 1 for place in range(3)]
    subs = [" · ".join(text for text, shown in zip(part, differ, strict=True) if shown) for part in parts]
    return [Named(titles.get(row.title, row.title), sub) for row, sub in zip(rows, subs, strict=True)]


def _parts(row: Row) -> tuple[str, str, str]:
    return embedding_title(row.embedding), metric_title(row.metric), method_title(row.method)


def best_sentence(view: Seen) -> str:
    """The most precise recipe so far, as Markdown; "" where nothing was measured."""
    if not view.measured:
        return ""
    row = max(view.measured, key=lambda row: row.precision)
    name = dict(zip((row.key for row in view.rows), names_of(view.rows), strict=True))[row.key]
    return f"best: {literal(name.whole)}, precision@{row.k} **{row.precision:.3f}**"


def encoder_titles(collection: str = "") -> dict[str, str]:
    """The titles of all encoders by how they are written in a recipe; equal ones carry their name as well.

    With the name of a collection, those that can only be used with another one are left out.
    """
    ready = [choice for choice in workbench().choices(collection) if choice.ready]
    titles = {f"{c.name}@{c.weights}" if c.weights else c.name: c.title for c in ready}
    texts = list(titles.values())
    return {name: title if texts.count(title) == 1 else f"{title} ({name})" for name, title in titles.items()}


def embedding_title(name: str) -> str:
    """What people call an embedding; the name itself where there is none of that name."""
    from engine.encoders.pooling import EMBEDDINGS, embedding, unwhitened

    return embedding(name).title if unwhitened(name) in EMBEDDINGS else name


def metric_title(name: str) -> str:
    """What people call a metric."""
    return METRICS[name].title if name in METRICS else name


def method_title(text: str) -> str:
    """What people call a search method, with its settings as they were written."""
    name, bracket, settings = text.partition("(")
    method = workbench().methods().get(name)
    return (method.title if method else name) + (f" ({settings}" if bracket else "")


def collection_title(name: str) -> str:
    """What people call a collection; its name where it is there no more."""
    return next((card.title for card in collection_cards() if card.name == name), name)


# ── what a person does with one ──────────────────────────────────────────────────────────────────────────────────────


def use_recipe(text: str, query: int | None = None) -> None:
    """Put a row's recipe into the sidebar and go to the search, with that image of the collection if one is named."""
    recipe, state = Recipe.parse(text), st.session_state
    if query is not None or state.get("collection") != recipe.collection:
        ask_for_image(query)
    state.linked = True  # the query belongs to the collection that is chosen now
    state.collection, state.metric = recipe.collection, recipe.metric
    choose_embedding(recipe.embedding)
    state.encoder = f"{recipe.encoder}@{recipe.weights}" if recipe.weights else recipe.encoder
    choose_method(recipe.method_text)
    state.label = ""
    state.go_to = "search"
