"""State of the hash lab: the method and its numbers, flipped bits, and both in the address."""

from __future__ import annotations

import streamlit as st

from engine.comparisons.hashlab.code import Flips
from engine.comparisons.hashlab.hashed import BITS, PROBES, TABLES, Hashing
from engine.core.errors import BadParameter
from engine.core.recipe import Recipe
from ui.comparisons.state import newly_linked, remember_link
from ui.session.address import choices_of, of_query, write_opened
from ui.session.query import current_query

KEY = "lab"  # in the address
_FIRST = Hashing()


def linked() -> bool:
    """Whether the address names a lab that this session did not write itself."""
    return bool(newly_linked(KEY))


def read() -> None:
    """Set the fields from the address; invalid values are reported."""
    text = newly_linked(KEY)
    remember_link(KEY, text)
    try:
        found = Hashing.parse(text)
        st.session_state["lab-flips"] = _parsed(st.query_params.get("flip", ""))
        st.session_state["lab-flipped"] = None
        _put(found)
    except (BadParameter, ValueError):
        st.session_state.complaint = "Part of this link could not be read and was ignored."


def _put(found: Hashing) -> None:
    state = st.session_state
    state["lab-method"] = found.method
    for setting in (BITS, TABLES, PROBES):
        state[f"lab-{setting.name}"] = getattr(found, setting.name)


def hashing() -> Hashing:
    """The method and numbers of the fields."""
    state = st.session_state
    numbers = {s.name: int(state.get(f"lab-{s.name}", getattr(_FIRST, s.name))) for s in (BITS, TABLES, PROBES)}
    return Hashing(state.get("lab-method") or _FIRST.method, **numbers)


def limit(most_bits: int) -> None:
    """Give every field a value, and unflip bits that these vectors do not have."""
    found = hashing()
    _put(Hashing(found.method, min(found.bits, most_bits), found.tables, found.probes))


def write(recipe: Recipe) -> None:
    """Put the vectors, the picture, the method and the flipped bits into the address."""
    text, flipped = str(hashing()), flips(hashing())
    remember_link(KEY, text)
    address = choices_of(recipe) | of_query(current_query()) | {KEY: text}
    if flipped:
        address["flip"] = "-".join(f"{table + 1}.{bit + 1}" for table, bit in sorted(flipped))
    write_opened(address)


def leave() -> None:
    """Take the lab out of the address."""
    if KEY in st.query_params:
        st.query_params.clear()
        remember_link(KEY, "")


# ── flipped bits ─────────────────────────────────────────────────────────────────────────────────────────────────────


def flips(hashing: Hashing) -> Flips:
    """The flipped bits that the code has."""
    kept: Flips = st.session_state.get("lab-flips", frozenset())
    return frozenset((table, bit) for table, bit in kept if table < hashing.tables and bit < hashing.bits)


def keep_to(picture: object) -> None:
    """Flip all bits back that belong to the code of another picture, or by another method."""
    code = (hashing().method, picture)
    if st.session_state.get("lab-flipped") not in (None, code):
        flip_none()
    st.session_state["lab-flipped"] = code


def flip(table: int, bit: int) -> None:
    """Flip a bit, or flip it back."""
    st.session_state["lab-flips"] = st.session_state.get("lab-flips", frozenset()) ^ {(table, bit)}


def flip_none() -> None:
    """Flip all bits back."""
    st.session_state["lab-flips"] = frozenset()


def _parsed(text: str) -> Flips:
    """The flips of "1.3-2.7"; ValueError for another text."""
    pairs = [part.split(".") for part in text.split("-") if part]
    found = frozenset((int(table) - 1, int(bit) - 1) for table, bit in pairs)
    if any(table < 0 or bit < 0 for table, bit in found):
        raise ValueError(text)
    return found
