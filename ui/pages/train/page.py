"""The training page: train an encoder on the chosen collection, watch its progress, and search with the result."""

from __future__ import annotations

import streamlit as st

from engine.core.recipe import Recipe
from ui.pages.train.form import training_form
from ui.pages.train.live import training_news, training_now
from ui.pages.train.runs_list import runs_list
from ui.pages.train.state import trainings
from ui.shared.first_ways import add_pictures
from ui.shared.messages import empty_state, errors_shown, show_complaint


def page() -> None:
    """Draw the training that runs or ended last, the form that starts one, and the runs."""
    st.title("Train", anchor=False)
    show_complaint()
    recipe: Recipe | None = st.session_state.recipe
    if recipe is None:
        empty_state(
            "Nothing to train on yet",
            "Add a collection of pictures first.",
            {"Add pictures": add_pictures},
            key="train-empty",
        )
        return
    now = trainings()
    top, form, below = st.container(), st.container(), st.container()
    with top, errors_shown():
        if now.busy:
            training_now(now)
        elif now.ended is not None:
            training_news(now.ended)
    with form:
        _new(recipe.collection, busy=now.busy)
    with below, errors_shown():
        runs_list(recipe.collection, busy=now.busy)


def _new(collection: str, *, busy: bool) -> None:
    """The form: open while nothing runs, else folded away."""
    if not busy:
        st.header("Train a new encoder", anchor=False)
        with errors_shown():
            training_form(collection, waits=False)
        return
    panel = st.expander("Train another encoder", icon=":material/add:", key="train-another", on_change="rerun")
    if panel.open:
        with panel, errors_shown():
            training_form(collection, waits=True)
