"""Apply a classifier to a collection: the form, the running job, and earlier predictions."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine.core.humanize import count_of
from engine.jobs.job import Job
from engine.runs.run import Run
from ui.comparisons.live import made_text
from ui.pages.classify.classifier_state import REVIEW, applied_to, collection_key, tab_key
from ui.session.opened import collection_cards, has_texts, images_of, recent_jobs, workbench
from ui.shared.job_progress import job_progress
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text
from ui.shared.titles import collection_title

_UNLABELLED, _ALL = "Only items without a label", "All items"


def apply_view(run: Run) -> None:
    """Draw the job that applies it, or the form that starts one, and earlier predictions."""
    jobs = [job for job in recent_jobs("apply") if job.config["arguments"].get("name") == run.name]
    alive = next((job for job in jobs if job.alive), None)
    if alive is not None:
        job_progress(alive, key="classifier-apply")
        st.caption("Runs in the background; you can leave this page.")
        return
    if jobs:
        _ended(jobs[0])
    _form(run)
    _before(run)


def _ended(job: Job) -> None:
    """How the last one ended, where it came to nothing."""
    if job.error:
        st.error(plain_text(job.error), icon=":material/error:")
    elif job.state == "stopped":
        st.info("Stopped. Its earlier predictions are kept.", icon=":material/pause_circle:")


def _form(run: Run) -> None:
    names = fitting(run)
    if not names:
        st.info("No collection has the pictures or texts that this classifier needs.", icon=":material/info:")
        return
    left, right = st.columns([1, 1], gap="large")
    with left:
        name = st.selectbox(
            "Collection", names, key=f"classifier-collection-{run.name}",
            format_func=lambda name: _titled(run, name), persist_state="session",
        )  # fmt: skip
        which = st.segmented_control(
            "Items to predict", [_UNLABELLED, _ALL], key=f"classifier-which-{run.name}", default=_UNLABELLED,
            required=True, persist_state="session",
        )  # fmt: skip
    with right:
        _start(run, str(name), every=which == _ALL)


def fitting(run: Run) -> list[str]:
    """The collections it can be applied to, its own first: a classifier of texts alone needs texts."""
    own, reads_only = run.card["collection"]["name"], not run.card["picture"]
    names = [card.name for card in collection_cards() if card.count and (has_texts(card.name) or not reads_only)]
    return sorted(names, key=lambda name: name != own)


def _titled(run: Run, name: str) -> str:
    own = " (trained on this one)" if name == run.card["collection"]["name"] else ""
    return f"{collection_title(name)}{own}"


def _start(run: Run, name: str, every: bool) -> None:
    """Explain what can be predicted, and draw the start button."""
    images = images_of(name)
    count = len(images) if every else sum(not label for label in images.labels)
    if not count:
        st.success("Every item in this collection already has a label. Choose All items to check the labels.")
        return
    st.markdown(f"**{count_of(count, 'item')}{'' if every else ' without a label'}**")
    if run.card["picture"] and run.card["text"] and not has_texts(name):
        st.caption("None of them has a text: only the picture is used.")
    st.caption("Nothing is written to the collection; you review the predictions first.")
    st.button(
        "Predict labels", key="classifier-apply", type="primary", icon=":material/label:",
        on_click=_apply, args=(run, name, every),
    )  # fmt: skip


def _apply(run: Run, name: str, every: bool) -> None:
    with errors_shown():
        st.session_state[collection_key(run)] = name
        workbench().start("apply", name=run.name, collection=name, every=every, title=run.title)


def _before(run: Run) -> None:
    """What it has predicted for which collection, and the way to review that."""
    for name, made in applied_to(run):
        with st.container(horizontal=True, vertical_alignment="center", border=True, key=f"classifier-applied-{name}"):
            st.markdown(f"**{plain_text(collection_title(name))}** &ensp; applied on {made_text(made)}")
            st.button(
                "Review", key=f"classifier-review-{name}", icon=":material/rate_review:",
                on_click=partial(_review, run, name),
            )  # fmt: skip


def _review(run: Run, name: str) -> None:
    st.session_state[collection_key(run)] = name
    st.session_state[tab_key(run)] = REVIEW
