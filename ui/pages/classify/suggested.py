"""Suggested labels: what pictures show, without training; applied to a collection and reviewed like a classifier's
predictions.
"""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine.classification.predictions import SUGGESTED, SuggestedLabels
from engine.core.humanize import count_of
from ui.comparisons.live import made_text
from ui.pages.classify.classifier_review import review_view
from ui.pages.classify.classifier_state import (
    APPLY,
    REVIEW,
    applied_to,
    collection_key,
    open_classifier,
    tab_key,
    under_review,
)
from ui.session.opened import collection_cards, images_of, recent_jobs, workbench
from ui.shared.job_progress import job_progress
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text
from ui.shared.titles import collection_title

_UNLABELLED, _ALL = "Only pictures without a label", "All pictures"
_WHAT = (
    "The most probable of 1,000 kinds of animals, plants, food and objects, or of labels that you type. It knows no "
    "people, scenes or actions."
)


def suggested_card() -> None:
    """The way to suggested labels, if the network that recognises pictures is installed."""
    if not workbench().sees_words():
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="medium", key="suggested-card"):
        with st.container(gap="xsmall"):
            st.markdown("**Suggested labels** &ensp; :material/check_circle: no training")
            st.caption(_WHAT)
        st.button(
            "Open", key="suggested-open", icon=":material/open_in_new:", on_click=open_classifier, args=(SUGGESTED,),
        )  # fmt: skip


def suggested_view(labels: SuggestedLabels) -> None:
    """Draw the form that applies suggested labels, and their review."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.header(labels.title, anchor=False)
        st.button("Close", key="suggested-close", icon=":material/close:", on_click=open_classifier, args=("",))
    st.caption(_WHAT)
    key = tab_key(labels)
    st.session_state.setdefault(key, REVIEW if under_review(labels) else APPLY)
    shown = st.segmented_control(
        "What to do", [APPLY, REVIEW], key=key, label_visibility="collapsed", required=True, persist_state="session",
    )  # fmt: skip
    with errors_shown():
        (review_view if shown == REVIEW else _apply)(labels)


def _apply(labels: SuggestedLabels) -> None:
    jobs = recent_jobs("suggest")
    alive = next((job for job in jobs if job.alive), None)
    if alive is not None:
        job_progress(alive, key="suggested")
        st.caption("Runs in the background; you can leave this page.")
        return
    if jobs and jobs[0].error:
        st.error(plain_text(jobs[0].error), icon=":material/error:")
    _form(labels)
    for name, made in applied_to(labels):
        with st.container(horizontal=True, vertical_alignment="center", border=True, key=f"suggested-for-{name}"):
            st.markdown(f"**{plain_text(collection_title(name))}** &ensp; suggested on {made_text(made)}")
            st.button(
                "Review", key=f"suggested-review-{name}", icon=":material/rate_review:",
                on_click=partial(st.session_state.update, {collection_key(labels): name, tab_key(labels): REVIEW}),
            )  # fmt: skip


def _form(labels: SuggestedLabels) -> None:
    names = [card.name for card in collection_cards() if card.count]
    if not names:
        st.info("There is no collection with pictures yet.", icon=":material/info:")
        return
    own = st.session_state.get("collection")
    left, right = st.columns([1, 1], gap="large")
    with left:
        name = str(st.selectbox(
            "Collection", sorted(names, key=lambda name: name != own), key="suggested-collection",
            format_func=collection_title, persist_state="session",
        ))  # fmt: skip
        which = st.segmented_control(
            "Pictures", [_UNLABELLED, _ALL], key="suggested-which", default=_UNLABELLED, required=True,
            persist_state="session",
        )  # fmt: skip
        among = st.text_input(
            "Labels to choose from", key="suggested-among", placeholder="cat, dog, horse", persist_state="session",
            help="Separated by commas. Leave it empty for the most probable of the 1,000 kinds.",
        )  # fmt: skip
    with right:
        _start(labels, name, which == _ALL, str(among or ""))


def _start(labels: SuggestedLabels, name: str, every: bool, among: str) -> None:
    images = images_of(name)
    count = len(images) if every else sum(not label for label in images.labels)
    if not count:
        st.success("Every picture in this collection already has a label. Choose All pictures to check the labels.")
        return
    st.markdown(f"**{count_of(count, 'picture')}{'' if every else ' without a label'}**")
    st.caption("Nothing is written to the collection; you review the suggestions first.")
    words = [word.strip() for word in among.split(",") if word.strip()]
    st.button(
        "Suggest labels", key="suggested-start", type="primary", icon=":material/label:",
        on_click=_begin, args=(labels, name, every, words),
    )  # fmt: skip


def _begin(labels: SuggestedLabels, name: str, every: bool, among: list[str]) -> None:
    with errors_shown():
        st.session_state[collection_key(labels)] = name
        workbench().start("suggest", collection=name, every=every, among=among)
