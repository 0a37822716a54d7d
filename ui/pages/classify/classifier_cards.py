"""Predictions as cards to accept, correct or skip, in pages, the lowest confidence first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from engine.classification.predictions import Predictor, StoredPrediction
from engine.classification.review import Review
from engine.collections.collection import Images
from engine.core.humanize import probability
from ui.session.opened import images_of
from ui.widgets.component import component
from ui.widgets.gallery import thumbnail_url
from ui.widgets.predictions import bars

_HERE = Path(__file__).parent


PAGE = 20
TO_DECIDE, DECIDED, EVERY = "To decide", "Decided", "All"
_WORDS = 240  # characters of a text
_OTHERS = 2  # classes that one click gives in the place of what was said
_BARS = 2  # classes of a prediction
_LONGEST = 200  # characters of a label

Decide = Callable[[Mapping[int, str | None]], None]

_cards = component(
    "review", "predictions.css", _HERE / "classifier_review.css", "predictions.js", _HERE / "classifier_review.js"
)


def one_by_one(run: Predictor, name: str, review: Review, decide: Decide) -> None:
    """Draw the filter, one page of predictions, and a button for the next; `decide` stores the user's decisions."""
    shown, some, key = _filters(run, name, review)
    if shown == TO_DECIDE:
        left = sum(one.id not in review.decisions for one in some)
        batch, more = batch_of(some, review.decisions, st.session_state.get(key))
        st.session_state[key] = ([one.id for one in batch], _passed(key))
        where, turn = f"{left:,} to decide, lowest confidence first", partial(_next, key)
    else:
        start = int(st.session_state.get(key, 0))
        of = [one for one in some if shown == EVERY or one.id in review.decisions]
        start = start if start < len(of) else 0
        batch, more = of[start : start + PAGE], len(of) - start - PAGE
        where, turn = f"{start + 1:,} to {start + len(batch):,} of {len(of):,}", partial(_turn, key, start + PAGE)
    if not batch:
        st.info(
            "Everything here has been decided." if shown == TO_DECIDE else "Nothing here.", icon=":material/done_all:"
        )
        return
    st.caption(f"{where}. Keys: A accepts, C corrects, S skips, Z undoes, ↑ and ↓ move.")
    _draw(run, name, review, batch, decide)
    _turning(shown, more, key, turn, all(one.id in review.decisions for one in batch))


def _filters(run: Predictor, name: str, review: Review) -> tuple[str, list[StoredPrediction], str]:
    """Which half is shown, the predictions that may be, and the key of its page."""
    of = f"{run.name}-{name}"
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        shown = st.segmented_control(
            "Show", [TO_DECIDE, DECIDED, EVERY], key=f"review-show-{of}", default=TO_DECIDE, required=True,
            persist_state="session",
        )  # fmt: skip
        classes = sorted({one.predicted for one in review.predictions})
        predicted = st.selectbox(
            "Predicted", ["", *classes], key=f"review-said-{of}", width=220,
            format_func=lambda label: label or "anything", persist_state="session",
        )  # fmt: skip
        apart = not blind_to(run) and st.toggle(
            "Picture and text disagree", key=f"review-apart-{of}", persist_state="session"
        )
    some = [one for one in review.predictions if predicted in ("", one.predicted) and not (apart and agree(one))]
    return str(shown or TO_DECIDE), some, f"review-page-{of}-{review.made}-{shown}-{predicted}-{apart}"


def blind_to(run: Predictor) -> list[str]:
    """The sides that the classifier does not use: picture, text or none."""
    return [side for side in ("picture", "text") if not run.card.get(side)]


def agree(one: StoredPrediction) -> bool:
    """Whether picture and text predict the same class; true if only one of them is present."""
    return one.picture is None or one.text is None or one.picture[0][0] == one.text[0][0]


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def batch_of(
    some: Sequence[StoredPrediction], decisions: Mapping[int, str], former: tuple[Sequence[int], Sequence[int]] | None
) -> tuple[list[StoredPrediction], int]:
    """The predictions to decide on now, and the number of those that follow.

    A page keeps its predictions, decided or not, until the user turns it; undecided ones come again at the end.

    Args:
        former: the ids of the page as drawn last (none if it was turned), and those already shown.
    """
    ids, passed = former or ((), ())
    undecided = [one for one in some if one.id not in decisions]
    kept = set(ids)
    batch = [one for one in some if one.id in kept]
    if not batch:
        batch = ([one for one in undecided if one.id not in set(passed)] or undecided)[:PAGE]
        kept = {one.id for one in batch}
    return batch, sum(one.id not in kept for one in undecided)


