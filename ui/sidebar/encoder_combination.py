"""Combining two encoders: a second encoder and its weight become a new entry of the drop-down."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from engine.encoders import combination
from engine.encoders.encoder import EncoderChoice
from ui.session.opened import workbench
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text


def combine_encoders(choices: Sequence[EncoderChoice], first: EncoderChoice) -> None:
    """The form that combines the chosen encoder with a second one; for a combination, a way to delete it."""
    with st.expander("Combine two encoders", icon=":material/join:", key="combine-encoders"):
        if combination.Pair.parse(first.name):
            st.caption(plain_text(f"{first.title} is already a combination. Choose a single encoder to combine."))
            if first.name in combination.kept(workbench().home):
                st.button("Remove from the list", key="combine-forget", on_click=_forget, args=(first,))
            return
        seconds = {c.key: c for c in choices if c.ready and _can_join(c, first)}
        if not first.ready or not seconds:
            st.caption("Train or download this encoder first.")
            return
        st.caption(plain_text(f"Search with {first.title} and a second encoder together."))
        second = st.selectbox(
            "Second encoder", list(seconds), format_func=lambda key: seconds[key].title, key="combine-second",
        )  # fmt: skip
        share = st.slider(
            "Weight of the second encoder", 5, 95, combination.EVEN, 5, format="%d %%", key="combine-share"
        )
        st.button("Combine", key="combine", on_click=_combine, args=(first, seconds[second], share))


def _can_join(second: EncoderChoice, first: EncoderChoice) -> bool:
    return second.key != first.key and combination.Pair.parse(second.name) is None


def _combine(first: EncoderChoice, second: EncoderChoice, share: int) -> None:
    with errors_shown():
        pair = combination.Pair((first.name, first.weights), (second.name, second.weights), share)
        st.session_state.encoder = combination.keep(workbench().home, pair)


def _forget(choice: EncoderChoice) -> None:
    with errors_shown():
        combination.forget(workbench().home, choice.name)
        st.session_state.encoder = _written(choice)


def _written(choice: EncoderChoice) -> str:
    """The first part, as named in the drop-down."""
    (name, weights), _ = combination.parts_of(choice.name, "")
    return f"{name}@{weights}" if weights else name
