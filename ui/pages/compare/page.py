"""The compare page: grids of recipes over labelled pictures, tables of invariances, and two encoders side by side."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from engine.core.recipe import Recipe
from engine.workbench.workbench import CollectionCard
from ui.comparisons.list import comparison_list, new_one
from ui.comparisons.state import Kind, Seen, listed, newly_linked, opened, warn_of_link, write_opened
from ui.pages.compare import invariance_state
from ui.pages.compare.disagreement import disagreement_view
from ui.pages.compare.form import experiment_form
from ui.pages.compare.invariance_form import invariance_form
from ui.pages.compare.invariance_results import invariance_view
from ui.pages.compare.invariance_state import INVARIANCES
from ui.pages.compare.quick import quick_comparison
from ui.pages.compare.report_form import report_form
from ui.pages.compare.results import experiment_view
from ui.pages.compare.state import EXPERIMENTS, best_sentence
from ui.session.opened import collection_cards, images_of, workbench
from ui.shared.first_ways import add_pictures
from ui.shared.messages import empty_state, errors_shown, show_complaint
from ui.shared.plain_text import plain_text

_CONFIGURATIONS, _INVARIANCES, _ENCODERS = "Configurations", "Invariances", "Two encoders"
_OFFERED = 2  # other collections with labels


def page() -> None:
    """Draw the chosen kind of comparison: its results, the forms to start more, and the list of all."""
    st.title("Compare", anchor=False)
    show_complaint()
    recipe: Recipe | None = st.session_state.recipe
    if recipe is None and not listed(EXPERIMENTS) and not listed(INVARIANCES):
        warn_of_link(EXPERIMENTS)
        warn_of_link(INVARIANCES)
        _no_collection("Add a collection of pictures with labels first.")
        return
    part = _part()
    if part == _INVARIANCES:
        _kind(INVARIANCES, recipe, invariance_view, invariance_form, invariance_state.best_sentence)
    elif part == _ENCODERS:
        _encoders(recipe)
    else:
        _kind(EXPERIMENTS, recipe, experiment_view, _experiment_forms, best_sentence)


def _no_collection(sentence: str) -> None:
    empty_state("Nothing to compare yet", sentence, {"Add pictures": add_pictures}, key="compare-empty")


def _part() -> str:
    """The kind of comparison chosen by the visitor or named in the address."""
    for part, kind in ((_INVARIANCES, INVARIANCES), (_CONFIGURATIONS, EXPERIMENTS)):
        if newly_linked(kind.key):
            st.session_state["compare-part"] = part
    st.session_state.setdefault("compare-part", _CONFIGURATIONS)
    return st.segmented_control(
        "What to compare", [_CONFIGURATIONS, _INVARIANCES, _ENCODERS], key="compare-part", required=True,
        label_visibility="collapsed", persist_state="session",
    ) or _CONFIGURATIONS  # fmt: skip


def _encoders(recipe: Recipe | None) -> None:
    """Two encoders side by side, over the collection in the sidebar."""
    if recipe is None:
        _no_collection("Add a collection of pictures first; they need no labels.")
        return
    _forget_linked()
    with errors_shown():
        disagreement_view(_card_of(recipe), recipe)


def _forget_linked(kept: str = "") -> None:
    """Take comparisons that are not shown out of the address."""
    for kind in (EXPERIMENTS, INVARIANCES):
        if kind.key != kept and kind.key in st.query_params:
            del st.query_params[kind.key]


def _card_of(recipe: Recipe) -> CollectionCard:
    return next(card for card in collection_cards() if card.name == recipe.collection)


def _kind(
    kind: Kind,
    recipe: Recipe | None,
    shown: Callable[[Seen], None],
    forms: Callable[[CollectionCard, Recipe], None],
    best: Callable[[Seen], str],
) -> None:
    """The open comparison of a kind, the form that starts a new one, and the others."""
    view = opened(kind)
    write_opened(kind, view)
    _forget_linked(kind.key)
    if view is not None:
        with errors_shown():
            shown(view)
    if recipe is not None:
        new_one(kind, partial(forms, _card_of(recipe), recipe), folded=view is not None)
    with errors_shown():
        comparison_list(kind, view.name if view else "", best)


# ── a new one ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _experiment_forms(card: CollectionCard, recipe: Recipe) -> None:
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
    actions["Add pictures with labels"] = partial(add_pictures)
    empty_state(
        f"No labels in {card.title}",
        "A result counts as correct if it has the label of the query, so at least two pictures must share a label. "
        "Folders become labels when pictures are added, and so does a column of a CSV.",
        {plain_text(label): action for label, action in actions.items()},
        key="compare-no-labels",
    )


def _choose(collection: str) -> None:
    st.session_state.collection = collection