def _passed(key: str) -> list[int]:
    former: tuple[Sequence[int], Sequence[int]] = st.session_state.get(key) or ((), ())
    return list(former[1])


def _next(key: str) -> None:
    ids, passed = st.session_state.get(key) or ((), ())
    st.session_state[key] = ((), [*passed, *ids])


def _turn(key: str, start: int) -> None:
    st.session_state[key] = max(start, 0)


def _turning(shown: str, more: int, key: str, turn: Callable[[], None], done: bool) -> None:
    with st.container(horizontal=True, horizontal_alignment="right"):
        start = st.session_state.get(key, 0)
        if shown != TO_DECIDE and start:
            back = partial(_turn, key, start - PAGE)
            st.button(f"Back {PAGE}", key="review-back", icon=":material/chevron_left:", on_click=back)
        if more > 0:
            st.button(
                f"Next {min(PAGE, more)}", key="review-next", icon=":material/chevron_right:", on_click=turn,
                type="primary" if done and shown == TO_DECIDE else "secondary",
            )  # fmt: skip


# ── cards ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _draw(run: Predictor, name: str, review: Review, batch: Sequence[StoredPrediction], decide: Decide) -> None:
    key = f"review-cards-{run.name}-{name}"

    def decided() -> None:
        wanted = checked(getattr(st.session_state.get(key), "decide", None), {one.id for one in review.predictions})
        if wanted:
            decide(wanted)

    images = images_of(name)
    labels = sorted({*run.card["classes"], *filter(None, images.labels)}, key=str.lower)
    items = [card(images, name, review, one, blind_to(run)) for one in batch]
    data = {"items": items, "labels": labels, "title": "Predictions to decide on", "longest": _LONGEST}
    _cards(data=data, key=key, on_decide_change=decided)


def others(one: StoredPrediction) -> list[str]:
    """Alternative labels: those predicted from picture and text alone, and the next most probable ones from both."""
    alone = [side[0][0] for side in (one.picture, one.text) if side]
    found = dict.fromkeys([*alone, *(label for label, _ in one.fused[1:])])
    return [label for label in found if label != one.predicted][:_OTHERS]


def checked(sent: object, known: set[int]) -> dict[int, str | None]:
    """The decisions that the browser sent, without invalid ones."""
    if not isinstance(sent, Mapping):
        return {}
    found: dict[int, str | None] = {}
    for id, label in sent.items():
        fits = label is None or (isinstance(label, str) and len(label) <= _LONGEST)
        if str(id).isdecimal() and int(id) in known and fits:
            found[int(id)] = label
    return found


def card(images: Images, name: str, review: Review, one: StoredPrediction, blind: Sequence[str] = ()) -> dict[str, Any]:
    """What the browser needs to draw a prediction; `blind` are the sides that its classifier does not use."""
    row = images.row(one.id)
    text = "" if row is None else " ".join(images.texts[row].split())
    picture, words = (
        "not used" if "picture" in blind else "no picture",
        "not used" if "text" in blind else "no text",
    )
    predicted = [("Picture", one.picture, picture), ("Text", one.text, words), ("Both", one.fused, "")]
    sides = [
        {"title": title, "bars": bars(what, _BARS), "note": "" if what else none} for title, what, none in predicted
    ]
    return {
        "id": one.id,
        "src": "" if row is None else thumbnail_url(name, one.id, images.hashes[row]),
        "name": one.name,
        "text": text if len(text) <= _WORDS else text[: _WORDS - 1] + "…",
        "now": review.labels[one.id],
        "predicted": one.predicted,
        "confidence": probability(one.confidence),
        "sides": sides,
        "others": others(one),
        "decision": review.decision(one),
        "decided": review.decisions.get(one.id),
        "written": bool(review.decisions.get(one.id)) and review.decisions[one.id] == review.labels[one.id],
    }  # fmt: skip
