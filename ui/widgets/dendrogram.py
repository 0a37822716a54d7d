"""A dendrogram: the tree on the left, a picture at each leaf, and a line that can be dragged to cut it into groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from engine.grouping.stored.palette import NOISE
from ui.widgets.component import component

_dendrogram = component("dendrogram", "dendrogram.css", "dendrogram_tree.js", "dendrogram_drawing.js", "dendrogram.js")

_LEAF = ("node", "id", "name", "count", "colour", "src")
_JOIN = ("node", "left", "right", "height", "count", "colour", "share")


def dendrogram(
    *,
    key: str,
    title: str,
    leaves: Sequence[Mapping[str, Any]],
    joins: Sequence[Mapping[str, Any]],
    height_now: float,
    palette: Sequence[tuple[str, str]],
    on_cut: Callable[[float], None] | None = None,
    on_pick: Callable[[int], None] | None = None,
    measure: str = "distance",
    height: int = 700,
) -> None:
    """Draw the tree; `on_cut(height)` and `on_pick(node)` are called before the page is redrawn.

    `leaves`, in drawing order: node, id, name, count (pictures that the leaf represents), colour (index into `palette`
    (light, dark), −1 for grey), src (picture URL). `joins`, lower ones first: node, left, right (nodes), height, count,
    colour, and share, of the resampled trees that have this branch, where it is known. `height_now`: the position of
    the line. `measure`: the title of the axis. Without `on_cut` there is no line to drag. `height` in pixels: larger
    trees scroll inside.
    """
    data = {
        "title": title,
        "leaves": [{name: _plain(leaf.get(name)) for name in _LEAF} for leaf in leaves],
        "joins": [{name: _plain(join.get(name)) for name in _JOIN} for join in joins],
        "cut": float(height_now),
        "palette": [list(pair) for pair in palette],
        "noise": NOISE,
        "cuts": on_cut is not None,
        "picks": on_pick is not None,
        "measure": measure,
        "height": height,
    }
    _dendrogram(data=data, key=key, **_callbacks(key, on_cut, on_pick))


def _plain(value: Any) -> Any:
    """NumPy numbers as Python numbers, for JSON."""
    return value.item() if hasattr(value, "item") else value


def _callbacks(
    key: str, on_cut: Callable[[float], None] | None, on_pick: Callable[[int], None] | None
) -> dict[str, Any]:
    def cut() -> None:
        height = getattr(st.session_state.get(key), "cut", None)
        if on_cut and isinstance(height, int | float):
            on_cut(float(height))

    def picked() -> None:
        node = getattr(st.session_state.get(key), "pick", None)
        if on_pick and isinstance(node, int):
            on_pick(node)

    return {"on_cut_change": cut, "on_pick_change": picked}
