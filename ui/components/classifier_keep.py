"""The button that makes a classifier of a measured model: trained once more, on everything that has a label."""

from __future__ import annotations

import streamlit as st

from engine.errors import BenzerError
from ui.classifier_state import HERE, VIEW, train

_MOST_OF_A_TITLE = 80  # characters, as of every run


def keep_button(name: str, fusion: str, title: str, key: str) -> None:
    """Draw it for the model `fusion` of the classification `name`; a click starts the training and shows it.

    Args:
        title: what the classifier will be called.
    """
    st.button(
        "Make a classifier",
        key=key,
        icon=":material/model_training:",
        on_click=_keep,
        args=(name, fusion, title[:_MOST_OF_A_TITLE]),
        help="Trains this model once more, on all labelled things, and keeps it: to try it on anything, "
        "to name what has no label yet, and to search with it.",
    )


def _keep(name: str, fusion: str, title: str) -> None:
    try:
        train(name, fusion, title)
        st.session_state[VIEW] = HERE
    except BenzerError as error:
        st.session_state.complaint = str(error)
