"""The errors of a model, the highest confidence first: each item with its picture, its text and its predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from engine.classification.results import Prediction, Probabilities
from engine.core.humanize import count_of
from ui.comparisons.state import Seen
from ui.pages.classify.cards import item_cards, paged
from ui.pages.classify.state import findings

_PAGE = 12  # cards
_EVERY = "All classes"


def _right(predicted: Probabilities | None, answer: Prediction) -> bool:
    return predicted is not None and predicted[0][0] == answer.label


WHO: dict[str, Callable[[Prediction], bool]] = {
    "all": lambda answer: True,
    "only the picture was correct": lambda one: _right(one.picture, one) and not _right(one.text, one),
    "only the text was correct": lambda one: _right(one.text, one) and not _right(one.picture, one),
    "both were correct": lambda one: _right(one.picture, one) and _right(one.text, one),
    "neither was correct": lambda one: not _right(one.picture, one) and not _right(one.text, one),
}


def error_cards(view: Seen, fusion: str) -> None:
    """Draw the filters and the cards."""
    answers = sorted(findings(view).answers(fusion, wrong=True), key=lambda answer: (-answer.fused[0][1], answer.id))
    if not answers:
        st.success("No errors.", icon=":material/check_circle:")
        return
    asked = len(findings(view).answers(fusion))
    label, who = _filters(answers)
    kept = [answer for answer in answers if label in ("", answer.label) and WHO[who](answer)]
    of = f" of {len(answers):,}" if len(kept) < len(answers) else f" of {asked:,} items"
    st.markdown(f"**{count_of(len(kept), 'error')}**{of}, highest confidence first")
    if not view.plan.column:
        st.caption("An error may be a wrong label. A label is changed in the collection; the figures stay as measured.")
    key = f"classification-wrong-{view.name}-{fusion}-{list(WHO).index(who)}-{label}"
    paged(
        kept, f"{key}-shown", _PAGE,
        lambda part: item_cards(view.plan, part, key=key, title="Errors"),
    )  # fmt: skip


def _filters(answers: Sequence[Prediction]) -> tuple[str, str]:
    """(label, who was right) that are wanted; "" for every label."""
    labels = sorted({answer.label for answer in answers})
    if st.session_state.get("classification-wrong-label") not in (None, _EVERY, *labels):
        st.session_state["classification-wrong-label"] = _EVERY
    left, right = st.columns(2)
    label = left.selectbox("True class", [_EVERY, *labels], key="classification-wrong-label")
    who = "all"
    if any(answer.picture and answer.text for answer in answers):
        counts = {name: sum(map(fits, answers)) for name, fits in WHO.items()}
        who = right.selectbox(
            "Picture and text alone", list(WHO), key="classification-wrong-who",
            format_func=lambda name: f"{name} ({counts[name]:,})",
            help="Every model also predicts from the picture alone and from the text alone.",
        )  # fmt: skip
    return "" if label == _EVERY else label, who
