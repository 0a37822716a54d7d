"""The encoder picker: sections with one line per encoder: its use, cost and measured figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.widgets.component import component

_shelves = component("encoder_shelves", "encoder_shelves.css", "encoder_shelves.js")


@dataclass(frozen=True)
class ShelfLine:
    """An encoder: `facts` are a few words on size and speed, `figure` is its measured quality, `state` is what is
    missing.
    """

    key: str
    title: str
    sentence: str
    facts: str = ""
    figure: str = ""
    state: str = ""


@dataclass(frozen=True)
class Shelf:
    """A titled list of encoders."""

    title: str
    lines: Sequence[ShelfLine]

    def as_data(self) -> dict[str, Any]:
        """What the browser needs."""
        return {"title": self.title, "lines": [vars(line) for line in self.lines]}


def encoder_shelves(shelves: Sequence[Shelf], chosen: str, *, key: str, on_choose: Callable[[str], None]) -> None:
    """Draw the shelves; a click or Enter calls `on_choose(key)` before the page is redrawn."""

    def picked() -> None:
        wanted = getattr(st.session_state.get(key), "choose", None)
        if isinstance(wanted, str):
            on_choose(wanted)

    data = {"shelves": [shelf.as_data() for shelf in shelves if shelf.lines], "chosen": chosen}
    _shelves(data=data, key=key, on_choose_change=picked)
