"""Groups as cards: colour, name, number of pictures and the pictures closest to the middle; a click opens one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.widgets.component import component

_cards = component("group_cards", "group_cards.css", "group_cards.js")


@dataclass(frozen=True)
class Card:
    """A group: `colour` for the light and the dark theme, `thumbs` picture URLs, `note` a few words."""

    number: int
    title: str
    count: int
    colour: tuple[str, str]
    thumbs: Sequence[str]
    note: str = ""

    def as_data(self) -> dict[str, Any]:
        """What the browser needs."""
        return {**vars(self), "colour": list(self.colour), "thumbs": list(self.thumbs)}


def group_cards(cards: Sequence[Card], *, key: str, title: str, on_open: Callable[[int], None]) -> None:
    """Draw the cards; a click or Enter calls `on_open(number)` before the page is redrawn."""

    def opened() -> None:
        number = getattr(st.session_state.get(key), "open", None)
        if isinstance(number, int):
            on_open(number)

    data = {"cards": [card.as_data() for card in cards], "title": title}
    _cards(data=data, key=key, on_open_change=opened)


def swatch(colour: tuple[str, str], size: str = "0.85em") -> str:
    """A coloured dot as HTML for `st.html`, without any external text."""
    light, dark = colour
    return (
        f'<span aria-hidden="true" style="display:inline-block;width:{size};height:{size};border-radius:50%;'
        f'background:light-dark({light},{dark})"></span>'
    )
