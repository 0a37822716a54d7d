"""Try a classifier on one item, a picture, a text, or both: the predictions from each alone and from both."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from engine.core.errors import BenzerError, NotFound
from engine.core.humanize import percent, probability
from engine.core.storage import digest_of
from engine.runs.run import Run
from ui.pages.classify.classifier_state import measured_of, network_of
from ui.session.opened import images_of, open_collection, shown, workbench
from ui.session.query import SessionQuery
from ui.session.recipe import choose_encoder
from ui.shared.browser import PICTURE_TYPES, accept_paste
from ui.shared.messages import show_error
from ui.shared.plain_text import plain_text
from ui.widgets.component import component
from ui.widgets.gallery import Tile, gallery
from ui.widgets.predictions import bars

_HERE = Path(__file__).parent


_MOST = 2000  # characters of a text
_CLASSES = 60  # that are named
_TEXT, _UPLOADER, _TAKEN, _SAID = "classifier-text", "classifier-uploader", "classifier-taken", "classifier-said"

_prediction = component(
    "prediction", "predictions.css", _HERE / "classifier_try.css", "predictions.js", _HERE / "classifier_try.js"
)


def try_view(run: Run) -> None:
    """Draw the input on the left and the prediction on the right."""
    left, right = st.columns([1, 1.9], gap="large")
    with left:
        data, name, text = _asked(run)
    with right:
        if data is None and not text:
            _nothing_asked(run)
            return
        try:
            with st.spinner("Predicting …"):
                prediction = _cached_prediction(run, data, text)
        except BenzerError as error:
            show_error(error)
        else:
            _answer(run, prediction, data is not None, text)
            _similar(run, data, name, text)


# ── the input ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _asked(run: Run) -> tuple[bytes | None, str, str]:
    """The picture's bytes with its name, and the text."""
    card, state = run.card, st.session_state
    data, name = None, ""
    if card["picture"]:
        data, name = _picture()
    if card["text"]:
        with st.form("classifier-ask", border=False):
            st.text_area("Text", key=_TEXT, max_chars=_MOST, height=110, placeholder="Text that describes the item")
            st.form_submit_button("Predict", type="primary", icon=":material/question_answer:")
    with st.container(horizontal=True):
        own = card["collection"]["name"]
        st.button(
            "Random item", key="classifier-random", icon=":material/casino:", on_click=_take, args=(run,),
            disabled=not _there(own), help="Uses an item of the collection it was trained on.",
        )  # fmt: skip
        st.button("Reset", key="classifier-anew", icon=":material/restart_alt:", on_click=_put, args=(None, "", ""))
    return data, name, " ".join(str(state.get(_TEXT) or "").split()) if card["text"] else ""


def _picture() -> tuple[bytes | None, str]:
    """The uploaded picture, or that of the item that was taken."""
    with st.container(key="query-uploader"):
        file = st.file_uploader(
            "Drop, paste or choose a picture",
            type=PICTURE_TYPES,
            key=f"{_UPLOADER}-{st.session_state.get(_UPLOADER, 0)}",
            max_upload_size=200,
            help="The picture stays on this computer. You can also paste one anywhere on this page.",
        )
    accept_paste()
    data, name = (file.getvalue(), file.name) if file is not None else st.session_state.get(_TAKEN, (None, ""))
    with st.container():  # a fixed place: what comes and goes in it moves no button, so that none is drawn twice
        if data is not None:
            _preview(data, name)
    return data, name


def _preview(data: bytes, name: str) -> None:
    kept = st.session_state.get("classifier-shown")
    if kept is None or kept[0] != digest_of(data):
        try:
            kept = st.session_state["classifier-shown"] = (digest_of(data), shown(data))
        except BenzerError:  # the answer says what is wrong with it
            return
    with st.container(width=220):
        gallery([Tile(0, kept[1], name)], key="classifier-picture", title="Query picture", columns=1)
    st.caption(plain_text(name))


def _there(collection: str) -> bool:
    try:
        return bool(len(images_of(collection)))
    except NotFound:
        return False


def _take(run: Run) -> None:
    """Put an item of the classifier's collection into the fields: one without a label where there are any."""
    name = run.card["collection"]["name"]
    try:
        images = images_of(name)
        rows = [row for row, label in enumerate(images.labels) if not label] or range(len(images))
        for row in random.sample(rows, min(len(rows), 1)):  # none where it was emptied just now
            _put(open_collection(name).picture(int(images.ids[row])), images.names[row], images.texts[row])
    except BenzerError as error:
        st.session_state.complaint = str(error)


def _put(data: bytes | None, name: str, text: str) -> None:
    """Fill the fields; the uploader empties because its key changes."""
    state = st.session_state
    state[_TAKEN], state[_TEXT] = (data, name), text[:_MOST]
    state[_UPLOADER] = state.get(_UPLOADER, 0) + 1


# ── the prediction ────────────────────────────────────────────────────────────────────────────────────────────────────


