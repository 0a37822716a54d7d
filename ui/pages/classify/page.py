"""The classify page: cross-validation of models that use picture, text or both, and trained classifiers."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine.core.recipe import Recipe
from engine.workbench.workbench import CollectionCard
from ui.comparisons.list import comparison_list, new_one
from ui.comparisons.state import listed, opened, warn_of_link, write_opened
from ui.pages.classify.classifier_state import HERE, MODELS, VIEW, follow_link
from ui.pages.classify.classifiers import classifiers_view
from ui.pages.classify.form import classification_form
from ui.pages.classify.results import classification_view
from ui.pages.classify.source import columns_of
from ui.pages.classify.state import CLASSIFICATIONS, best_sentence
from ui.session.opened import collection_cards, images_of, open_collection, workbench
from ui.shared.first_ways import add_pictures
from ui.shared.messages import empty_state, errors_shown, show_complaint
from ui.shared.plain_text import plain_text

_OFFERED = 2  # other collections with labels
_SAMPLE = "products"


def page() -> None:
    """Draw the chosen half of the page: cross-validation or classifiers."""
    st.title("Classify", anchor=False)
    st.session_state.setdefault(VIEW, MODELS)
    if follow_link():
        st.session_state[VIEW] = HERE
    view = st.segmented_control(
        "Show", [MODELS, HERE], key=VIEW, required=True, label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    if view == HERE:
        classifiers_view()
    else:
        _compare()


def _compare() -> None:
    """Draw the classification that is open, the form that starts one, and the others."""
    show_complaint()
    recipe: Recipe | None = st.session_state.recipe
    if recipe is None and not listed(CLASSIFICATIONS):
        warn_of_link(CLASSIFICATIONS)
        _nothing()
        return
    view = opened(CLASSIFICATIONS)
    write_opened(CLASSIFICATIONS, view)
    if view is not None:
        with errors_shown():
            classification_view(view)
    if recipe is not None:
        _new(recipe, folded=view is not None)
    with errors_shown():
        comparison_list(CLASSIFICATIONS, view.name if view else "", best_sentence)


# ── a new one ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _new(recipe: Recipe, *, folded: bool) -> None:
    card = next(card for card in collection_cards() if card.name == recipe.collection)
    new_one(CLASSIFICATIONS, partial(_form, card), folded=folded)


def _form(card: CollectionCard) -> None:
    classes = len({label for label in images_of(card.name).labels if label})
    if classes < 2 and not columns_of(open_collection(card.name)):
        _no_labels(card)
        return
    with errors_shown():
        classification_form(card)


# ── nothing to learn from ────────────────────────────────────────────────────────────────────────────────────────────


def _nothing() -> None:
    sentence = "Classification needs items with labels. The sample of drawn products has labels and texts."
    actions = {**_sample(), "Add pictures": partial(add_pictures)}
    empty_state("Nothing to classify yet", sentence, actions, key="classify-empty")


def _no_labels(card: CollectionCard) -> None:
    """Say why nothing can be learned, and offer collections that have labels."""
    labelled = [other for other in collection_cards() if other.labels > 1 and other.name != card.name]
    actions = {f"Use {other.title}": partial(_choose, other.name) for other in labelled[:_OFFERED]}
    actions |= {} if labelled else _sample()
    actions["Add pictures with labels"] = partial(add_pictures)
    empty_state(
        f"Too few labels in {card.title}",
        "A classifier is trained on items with known labels, so at least two different labels are needed. Folders "
        "become "
        "labels when pictures are added, and so does a column of a table.",
        {plain_text(label): action for label, action in actions.items()},
        key="classify-no-labels",
    )


def _sample() -> dict[str, partial[None]]:
    """The offer to draw products, unless they are there."""
    if any(card.name == _SAMPLE for card in collection_cards()):
        return {}
    return {"Add the sample products": partial(_draw)}


def _draw() -> None:
    workbench().start("sample", name=_SAMPLE)
    st.session_state.go_to = "collections"


def _choose(collection: str) -> None:
    st.session_state.collection = collection
