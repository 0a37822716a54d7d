"""The compare page: an experiment is a grid of recipes over a labelled collection, measured cell by cell."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine.core.recipe import Recipe
from engine.workbench.workbench import CollectionCard
from ui.comparisons.list import comparison_list, new_one
from ui.comparisons.state import listed, opened, write_opened
from ui.pages.compare.form import experiment_form
from ui.pages.compare.quick import quick_comparison
from ui.pages.compare.report_form import report_form
from ui.pages.compare.results import experiment_view
from ui.pages.compare.state import EXPERIMENTS, best_sentence
from ui.session.opened import collection_cards, images_of, workbench
from ui.shared.messages import empty_state, errors_shown
from ui.shared.plain_text import plain_text

_OFFERED = 2  # other collections with labels


def page() -> None:
    """Draw the open experiment, the form that starts a new one, and the other experiments."""
    st.title("Compare", anchor=False)
    recipe: Recipe | None = st.session_state.recipe
    if recipe is None and not listed(EXPERIMENTS):
        go = partial(st.session_state.update, go_to="collections")
        sentence = "Add a collection of pictures with labels first."
        empty_state("Nothing to compare yet", sentence, {"Add pictures": go}, key="compare-empty")
        return
    view = opened(EXPERIMENTS)
    if view is not None:
        with errors_shown():
            experiment_view(view)
    if recipe is not None:
        _new(recipe, folded=view is not None)
    with errors_shown():
        comparison_list(EXPERIMENTS, view.name if view else "", best_sentence)
    write_opened(EXPERIMENTS, view)


# ── a new one ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _new(recipe: Recipe, *, folded: bool) -> None:
    card = next(card for card in collection_cards() if card.name == recipe.collection)
    new_one(EXPERIMENTS, partial(_forms, card, recipe), folded=folded)


def _forms(card: CollectionCard, recipe: Recipe) -> None:
    with errors_shown():
        quick_comparison(card)
    if not _shares_labels(card):
        _no_labels(card)
        return
    with errors_shown():
        experiment_form(card, workbench().default_recipe(recipe.collection))
    with errors_shown():
        report_form(card)


def _shares_labels(card: CollectionCard) -> bool:
    """Whether any two pictures share a label: only then can results be judged."""
    labels = [label for label in images_of(card.name).labels if label]
    return len(labels) > len(set(labels))


def _no_labels(card: CollectionCard) -> None:
    """Say why nothing can be compared, and offer collections that have labels."""
    labelled = [other for other in collection_cards() if other.labels and other.name != card.name]
    actions = {f"Use {other.title}": partial(_choose, other.name) for other in labelled[:_OFFERED]}
    actions["Add pictures with labels"] = partial(st.session_state.update, go_to="collections")
    empty_state(
        f"No labels in {card.title}",
        "A result counts as correct if it has the label of the query, so at least two pictures must share a label. "
        "Folders become labels when pictures are added, and so does a column of a CSV.",
        {plain_text(label): action for label, action in actions.items()},
        key="compare-no-labels",
    )


def _choose(collection: str) -> None:
    st.session_state.collection = collection