def _nothing_asked(run: Run) -> None:
    card = run.card
    needed = " or ".join(filter(None, [card["picture"] and "a picture", card["text"] and "a text"]))
    both = ", or both" if card["picture"] and card["text"] else ""
    st.info(f"Give it {needed}{both}; or press Random item.", icon=":material/arrow_back:")
    classes = card["classes"]
    names = ", ".join(plain_text(label) for label in classes[:_CLASSES])
    more = f" and {len(classes) - _CLASSES:,} more" if len(classes) > _CLASSES else ""
    st.caption(f"It knows {len(classes):,} classes: {names}{more}.")


def _cached_prediction(run: Run, data: bytes | None, text: str) -> dict[str, Any]:
    """The classifier's prediction; the last one of this session is kept."""
    key = (run.name, run.digest, digest_of(data or b""), text)
    kept = st.session_state.get(_SAID)
    if kept is None or kept[0] != key:
        kept = st.session_state[_SAID] = (key, workbench().judge(network_of(run), data, text or None))
    prediction: dict[str, Any] = kept[1]
    return prediction


def _answer(run: Run, prediction: dict[str, Any], pictured: bool, text: str) -> None:
    label, confidence = prediction["fused"][0]
    st.subheader(f"{plain_text(label)}, {probability(confidence)} confidence", anchor=False)
    st.caption(f"{_agreement(prediction)} {measured_accuracy(run, prediction)}".strip())
    _prediction(data=prediction_data(run, prediction, pictured, text), key="classifier-verdict")
    if sentence := _how_weighed(run):
        st.caption(sentence)


def _agreement(prediction: dict[str, Any]) -> str:
    picture, text = prediction["picture"], prediction["text"]
    if picture is None or text is None:
        return f"Predicted from the {'text' if picture is None else 'picture'} alone."
    if picture[0][0] == text[0][0]:
        return "Picture and text agree."
    return f"The picture alone gives {plain_text(picture[0][0])}, the text alone {plain_text(text[0][0])}."


def measured_accuracy(run: Run, prediction: dict[str, Any]) -> str:
    """The measured accuracy of predictions with at least this confidence, if both sides are known."""
    measured = measured_of(run) if all(prediction[side] for side in ("picture", "text") if run.card[side]) else None
    asked, right = measured.at_least(prediction["fused"][0][1]) if measured else (0, 0)
    if not asked:
        return ""
    share = f"{percent(right / asked, 1)} of {asked:,} predictions"
    return f"In cross-validation {share} with at least this confidence were correct."


def prediction_data(run: Run, prediction: dict[str, Any], pictured: bool, text: str) -> dict[str, Any]:
    """What the browser draws: three predictions, why one is missing, and the attention on the words."""
    card = run.card
    given = {"picture": pictured, "text": bool(text)}
    sides = []
    for side, title in (("picture", "Predicted from the picture"), ("text", "Predicted from the text")):
        note = "" if prediction[side] else _missing(side, bool(card[side]), given[side])
        sides.append({"title": title, "note": note, "bars": bars(prediction[side])})
    sides.append({"title": "Predicted from both", "note": "", "bars": bars(prediction["fused"])})
    words = whole_words(prediction["words"])
    return {"sides": sides, "words": _words_data(words) if words else None}


def _missing(side: str, known: bool, given: bool) -> str:
    if not known:
        return "It does not use texts." if side == "text" else "It does not use pictures."
    if given:
        return "It knows none of these words."
    return f"No {side} given."


def _words_data(words: list[tuple[str, float]]) -> dict[str, Any]:
    most = max(share for _, share in words)
    items = [{"text": text, "percent": probability(share), "shade": share / max(most, 1e-9)} for text, share in words]
    rest = max(0.0, 1 - sum(share for _, share in words))
    note = f"Attention on each word; {probability(rest)} on none of them."
    return {"title": "Attention on the words", "note": note, "items": items}


def whole_words(pieces: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Words with the summed shares of their pieces: WordPiece marks a continuation with "##"."""
    words: list[tuple[str, float]] = []
    for piece, share in pieces:
        if piece.startswith("##") and words:
            words[-1] = (words[-1][0] + piece[2:], words[-1][1] + share)
        else:
            words.append((piece, share))
    return words


def _how_weighed(run: Run) -> str:
    """How picture and text are weighted, "" if the words show it."""
    fusion = run.card.get("fusion")
    if fusion == "late" and "share" in run.card:
        share = float(run.card["share"])
        return f"Weights if both are given: picture {percent(1 - share)}, text {percent(share)}."
    if fusion == "early":
        return "Picture and text are combined inside the network: their weights differ from item to item."
    return ""


# ── the way to the search ────────────────────────────────────────────────────────────────────────────────────────────


def _similar(run: Run, data: bytes | None, name: str, text: str) -> None:
    own = run.card["collection"]["name"]
    if not _there(own):
        return
    st.button(
        "Find similar items", key="classifier-similar", icon=":material/image_search:",
        on_click=partial(_search, run, data, name, text),
        help="Opens Search with this picture and text, and this classifier as the encoder.",
    )  # fmt: skip


def _search(run: Run, data: bytes | None, name: str, text: str) -> None:
    """Make the classifier the sidebar's encoder and look for this item in its collection."""
    state = st.session_state
    state.collection = run.card["collection"]["name"]
    choose_encoder(f"fused@{run.name}")
    state.query = SessionQuery(data=data, name=name, words=text[:200])
    state.uploader = state.get("uploader", 0) + 1
    state.go_to = "search"
