"""The confusion matrix of a model, and the items of a chosen cell."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from engine.classification import measures
from engine.core.humanize import count_of
from ui.comparisons.state import Seen
from ui.pages.classify import charts
from ui.pages.classify.cards import item_cards, paged
from ui.pages.classify.state import findings
from ui.shared.charts import draw_points
from ui.shared.plain_text import plain_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PAGE = 12  # cards
MOST = 60  # classes that a matrix holds
_MANY = 12  # classes from which the matrix is worth cutting down
_BY_NAME, _BY_CONFUSION = "by name", "most confused first"
_IS, _CALLED = "classification-is", "classification-called"


def confusion(view: Seen, fusion: str) -> None:
    """Draw the matrix with its choices, and below it the items of the chosen cell."""
    classes, counts = findings(view).counts(fusion)
    only, ordered = _choices(len(classes))
    names, shown = arranged(classes, counts, only=only, by_confusion=ordered)
    if len(names) < 2:
        st.success("No errors.", icon=":material/check_circle:")
        names, shown = list(classes), counts
    cell = _cell(classes, counts)
    key = f"classification-matrix-{view.name}-{fusion}-{len(names)}-{ordered}"
    figure = charts.confusion_chart(names, shown, cell)
    draw_points(figure, key=key, alt=charts.spoken_confusion(names, shown), on_pick=partial(_take, names))
    st.caption("Rows: true class; columns: predicted class; numbers: items. Click a number to see them.")
    _cell_items(view, fusion, classes, cell)


def _choices(classes: int) -> tuple[bool, bool]:
    """Whether only confused classes are shown, and whether the most confused come first."""
    with st.container(horizontal=True, vertical_alignment="center"):
        only = st.toggle(
            "Only confused classes", classes > _MANY, key="classification-confused", persist_state="session",
            help="Hides classes without any error.",
        )  # fmt: skip
        order = st.segmented_control(
            "Order", [_BY_NAME, _BY_CONFUSION], key="classification-order", default=_BY_CONFUSION, required=True,
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
    return only, order == _BY_CONFUSION


def arranged(
    classes: Sequence[str], counts: NDArray[np.int64], *, only: bool, by_confusion: bool, most: int = MOST
) -> tuple[list[str], NDArray[np.int64]]:
    """The classes to show, in order, with their part of the matrix: at most the `most` confused ones."""
    wrong = counts - np.diag(np.diag(counts))
    amount = wrong.sum(0) + wrong.sum(1)
    places = sorted(range(len(classes)), key=lambda place: (-int(amount[place]), classes[place]))
    places = [place for place in places if amount[place] or not only][:most]
    places = places if by_confusion else sorted(places)
    return [classes[place] for place in places], counts[np.ix_(places, places)]


# ── one cell ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _cell(classes: Sequence[str], counts: NDArray[np.int64]) -> tuple[str, str] | None:
    """(true class, predicted class) of the chosen cell; at first the most frequent confusion."""
    state = st.session_state
    if {state.get(_IS), state.get(_CALLED)} <= set(classes):
        return state[_IS], state[_CALLED]
    pairs = measures.confused(classes, counts)
    if not pairs:
        return None
    state[_IS], state[_CALLED] = pairs[0][1:]
    return pairs[0][1:]


def _take(names: Sequence[str], key: str) -> None:
    own, predicted = key.split(":")
    st.session_state[_IS], st.session_state[_CALLED] = names[int(own)], names[int(predicted)]


def _cell_items(view: Seen, fusion: str, classes: Sequence[str], cell: tuple[str, str] | None) -> None:
    if cell is None:
        return
    left, right = st.columns(2)
    own = left.selectbox("True class", classes, key=_IS, persist_state="session")
    predicted = right.selectbox("Predicted class", classes, key=_CALLED, persist_state="session")
    answers = sorted(findings(view).answers(fusion, own, predicted), key=lambda answer: -answer.fused[0][1])
    if not answers:
        st.caption(f"No {plain_text(own)} was predicted as {plain_text(predicted)}.")
        return
    kind = "predicted correctly" if own == predicted else f"predicted as {plain_text(predicted)}"
    st.markdown(f"**{count_of(len(answers), 'item')} of {plain_text(own)} {kind}**, highest confidence first")
    key = f"classification-cell-{view.name}-{fusion}-{classes.index(own)}-{classes.index(predicted)}"
    paged(
        answers, f"{key}-shown", _PAGE,
        lambda part: item_cards(view.plan, part, key=key, title=f"{own} predicted as {predicted}"),
    )  # fmt: skip
