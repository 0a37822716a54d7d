"""A map of very many pictures: tiles drawn by the server, moved and zoomed in the browser, and selection by box."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from engine.core.distances import Matrix
from engine.grouping.stored.density import DEEPEST, HALF, SIDE
from engine.grouping.stored.palette import NOISE
from ui.widgets.component import component
from ui.widgets.picture_map import LegendEntry

_map = component("density_map", "picture_map.css", "density_map.css", "density_map.js")

Box = tuple[float, float, float, float]  # left, bottom, right, top


def density_map(
    *,
    key: str,
    title: str,
    tiles: str,
    count: int,
    palette: Sequence[tuple[str, str]],
    legend: Sequence[LegendEntry],
    selected: int,
    marks: Matrix,
    on_box: Callable[[Box, bool], None],
    on_pick: Callable[[float, float, float], None],
    on_open: Callable[[Box], None],
    height: int,
) -> None:
    """Draw the map.

    Args:
        tiles: a URL with {theme}, {z}, {x} and {y} in it. selected: how many pictures are.
        marks: (m, 2) places of all or some of the selected, drawn over the density.
        on_box: takes a drawn box, and whether it adds to the selection. on_pick: a place, and how far from it a point
            may lie. on_open: the part of the map in sight, to be shown as pictures.
    """

    def value_of(name: str) -> list[Any]:
        found = getattr(st.session_state.get(key), name, None)
        return found if isinstance(found, list) and all(isinstance(one, int | float) for one in found) else []

    def boxed() -> None:
        if len(found := value_of("box")) == 5:
            on_box((found[0], found[1], found[2], found[3]), bool(found[4]))

    def picked() -> None:
        if len(found := value_of("pick")) == 3:
            on_pick(found[0], found[1], found[2])

    def opened() -> None:
        if len(found := value_of("open")) == 4:
            on_open((found[0], found[1], found[2], found[3]))

    entries = [{"shades": palette[colour] if colour >= 0 else NOISE, "text": t, "count": n} for colour, t, n in legend]
    data = {"title": title, "tiles": tiles, "count": count, "legend": entries, "selected": selected, "height": height}
    data |= {"marks": base64.b64encode(marks.astype("<f4").tobytes()).decode()}
    data |= {"half": HALF, "side": SIDE, "deepest": DEEPEST}
    _map(data=data, key=key, on_box_change=boxed, on_pick_change=picked, on_open_change=opened)
