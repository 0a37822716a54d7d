"""The query of a session: a picture of the collection or an uploaded one, words, both, or several examples."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import streamlit as st

from engine.search.answer import Query
from engine.search.examples import Example

MOST_WORDS = 200  # longest query, in characters
EVERYTHING = 3000  # most results on a page


@dataclass(frozen=True)
class SessionQuery:
    """The session's query: an image of the collection, an uploaded picture, words, words with either; or examples.

    `crop` is the selected part of the picture. `share` is the weight of the words next to it, in percent; None: as in
    training. `examples` stand in place of all of these, if there are several, or one not to be like. A `proposed`
    picture is shown only until the user asks for something.
    """

    image_id: int | None = None
    data: bytes | None = None
    name: str = ""
    crop: tuple[float, float, float, float] | None = None
    words: str = ""
    share: int | None = None
    examples: tuple[Example, ...] = ()
    proposed: bool = False

    @property
    def pictured(self) -> bool:
        """Whether it includes a picture."""
        if self.examples:
            return any(not one.text for one in self.examples)
        return self.data is not None or self.image_id is not None or not self.words

    @property
    def named(self) -> bool:
        """Whether it includes a picture of the collection, which means nothing in another one."""
        return self.image_id is not None or any(one.image_id is not None for one in self.examples)

    @property
    def typed(self) -> str:
        """The words that results should be like."""
        return self.words or next((one.text for one in self.examples if one.text and one.weight > 0), "")

    def as_query(self) -> Query:
        """The query as the engine takes it."""
        if self.examples:
            return Query.of(*self.examples)
        if self.data is not None:
            query = Query.picture(self.data, self.name, self.crop)
        elif self.pictured:
            query = Query.image(int(self.image_id or 0), self.crop)
        else:
            query = Query(name=self.words)
        return replace(query, text=self.words, share=self.share if self.words and self.pictured else None)


def current_query() -> SessionQuery | None:
    """The session's query, None if nothing has been chosen yet."""
    query: SessionQuery | None = st.session_state.get("query")
    return query


def shown_results() -> int:
    """How many results of the current query the visitor asked for; 0 if not specified."""
    number, query = st.session_state.get("shown", (0, None))
    return int(number) if query == current_query() else 0


def show_results(number: int) -> None:
    """Show this number of results of the current query."""
    st.session_state.shown = (number, current_query())


def show_more(step: int) -> None:
    """Show further results of the current query."""
    show_results(max(shown_results(), int(st.session_state.get("k") or 0)) + step)


# ── one picture and words ────────────────────────────────────────────────────────────────────────────────────────────


def set_query_image(id: int | None, *, keep_words: bool = False) -> None:
    """Search for an image of the collection; an upload is dropped (its widget is cleared by a new key)."""
    words = _words_alone() if keep_words else None
    st.session_state.query = words if id is None else replace(words or SessionQuery(), image_id=id)
    _empty_uploader()


def propose_image(id: int) -> None:
    """Use an image as the query until the user chooses one."""
    set_query_image(id)
    st.session_state.query = SessionQuery(image_id=id, proposed=True)


def set_query_upload(data: bytes | None, name: str) -> None:
    """Search for an uploaded picture, with any words present; None removes it."""
    words = _words_alone()
    st.session_state.query = words if data is None else replace(words or SessionQuery(), data=data, name=name)
    _empty_uploader()


def set_query_words(words: str) -> None:
    """Search for words with the pictures, or in place of a merely proposed one; "" removes them."""
    words = " ".join(words.split())[:MOST_WORDS].strip()
    query = current_query()
    if query is not None and query.examples:
        others = [one for one in query.examples if not one.text or one.weight < 0]
        set_examples([*others, *([Example(text=words, name=words)] if words else [])])
    elif query is None or query.proposed or not query.pictured:
        st.session_state.query = SessionQuery(words=words) if words else None
    else:
        st.session_state.query = replace(query, words=words, share=query.share if words else None)


def set_query_share(share: int | None) -> None:
    """Set the weight of the words next to the picture, in percent; None: as in training."""
    query = current_query()
    if query is not None:
        st.session_state.query = replace(query, share=share)


def _words_alone() -> SessionQuery | None:
    """The words of the query without its pictures."""
    query = current_query()
    return SessionQuery(words=query.typed, share=query.share) if query is not None and query.typed else None


def _empty_uploader() -> None:
    st.session_state.uploader = st.session_state.get("uploader", 0) + 1


# ── several examples ─────────────────────────────────────────────────────────────────────────────────────────────────


def examples_of(query: SessionQuery | None) -> list[Example]:
    """The query as examples, its picture first."""
    if query is None or query.examples:
        return list(query.examples) if query is not None else []
    found = []
    if query.data is not None:
        found.append(Example(data=query.data, name=query.name, crop=query.crop))
    elif query.image_id is not None:
        found.append(Example(image_id=query.image_id, crop=query.crop))
    return [*found, *([Example(text=query.words, name=query.words)] if query.words else [])]


def set_examples(examples: list[Example]) -> None:
    """Search with these examples; a single one to be like is a plain query again."""
    if not any(one.weight > 0 for one in examples):
        st.session_state.query = None
    elif len(examples) == 1:
        [one] = examples
        st.session_state.query = SessionQuery(
            image_id=one.image_id, data=one.data, name=one.name if one.data else "", crop=one.crop, words=one.text
        )
    else:
        st.session_state.query = SessionQuery(examples=tuple(examples))
    _empty_uploader()


def add_example(example: Example) -> None:
    """Search with a further example; one of the same picture is replaced."""
    present = examples_of(current_query())
    set_examples([*(one for one in present if not _same(one, example)), example])


def change_example(place: int, **changes: object) -> None:
    """Crop or weigh the example at a place, or take it out if `weight` is 0."""
    present = examples_of(current_query())
    if not 0 <= place < len(present):
        return
    query = current_query()
    if changes.get("weight") == 0:
        set_examples(present[:place] + present[place + 1 :])
    elif query is not None and not query.examples and "crop" in changes:
        st.session_state.query = replace(query, crop=changes["crop"], proposed=False)  # type: ignore[arg-type]
    else:
        present[place] = replace(present[place], **changes)  # type: ignore[arg-type]
        set_examples(present)


def forget_pictures(ids: Collection[int]) -> None:
    """Take pictures that are no longer there out of the query."""
    present = examples_of(current_query())
    left = [one for one in present if one.image_id not in ids]
    if len(left) < len(present):
        set_examples(left)


def _same(one: Example, other: Example) -> bool:
    if one.image_id is not None or other.image_id is not None:
        return one.image_id == other.image_id
    return (one.sha256, one.text) == (other.sha256, other.text)
