"""Trained classifiers: all of them, newest first, and the actions on the open one."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine.classification.best import accuracy_interval
from engine.classification.classifiers import remove_classifier
from engine.classification.plan import FUSIONS
from engine.classification.predictions import SuggestedLabels
from engine.core.humanize import count_of, percent
from engine.jobs.job import Job
from engine.runs.run import Run
from ui.comparisons.live import made_text
from ui.pages.classify.classifier_apply import apply_view
from ui.pages.classify.classifier_review import review_view
from ui.pages.classify.classifier_state import (
    APPLY,
    MODELS,
    OPEN,
    REVIEW,
    STARTED,
    TRY,
    VIEW,
    classifiers,
    go_on,
    job_of,
    measured_of,
    open_classifier,
    opened,
    tab_key,
    trainings,
    under_review,
    write_opened,
)
from ui.pages.classify.classifier_try import try_view
from ui.pages.classify.state import text_title
from ui.pages.classify.suggested import suggested_card, suggested_view
from ui.session.opened import workbench
from ui.shared.job_progress import job_progress
from ui.shared.messages import empty_state, errors_shown, show_complaint
from ui.shared.plain_text import plain_text
from ui.shared.rename_delete import confirm_buttons, rename_field
from ui.shared.titles import encoder_titles

SHOWN = 8
_STATES = {
    "done": ":material/check_circle: ready",
    "training": ":material/model_training: training",
    "stopped": ":material/pause_circle: stopped",
    "failed": ":material/error: failed",
    "interrupted": ":material/power_off: interrupted",
}


def classifiers_view() -> None:
    """Draw the open classifier, running trainings, and the other classifiers."""
    show_complaint()
    for job in trainings():
        _training(job)
    run = opened()
    name = st.session_state.setdefault(OPEN, "")
    if name and run is None:
        st.warning(f"The classifier “{plain_text(name)}” does not exist any more.", icon=":material/info:")
        open_classifier("")
    write_opened(run)
    if run is not None:
        with errors_shown():
            suggested_view(run) if isinstance(run, SuggestedLabels) else _open(run)
    if not isinstance(run, SuggestedLabels):
        suggested_card()
    with errors_shown():
        _others(run.name if run else "")


# ── the others ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _training(job: Job) -> None:
    if job.alive:
        job_progress(job, key="classifier")
        st.caption("Runs in the background; you can leave this page.")
    else:
        st.error(plain_text(job.error), icon=":material/error:")


def _others(shown: str) -> None:
    every = classifiers()
    if not every:
        _none_yet()
        return
    found = [run for run in every if run.name != shown]
    if not found:
        return
    st.header("Other classifiers" if shown else "Classifiers", anchor=False)
    most = st.session_state.get("classifiers_shown", SHOWN)
    for run in found[:most]:
        with errors_shown():
            _card(run)
    if len(found) > most:
        more = partial(st.session_state.update, classifiers_shown=len(found))
        st.button(f"Show {len(found) - most} more", key="classifiers-more", on_click=more)


def _none_yet() -> None:
    if any(job.alive for job in trainings()):
        return
    sentence = (
        "A classifier predicts the label of new items, labels a collection, and finds pictures by text. Compare models "
        "first, then press Make a classifier below the best one."
    )
    go = partial(st.session_state.update, {VIEW: MODELS})
    empty_state("No classifier yet", sentence, {"Compare models": go}, key="classifiers-none")


def _card(run: Run) -> None:
    with st.container(border=True, key=f"classifier-card-{run.name}", gap="small"):
        row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
        with row, st.container(gap="xsmall"):
            st.markdown(f"**{plain_text(run.title)}** &ensp; {_STATES.get(run.state, plain_text(run.state))}")
            st.caption(plain_text(summary(run)))
            st.markdown(how_good(run))
        row.button(
            "Open", key=f"classifier-open-{run.name}", icon=":material/open_in_new:", on_click=open_classifier,
            args=(run.name,),
        )  # fmt: skip


def summary(run: Run) -> str:
    """For example "Late fusion · mobilenet-v2 and tf-idf · 25 classes · trained on 839 of Products · …"."""
    card = run.card
    picture = card["picture"] and encoder_titles().get(written(card["picture"]), card["picture"]["encoder"])
    seen = " and ".join(filter(None, [picture, card["text"] and text_title(card["text"])]))
    learned = f"trained on {count_of(int(card['images']), 'item')} of {card['collection']['title']}"
    parts = [FUSIONS.get(str(card.get("fusion")), ""), seen, f"{len(card['classes']):,} classes", learned]
    return " · ".join([*filter(None, parts), made_text(float(run.facts.get("created", 0.0)))])


def written(picture: dict[str, str]) -> str:
    """The written form of a picture encoder in a recipe."""
    return f"{picture['encoder']}@{picture['weights']}" if picture["weights"] else picture["encoder"]


def how_good(run: Run) -> str:
    """The measured accuracy of its model, as Markdown."""
    found = measured_of(run)
    if found is None:
        return "Accuracy not measured, or its classification has been deleted."
    asked, right = found.at_least(0.0)
    interval = f" ({accuracy_interval(right, asked)})" if asked else ""
    text = f"**{percent(found.accuracy, 1)}**{interval} accuracy in {found.folds}-fold "
    text += f"cross-validation, macro F1 {found.f1:.3f}"
    return text + ("" if found.same else " (measured before labels, texts or pictures were changed)")


# ── the one that is open ─────────────────────────────────────────────────────────────────────────────────────────────


def _open(run: Run) -> None:
    _head(run)
    with st.container(gap="xsmall"):
        st.caption(plain_text(summary(run)))
        st.markdown(how_good(run))
    if run.state == "done":
        _work(run)
    elif run.state != "training":
        _cut_off(run)
    elif job_of(run) is None:
        st.info("Training was started from the command line; stop it there.", icon=":material/model_training:")


def _head(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.header(plain_text(run.title), anchor=False)
        with st.container(horizontal=True, width="content", gap="small"):
            with st.popover("More", key=f"classifier-more-{run.name}", on_change="rerun") as panel:
                if panel.open:
                    _more(run)
            st.button("Close", key="classifier-close", icon=":material/close:", on_click=open_classifier, args=("",))


def _more(run: Run) -> None:
    rename_field("Title", run.title, run.rename, f"classifier-name-{run.name}", f"classifier-rename-{run.name}", 80)
    if st.button("Delete …", key=f"classifier-delete-{run.name}", icon=":material/delete:", disabled=run.alive):
        _ask_to_delete(run)


@st.dialog("Delete this classifier?")
def _ask_to_delete(run: Run) -> None:
    st.write(
        f"**{plain_text(run.title)}** with its predictions and your decisions will be permanently deleted. Labels "
        "written to collections are kept; searching with it will no longer work."
    )
    delete = partial(remove_classifier, workbench().home, run.name)
    confirm_buttons("Delete classifier", delete, "classifier-delete", then=partial(_forget, run))


def _forget(run: Run) -> None:
    """Nothing in the session speaks of a deleted classifier any more."""
    open_classifier("")
    st.session_state.pop(STARTED, None)
    if st.session_state.get("encoder") == f"fused@{run.name}":
        del st.session_state["encoder"]


def _cut_off(run: Run) -> None:
    texts = {
        "stopped": "Training was stopped. Progress is kept.",
        "interrupted": "Training was interrupted. Progress is kept.",
    }
    with st.container(border=True, key="classifier-ended"):
        if run.error:
            st.error(plain_text(run.error), icon=":material/error:")
        else:
            st.markdown(f":material/pause_circle: {texts.get(run.state, plain_text(run.state))}")
        if st.button("Continue", key=f"classifier-go-on-{run.name}", type="primary", icon=":material/resume:"):
            with errors_shown():
                go_on(run)
                st.rerun()


def _work(run: Run) -> None:
    """Tabs to try it, apply it and review its predictions."""
    parts = {TRY: try_view, APPLY: apply_view, REVIEW: review_view}
    key = tab_key(run)
    if key not in st.session_state:  # one whose review is not ended yet is continued
        st.session_state[key] = REVIEW if under_review(run) else TRY
    shown = st.segmented_control(
        "What to do with it", list(parts), key=key, label_visibility="collapsed", required=True,
        persist_state="session",
    )  # fmt: skip
    with errors_shown():
        parts[shown or TRY](run)
