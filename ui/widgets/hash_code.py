"""The bits of a code as buttons, with the plane of the bit under the pointer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.widgets.component import component

_code = component("hash_code", "hash_code.css", "hash_code.js")


@dataclass(frozen=True)
class ShownBit:
    """A bit of the code.

    Attributes:
        value: 0 or 1, before any flip. margin: its distance to the boundary, signed. order: how soon multi-probe flips
            it, from 1. share: of the pictures with a 1. counts, reach: the histogram of margins from −reach to reach.
        low, high: (src, name) of the pictures farthest on either side.
    """

    value: int
    margin: float
    order: int
    share: float
    counts: Sequence[int]
    reach: float
    low: Sequence[tuple[str, str]]
    high: Sequence[tuple[str, str]]
    flipped: bool = False


def hash_code(bits: Sequence[ShownBit], *, title: str, key: str, on_flip: Callable[[int], None]) -> None:
    """Draw the bits; `on_flip(place)` is called for a click or Space before the page is redrawn."""

    def acted() -> None:
        place = getattr(st.session_state.get(key), "flip", None)
        if isinstance(place, int) and 0 <= place < len(bits):
            on_flip(place)

    _code(data=code_data(bits, title), key=key, on_flip_change=acted)


def code_data(bits: Sequence[ShownBit], title: str) -> dict[str, Any]:
    """What the browser needs."""
    return {"title": title, "bits": [_as_data(bit) for bit in bits]}


def _as_data(bit: ShownBit) -> dict[str, Any]:
    sides = {name: [{"src": src, "name": text} for src, text in getattr(bit, name)] for name in ("low", "high")}
    plain = {name: value for name, value in vars(bit).items() if name not in sides}
    return {**plain, "counts": list(bit.counts), "margin": round(bit.margin, 6), **sides}
