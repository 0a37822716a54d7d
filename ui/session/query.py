"""The query of a session: a picture of the collection or an uploaded one, words, or both."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from engine.search.answer import Query

MOST_WORDS = 200  # longest query, in characters


@dataclass(frozen=True)
class SessionQuery:
    """The session's query: an image of the collection, an uploaded picture, words, or words with either.

    `crop` is the selected part of the picture. `share` is the weight of the words next to it, in percent; None: as in
    training. A `proposed` picture is shown only until the user asks for something.
    """

    image_id: int | None = None
    data: bytes | None = None
    name: str = ""
    crop: tuple[float, float, float, float] | None = None
    words: str = ""
    share: int | None = None
    proposed: bool = False

    @property
    def pictured(self) -> bool:
        """Whether it includes a picture."""
        return self.data is not None or self.image_id is not None or not self.words

    def as_query(self) -> Query:
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


def set_query_image(id: int | None, *, keep_words: bool = False) -> None:
    """Search for an image of the collection; an upload is dropped (its widget is cleared by a new key)."""
    words = _words_alone() if keep_words else None
    st.session_state.query = words if id is None else replace(words or SessionQuery(), image_id=id)
    st.session_state.uploader = st.session_state.get("uploader", 0) + 1


def propose_image(id: int) -> None:
    """Search for an image until the user asks for something."""
    set_query_image(id)
    st.session_state.query = SessionQuery(image_id=id, proposed=True)


def set_query_upload(data: bytes | None, name: str) -> None:
    """Search for an uploaded picture, with any words present; None removes it. The address cannot name it."""
    words = _words_alone()
    st.session_state.query = words if data is None else replace(words or SessionQuery(), data=data, name=name)


def set_query_crop(crop: tuple[float, float, float, float] | None) -> None:
    """Search for a part of the same picture, or for the whole (None)."""
    query = current_query()
    if query is not None:
        st.session_state.query = replace(query, crop=crop, proposed=False)


def set_query_words(words: str) -> None:
    """Search for words with the picture, or in place of a merely proposed one; "" removes them."""
    words = " ".join(words.split())[:MOST_WORDS].strip()
    query = current_query()
    if query is None or query.proposed or not query.pictured:
        st.session_state.query = SessionQuery(words=words) if words else None
    else:
        st.session_state.query = replace(query, words=words, share=query.share if words else None)


def set_query_share(share: int | None) -> None:
    """Set the weight of the words next to the picture, in percent; None: as in training."""
    query = current_query()
    if query is not None:
        st.session_state.query = replace(query, share=share)


def _words_alone() -> SessionQuery | None:
    """The words of the query without its picture."""
    query = current_query()
    return SessionQuery(words=query.words, share=query.share) if query is not None and query.words else None
