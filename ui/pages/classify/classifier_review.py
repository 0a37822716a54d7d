"""The review of predictions: accept or correct them, the lowest confidence first, then write them to the collection."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import streamlit as st

from engine.classification.predictions import Predictor, source_of
from engine.classification.review import Review, decide, write_decided
from engine.collections.labelling import last_writing, undo_labels
from engine.core.errors import BenzerError
from engine.core.humanize import count_of, percent
from engine.evaluation.statistics.proportion import at_most
from ui.comparisons.live import made_text
from ui.pages.classify.classifier_cards import one_by_one
from ui.pages.classify.classifier_state import APPLY, applied_to, collection_key, measured_of, reviewed, tab_key
from ui.session.opened import open_collection, workbench
from ui.shared.messages import empty_state, errors_shown, show_complaint
from ui.shared.plain_text import plain_text
from ui.shared.rename_delete import confirm_buttons
from ui.shared.titles import collection_title

_SURE = (0.99, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.0)


def review_view(run: Predictor) -> None:
    """Draw the predictions for a collection and their review."""
    names = [name for name, _ in applied_to(run)]
    if not names:
        go = partial(st.session_state.update, {tab_key(run): APPLY})
        sentence = "No predictions yet. Apply it to a collection; its predictions are reviewed here."
        empty_state("Nothing to review yet", sentence, {"Apply": go}, key="classifier-nothing")
        return
    key = collection_key(run)
    if st.session_state.get(key) not in names:
        st.session_state[key] = names[0]
    if len(names) > 1:
        st.selectbox("Collection", names, key=key, format_func=collection_title, persist_state="session", width=360)
    name = str(st.session_state[key])

    @st.fragment(key=f"classifier-review-{run.name}-{name}")
    def part() -> None:
        if "go_to" in st.session_state:
            st.rerun()
        with errors_shown():
            _draw(run, name)

    part()


def _draw(run: Predictor, name: str) -> None:
    show_complaint()
    found = reviewed(run, name)
    if found is None:
        return
    _written(run, name)
    if not found.predictions:
        st.info("None of the predicted items is in this collection any more.", icon=":material/info:")
        return
    _head(run, name, found)
    if found.undecided:
        _accept_confident(run, name, found)
    one_by_one(run, name, found, partial(_decide, run, name))


def _decide(run: Predictor, name: str, decisions: Mapping[int, str | None]) -> None:
    try:
        decide(workbench().home, run.name, name, decisions)
    except BenzerError as error:
        st.session_state.complaint = str(error)


# ── the whole of it ──────────────────────────────────────────────────────────────────────────────────────────────────


def _head(run: Predictor, name: str, review: Review) -> None:
    """How far it is, the button that writes, and the table to take away."""
    made = [review.decision(one) for one in review.predictions]
    counts = " · ".join(f"{made.count(what):,} {what}" for what in ("accepted", "corrected", "skipped"))
    done, every = len(made) - made.count(""), len(made)
    st.progress(done / every, text=f"{done:,} of {every:,} decided · {counts}")
    with st.container(horizontal=True, vertical_alignment="center"):
        waiting = len(review.waiting)
        label = f"Write {count_of(waiting, 'label')} to the collection" if waiting else "Nothing to write"
        if st.button(
            label, key="review-write", type="primary", icon=":material/save:", disabled=not waiting,
            help="Until then nothing is changed in the collection.",
        ):  # fmt: skip
            _ask_to_write(run, name, review)
        st.download_button(
            "CSV", lambda: review.to_csv().encode("utf-8-sig"), f"{run.name}-{name}.csv", "text/csv",
            key="review-csv", icon=":material/download:", on_click="ignore",
            help="One row per item, with the prediction and the decision.",
        )  # fmt: skip
        with st.popover("Undo …", key="review-back-many"):
            _take_back_all(run, name, review)


def _take_back_all(run: Predictor, name: str, review: Review) -> None:
    """Forget every decision that is not in the collection: those that were accepted many at once, too."""
    ids = [one.id for one in review.predictions if one.id in review.decisions]
    those = [id for id in ids if id in review.waiting or not review.decisions[id]]
    st.button(
        f"Undo {count_of(len(those), 'decision')}", key="review-forget", icon=":material/undo:",
        disabled=not those, on_click=_decide, args=(run, name, dict.fromkeys(those)),
        help="All decisions that are not written yet; each can also be undone on its own.",
    )  # fmt: skip


@st.dialog("Write the labels?")
def _ask_to_write(run: Predictor, name: str, review: Review) -> None:
    new = sum(not review.labels[id] for id in review.waiting)
    changed = len(review.waiting) - new
    parts = [f"{count_of(new, 'item')} without a label will get one"] if new else []
    parts += [f"{count_of(changed, 'label')} will be changed"] if changed else []
    st.write(f"In **{plain_text(collection_title(name))}** {' and '.join(parts)}. You can undo this afterwards.")
    confirm_buttons("Write labels", partial(write_decided, workbench().home, run.name, name), "review-write")


def _written(run: Predictor, name: str) -> None:
    """What was written last, with Undo, where it came from this classifier."""
    note = last_writing(open_collection(name))
    if note is None or (note["by"], note["what"]) != ("classifier", source_of(run)):
        return
    with st.container(horizontal=True, vertical_alignment="center", key="review-written"):
        text = f"{count_of(note['count'], 'label')} written to {plain_text(collection_title(name))}"
        st.success(f"{text}, {made_text(note['made'])}.", icon=":material/check_circle:")
        st.button(
            "Undo", key="review-undo", icon=":material/undo:", on_click=_undo, args=(name, note["made"]),
            help="Removes these labels again; your decisions are kept and can be written again.",
        )  # fmt: skip


def _undo(name: str, made: float) -> None:
    try:
        undo_labels(open_collection(name), made)
    except BenzerError as error:
        st.session_state.complaint = str(error)


# ── many at once ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _accept_confident(run: Predictor, name: str, review: Review) -> None:
    """Accept all predictions with a minimum confidence, beside the number of errors to expect."""
    with st.expander("Accept all with high confidence", icon=":material/done_all:", key="review-surer"):
        left, right = st.columns([1, 2.4], vertical_alignment="center", gap="medium")
        confidence = left.selectbox(
            "Minimum confidence", _SURE, index=1, key=f"review-sure-{run.name}",
            format_func=lambda share: percent(share) if share else "any", persist_state="session",
        )  # fmt: skip
        those = [one for one in review.undecided if one.confidence >= confidence]
        with right:
            st.markdown(expected(run, len(those), float(confidence)))
            st.button(
                f"Accept {len(those):,}", key="review-accept-surer", icon=":material/done_all:", disabled=not those,
                on_click=_decide, args=(run, name, {one.id: one.predicted for one in those}),
            )  # fmt: skip


def expected(run: Predictor, count: int, confidence: float) -> str:
    """How many predictions reach the confidence, and the number of errors expected among them, as Markdown."""
    has = "has" if count == 1 else "have"
    text = f"**{count_of(count, 'undecided item')}** {has} at least {percent(confidence)} confidence."
    measured = measured_of(run)
    asked, right = measured.at_least(confidence) if measured else (0, 0)
    if not asked or not count:
        return f"{text} Their accuracy was not measured." if count else text
    share = f"{right:,} of {asked:,} such predictions were correct"
    wrong, most = count * (1 - right / asked), at_most(asked - right, asked)
    about = f"about **{wrong:.0f}** errors among them, " if round(wrong) else ""
    bound = f"**{math.floor(count * most):,}** ({percent(most, 1)}, with 95 % confidence)"
    return f"{text} In cross-validation {share}: expect {about}at most {bound}."
