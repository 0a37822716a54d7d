"""Items as cards: picture, words, class, and the predictions from picture, text and both as bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from engine.classification.plan import ClassificationPlan
from engine.classification.results import Prediction, Probabilities
from engine.collections.collection import Images
from engine.collections.labelling import write_labels
from engine.core.errors import BenzerError, NotFound
from ui.pages.classify.state import search_similar, shortened
from ui.session.opened import images_of, open_collection
from ui.widgets.component import component
from ui.widgets.gallery import thumbnail_url
from ui.widgets.predictions import bars

_HERE = Path(__file__).parent


_WORDS = 160  # characters of a text that a card holds
_WHOLE = 1_000  # and of its tip

_cards = component("classify_cards", "predictions.css", _HERE / "cards.css", "predictions.js", _HERE / "cards.js")


def item_cards(plan: ClassificationPlan, answers: Sequence[Prediction], *, key: str, title: str) -> None:
    """Draw a card for each prediction; a click on its picture searches with it. Deleted items are left out.

    Where the classes are the collection's labels, that of an error can be changed to what was predicted, and back.
    """
    collection = plan.collection
    try:
        images = images_of(collection)
    except NotFound:
        st.caption("The collection has been deleted, so its pictures cannot be shown.")
        return
    items = cards_data(images, collection, answers, labelled=not plan.column)

    def picked() -> None:
        id = getattr(st.session_state.get(key), "pick", None)
        if isinstance(id, int):
            search_similar(collection, id)

    def labelled() -> None:
        given = getattr(st.session_state.get(key), "label", None)
        if isinstance(given, dict) and isinstance(given.get("id"), int):
            give_label(collection, given["id"], str(given.get("label")))

    if items:
        _cards(data={"items": items, "title": title}, key=key, on_pick_change=picked, on_label_change=labelled)
    if len(items) < len(answers):
        st.caption("Items that have been deleted since then are not shown.")


def give_label(collection: str, id: int, label: str) -> None:
    """Give an item a label; what prevents it is told at the head of the page."""
    try:
        write_labels(open_collection(collection), {id: label}, "the errors of a classification")
    except BenzerError as error:
        st.session_state.complaint = str(error)


def cards_data(
    images: Images, collection: str, answers: Sequence[Prediction], *, labelled: bool = False
) -> list[dict[str, Any]]:
    """What the browser needs to draw the cards; `labelled`: the classes are the collection's labels."""
    found = []
    for answer in answers:
        row = images.row(answer.id)
        if row is not None:
            now = {"now": images.labels[row]} if labelled and answer.predicted != answer.label else {}
            found.append(_card(images, collection, row, answer) | now)
    return found


def _card(images: Images, collection: str, row: int, answer: Prediction) -> dict[str, Any]:
    text = images.texts[row]
    return {
        "id": answer.id,
        "src": thumbnail_url(collection, answer.id, images.hashes[row]),
        "name": images.names[row],
        "text": shortened(text, _WORDS),
        "whole": shortened(text, _WHOLE),
        "label": answer.label,
        "predicted": answer.predicted,
        "sides": [{"title": title, "bars": marked(predicted, answer.label)} for title, predicted in sides_of(answer)],
    }


def sides_of(answer: Prediction) -> list[tuple[str, Probabilities]]:
    """(title, prediction) of each side that the model uses, and of both together."""
    alone = [("Predicted from the picture", answer.picture), ("Predicted from the text", answer.text)]
    known = [(title, predicted) for title, predicted in alone if predicted is not None]
    if len(known) == 1 and known[0][1] == answer.fused:
        return known
    return [*known, ("Predicted from both", answer.fused)]


def marked(predicted: Probabilities, label: str) -> list[dict[str, Any]]:
    """The bars of a prediction, with the true class marked."""
    return [{**one, "own": one["label"] == label} for one in bars(predicted)]


def paged(answers: Sequence[Prediction], key: str, page: int, draw: Callable[[Sequence[Prediction]], None]) -> None:
    """Draw the first predictions, and a button that shows this many more."""
    shown = st.session_state.get(key, page)
    draw(answers[:shown])
    if len(answers) > shown:
        more = min(page, len(answers) - shown)
        st.button(f"Show {more} more", key=f"{key}-more", on_click=_more, args=(key, shown + page))


def _more(key: str, count: int) -> None:
    st.session_state[key] = count
