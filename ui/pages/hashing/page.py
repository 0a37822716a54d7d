"""The hashing page: a study measures search methods over one set of vectors against exact search."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine.core.recipe import Recipe
from ui.comparisons.list import comparison_list, new_one
from ui.comparisons.state import Seen, opened, write_opened
from ui.pages.hashing import lab_state
from ui.pages.hashing.form import study_form
from ui.pages.hashing.lab import lab_view
from ui.pages.hashing.results import advised, study_view
from ui.pages.hashing.source import source_fields
from ui.pages.hashing.state import STUDIES, findings
from ui.pages.hashing.tune import tune_form
from ui.session.history import went_through_history
from ui.shared.first_ways import add_pictures
from ui.shared.messages import errors_shown, show_complaint

_VIEWS = _BENCHMARKS, _LAB = "Benchmarks", "Hash lab"
_COMPARE, _TUNE = "Compare methods", "Tune for me"
_WANTED = 0.95


def page() -> None:
    """Draw the studies or the hash lab."""
    st.title("Search benchmarks", anchor=False)
    if lab_state.linked():
        st.session_state["hashing-view"] = _LAB
        lab_state.read()
    elif went_through_history() and STUDIES.key in st.query_params:
        st.session_state["hashing-view"] = _BENCHMARKS
    show_complaint()
    recipe: Recipe | None = st.session_state.recipe
    st.session_state.setdefault("hashing-view", _BENCHMARKS)
    view = st.segmented_control(
        "View", _VIEWS, key="hashing-view", required=True, label_visibility="collapsed", persist_state="session"
    )
    if view == _LAB:
        lab_view(recipe)
    else:
        lab_state.leave()
        _benchmarks(recipe)


def _benchmarks(recipe: Recipe | None) -> None:
    """Draw the open study, the forms that start a new one, and the other studies."""
    view = opened(STUDIES)
    write_opened(STUDIES, view)
    if view is not None:
        with errors_shown():
            study_view(view)
    new_one(STUDIES, partial(_forms, recipe), folded=view is not None)
    with errors_shown():
        comparison_list(STUDIES, view.name if view else "", best_sentence)


def best_sentence(view: Seen) -> str:
    """A study's recommendation for its target recall, as Markdown; "" if nothing was measured."""
    return advised(findings(view).advice(view.plan.tune or _WANTED)) if view.measured else ""


def _forms(recipe: Recipe | None) -> None:
    st.write(
        "How much faster than exact search are approximate methods (hash codes, HNSW, k-means), and what do they miss? "
        "Each method gets the same queries and vectors and is scored against the exact nearest neighbours."
    )
    if recipe is None:
        st.caption("There is no collection yet.")
        st.button("Add pictures", key="study-add", on_click=add_pictures)
    source = source_fields(recipe)
    if source is None:
        return
    way = st.segmented_control(
        "Task", [_COMPARE, _TUNE], key="study-way", default=_COMPARE, required=True, label_visibility="collapsed"
    )
    with errors_shown():
        (tune_form if way == _TUNE else study_form)(source)
