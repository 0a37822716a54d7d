"""The button that trains a classifier from a measured model, on all labelled items."""

from __future__ import annotations

from itertools import chain, count

import streamlit as st

from engine.core.errors import BenzerError
from ui.pages.classify.classifier_state import HERE, VIEW, classifiers, train

_MOST_OF_A_TITLE = 80  # characters, as of every run


def keep_button(name: str, fusion: str, title: str, key: str) -> None:
    """Draw it for the model `fusion` of the classification `name`; a click starts the training and shows it.

    Args:
        title: that of the classifier.
    """
    if st.button(
        "Make a classifier",
        key=key,
        icon=":material/model_training:",
        on_click=_keep,
        args=(name, fusion, title),
        help="Trains this model on all labelled items and keeps it: to predict new items, to label a collection, "
        "and to "
        "search with it.",
    ):
        st.rerun()  # all of the page, where only the part with the button would be drawn again


def _keep(name: str, fusion: str, title: str) -> None:
    try:
        train(name, fusion, fresh_title(title))
        st.session_state[VIEW] = HERE
    except BenzerError as error:
        st.session_state.complaint = str(error)


def fresh_title(title: str) -> str:
    """The title, shortened if too long, with a number appended if a finished classifier has it already."""
    taken = {run.title for run in classifiers() if run.state == "done"}
    numbered = (f"{title[: _MOST_OF_A_TITLE - 5].rstrip()} {number}" for number in count(2))
    return next(one for one in chain([title[:_MOST_OF_A_TITLE].strip()], numbered) if one not in taken)
