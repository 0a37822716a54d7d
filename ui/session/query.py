"""What a session looks for: a picture of the collection or an uploaded one, words, or words beside a picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from engine.search.answer import Query

MOST_WORDS = 200  # letters that are looked for


@dataclass(frozen=True)
class SessionQuery:
    """What this session looks for: an image of the collection, or an uploaded picture, or words, or words with either.

    `crop` is the part of the picture that is meant. `share` is how much the words count beside it, in percent; None: as
    in training. A `proposed` picture stands there only because nobody has asked for anything yet.
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
        """Whether there is a picture in it."""
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
    """The session's query, None where nothing was chosen yet."""
    query: SessionQuery | None = st.session_state.get("query")
    return query


def set_query_image(id: int | None, *, keep_words: bool = False) -> None:
    """Look for an image of the collection; an upload is put away (its widget empties because its key changes)."""
    words = _words_alone() if keep_words else None
    st.session_state.query = words if id is None else replace(words or SessionQuery(), image_id=id)
    st.session_state.uploader = st.session_state.get("uploader", 0) + 1


def propose_image(id: int) -> None:
    """Look for an image while nobody has asked for anything."""
    set_query_image(id)
    st.session_state.query = SessionQuery(image_id=id, proposed=True)


def set_query_upload(data: bytes | None, name: str) -> None:
    """Look for an uploaded picture, beside the words that stand there; None takes it away. The address names none."""
    words = _words_alone()
    st.session_state.query = words if data is None else replace(words or SessionQuery(), data=data, name=name)


def set_query_crop(crop: tuple[float, float, float, float] | None) -> None:
    """Look for a part of the same picture, or for the whole (None)."""
    query = current_query()
    if query is not None:
        st.session_state.query = replace(query, crop=crop, proposed=False)


def set_query_words(words: str) -> None:
    """Look for words beside the picture, or instead of one that was merely proposed; "" takes them away."""
    words = " ".join(words.split())[:MOST_WORDS].strip()
    query = current_query()
    if query is None or query.proposed or not query.pictured:
        st.session_state.query = SessionQuery(words=words) if words else None
    else:
        st.session_state.query = replace(query, words=words, share=query.share if words else None)


def set_query_share(share: int | None) -> None:
    """Let the words count so many percent beside the picture; None: as in training."""
    query = current_query()
    if query is not None:
        st.session_state.query = replace(query, share=share)


def _words_alone() -> SessionQuery | None:
    """The words of the query without its picture."""
    query = current_query()
    return SessionQuery(words=query.words, share=query.share) if query is not None and query.words else None
