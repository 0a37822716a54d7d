"""The words of a query: the field, their weight, and the way to an encoder that was trained on texts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import PurePosixPath

import streamlit as st

from engine.core.humanize import count_of
from engine.core.recipe import Recipe
from engine.encoders.encoder import EncoderChoice
from engine.search.examples import Example
from engine.search.words import HALF
from ui.session.opened import has_texts, workbench
from ui.session.query import MOST_WORDS, SessionQuery, current_query, set_query_image, set_query_share, set_query_words
from ui.session.recipe import choose_encoder
from ui.shared.plain_text import plain_text
from ui.shared.text_field import text_field

AS_TRAINED = "as trained"
SEEN = (
    "By what the pictures show to a network that was trained on photographs: 1,000 kinds of animals, plants, food and "
    "objects. It knows no people, scenes, actions or styles, and often mistakes drawings."
)
_STEP = 5  # percent
_FIELD, _SHARE = "words-typed", "words-share"


def reads_words(recipe: Recipe) -> bool:
    """Whether the recipe's encoder takes words."""
    return workbench().reads_words(recipe.encoder, recipe.weights)


def words_bar(recipe: Recipe) -> None:
    """The field for words and its controls, at full width."""
    query = current_query()
    words = query.typed if query is not None else ""
    _fill(_FIELD, words)
    text_field(
        "Text", key=_FIELD, button="Search", button_key="words-send", icon=":material/search:", max_chars=MOST_WORDS,
        placeholder="e.g. dog" if not reads_words(recipe) else "e.g. brown leather bag", same=True, in_a_row=True,
        on_sent=set_query_words, on_emptied=partial(set_query_words, ""),
    )  # fmt: skip
    if query is None or not query.words or not query.pictured:  # of words alone nothing is left; "Reset" is below
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="words-buttons"):
        _share(query, trained=reads_words(recipe) and bool(recipe.weights))
        st.button("Clear text", icon=":material/close:", key="words-clear", on_click=set_query_words, args=("",))
        st.button(
            "Text only", icon=":material/hide_image:", key="words-only", on_click=set_query_image,
            args=(None,), kwargs={"keep_words": True}, help="Remove the picture from the query.",
        )  # fmt: skip


def way_to_words(recipe: Recipe) -> None:
    """In an expander, if there are texts the encoder cannot read: which encoder can, or where to train one."""
    if reads_words(recipe) or not has_texts(recipe.collection):
        return
    with st.expander("Search by text", icon=":material/text_fields:", key="way-to-words"):
        found = _classifier_of(recipe.collection)
        if found is None:
            st.write(
                "The pictures of this collection have texts. With a classifier trained on both you can search with a "
                "picture, with text, or with both."
            )
            go = partial(st.session_state.update, go_to="classify")
            st.button("Set up text search", icon=":material/category:", key="words-train", on_click=go)
            return
        ways = "with a picture, with text, or with both" if found.pictures else "with text only"
        st.write(f"With {plain_text(found.title)} you can search {ways}.")
        st.button("Turn on", icon=":material/check:", key="words-use", on_click=_use, args=(found,))


def query_title(query: SessionQuery, name: str) -> str:
    """The query as Markdown: the file name of a picture or its crop, a text, both, or the number of examples."""
    if query.examples:
        like = _counted([one for one in query.examples if one.weight > 0])
        unlike = _counted([one for one in query.examples if one.weight < 0])
        return like + (f", unlike {unlike}" if unlike else "")
    part = "a crop of " if query.crop else ""
    picture = f"{part}{plain_text(PurePosixPath(name).name)}" if query.pictured else ""
    return " and ".join(filter(None, [picture, f"“{plain_text(query.words)}”" if query.words else ""]))


def _counted(examples: Sequence[Example]) -> str:
    """How many pictures, and which words, as Markdown."""
    pictures = sum(not one.text for one in examples)
    words = [f"“{plain_text(one.text)}”" for one in examples if one.text]
    return " and ".join([*([count_of(pictures, "picture")] if pictures else []), *words])


def unknown_words(recipe: Recipe, query: SessionQuery) -> str:
    """A sentence if none of the words next to a picture is known, so that only the picture was used."""
    bench = workbench()
    if not query.words or not bench.reads_nothing(bench.encoder(recipe), query.as_query()):
        return ""
    where = "the texts that this encoder was trained on"
    return f"None of the words “{query.words}” occur in {where}; only the picture was used."


# ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _share(query: SessionQuery, trained: bool) -> None:
    """The weight of the text: as in the classifier's training, or a percentage."""
    default = AS_TRAINED if trained else HALF
    steps = sorted({*range(0, 101, _STEP), *([] if query.share is None else [query.share])})
    _fill(_SHARE, default if query.share is None else query.share)
    combined = " As trained: the classifier combines both." if trained else ""
    st.select_slider(
        "Weight of the text",
        [AS_TRAINED, *steps] if trained else steps,
        key=_SHARE,
        format_func=lambda step: f"{step} %" if isinstance(step, int) else step,
        on_change=_share_moved,
        help=f"0 %: picture only. 100 %: text only.{combined}",
    )


def _share_moved() -> None:
    moved = st.session_state[_SHARE]
    set_query_share(None if moved == AS_TRAINED else int(moved))


def _fill(key: str, value: object) -> None:
    """Put a value from elsewhere (a link, Back, another page) into a field."""
    if key not in st.session_state or st.session_state.get(f"{key}-filled") != value:
        st.session_state[key] = value
    st.session_state[f"{key}-filled"] = value


def _classifier_of(collection: str) -> EncoderChoice | None:
    """The newest classifier that reads texts, preferably trained on this collection and on both modalities."""
    found = [choice for choice in workbench().choices(collection) if choice.words and choice.ready]
    return min(found, key=lambda choice: (choice.learned_from != collection, not choice.pictures), default=None)


def _use(choice: EncoderChoice) -> None:
    choose_encoder(choice.key)
