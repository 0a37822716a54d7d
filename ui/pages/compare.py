"""The compare page: an experiment is a grid of recipes over a labelled collection, measured cell by cell."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine.recipe import Recipe
from engine.workbench import CollectionCard
from ui.components.experiment_form import experiment_form
from ui.components.experiment_results import experiment_view
from ui.components.experiments_list import experiments_list
from ui.components.literal import literal
from ui.components.messages import empty_state, errors_shown
from ui.components.report_form import report_form
from ui.experiment_state import Seen, listed, open_experiment, seen_by_name
from ui.state import collection_cards, images_of, workbench

_OFFERED = 2  # other collections with labels


def page() -> None:
    """Draw the experiment that is open, the form that starts one, and the others."""
    st.title("Compare", anchor=False)
    recipe: Recipe | None = st.session_state.recipe
    if recipe is None and not listed():
        go = partial(st.session_state.update, go_to="collections")
        sentence = "Comparing needs a collection of pictures with labels."
        empty_state("Nothing to compare yet", sentence, {"Add pictures": go}, key="compare-empty")
        return
    view = _opened()
    if view is not None:
        with errors_shown():
            experiment_view(view)
    if recipe is not None:
        _new(recipe, folded=view is not None)
    with errors_shown():
        experiments_list(view.name if view else "")
    _write_address(view)


# ── which one is open ────────────────────────────────────────────────────────────────────────────────────────────────


def _opened() -> Seen | None:
    """The experiment of the address, or the chosen one; on a first visit the newest."""
    linked = st.query_params.get("experiment")
    if linked and linked != st.session_state.get("experiment_written") and not _chosen_since():
        open_experiment(linked)
    if "experiment" not in st.session_state:
        open_experiment(next((found.name for found in listed()), None))
    name = st.session_state.experiment
    if not name:
        return None
    view = seen_by_name(name)
    if view is None:
        st.warning(f"There is no experiment “{literal(name)}” here any more.", icon=":material/info:")
        open_experiment(None)
    return view


def _chosen_since() -> bool:
    """Whether another one was opened since the address was written: the browser still sent the one from before."""
    state = st.session_state
    return "experiment_written" in state and state.get("experiment") != state.experiment_written


def _write_address(view: Seen | None) -> None:
    """Put the open experiment into the address, so that the page can be shared."""
    name = view.name if view else ""
    st.session_state.experiment_written = name
    if st.query_params.get("experiment", "") != name:
        st.query_params.from_dict({"experiment": name} if name else {})


# ── a new one ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _new(recipe: Recipe, *, folded: bool) -> None:
    """The forms: open while no experiment is, else folded away."""
    card = next(card for card in collection_cards() if card.name == recipe.collection)
    if not folded:
        st.header("A new experiment", anchor=False)
        _forms(card, recipe)
        return
    panel = st.expander("A new experiment", icon=":material/add:", key="experiment-another", on_change="rerun")
    if panel.open:
        with panel:
            _forms(card, recipe)


def _forms(card: CollectionCard, recipe: Recipe) -> None:
    if not _shares_labels(card):
        _no_labels(card)
        return
    with errors_shown():
        experiment_form(card, workbench().default_recipe(recipe.collection))
    with errors_shown():
        report_form(card)


def _shares_labels(card: CollectionCard) -> bool:
    """Whether any two pictures carry the same label: only then there is something to judge by."""
    labels = [label for label in images_of(card.name).labels if label]
    return len(labels) > len(set(labels))


def _no_labels(card: CollectionCard) -> None:
    """Say why nothing can be compared, and offer collections that have labels."""
    labelled = [other for other in collection_cards() if other.labels and other.name != card.name]
    actions = {f"Use {other.title}": partial(_choose, other.name) for other in labelled[:_OFFERED]}
    actions["Add pictures with labels"] = partial(st.session_state.update, go_to="collections")
    empty_state(
        f"No labels in {card.title}",
        "An answer is judged by whether it carries the label of the query, so at least two pictures need the same one. "
        "Folders become labels when pictures are added, and so does a column of a CSV.",
        {literal(label): action for label, action in actions.items()},
        key="compare-no-labels",
    )


def _choose(collection: str) -> None:
    st.session_state.collection = collection
