"""A clickable grid of thumbnails: answers with rank, distance and label, or pages to browse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.widgets.component import component

_gallery = component("gallery", "gallery.css", "gallery.js")


@dataclass(frozen=True)
class Tile:
    """A picture of a gallery. `same`: whether its label is the query's (None: unknown)."""

    id: int
    src: str
    name: str
    rank: int | None = None
    distance: float | None = None
    label: str | None = None
    same: bool | None = None
    missed: bool = False
    selected: bool = False

    def as_data(self) -> dict[str, Any]:
        """What the browser needs, empty entries left out."""
        data = {name: value for name, value in vars(self).items() if value is not None}
        if self.distance is not None:
            data["distance"] = f"{self.distance:.3g}" if self.distance >= 100 else f"{self.distance:.3f}"
        return data


def thumbnail_url(collection: str, id: int, content: str) -> str:
    """The URL of a thumbnail; `content` is the picture's hash, so that a changed picture has a new URL."""
    return f"{thumbnails_of(collection)}/{int(id)}.webp?v={content[:12]}"


def thumbnails_of(collection: str) -> str:
    """The address that those of a collection's thumbnails begin with."""
    return served_below("thumbs", collection)


def served_below(kind: str, collection: str) -> str:
    """The prefix of the addresses of a collection's files, below the path prefix of a proxy."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}/{kind}/{collection}" if base else f"/{kind}/{collection}"


def gallery(
    tiles: Sequence[Tile],
    *,
    key: str,
    title: str,
    columns: int = 4,
    kind: str = "answers",
    on_pick: Callable[[int], None] | None = None,
    on_range: Callable[[list[int]], None] | None = None,
    scroll: bool = True,
) -> None:
    """Draw the tiles; a click or Enter calls `on_pick(id)` before the page is redrawn. Without it they are inert.

    With Shift, `on_range(ids)` is called with all tiles from the one clicked last to this one.
    """

    def picked() -> None:
        id = getattr(st.session_state.get(key), "pick", None)
        if on_pick is not None and isinstance(id, int):
            on_pick(id)

    def ranged() -> None:
        ids = getattr(st.session_state.get(key), "range", None)
        known = {tile.id for tile in tiles}
        if on_range is not None and isinstance(ids, list):
            on_range([id for id in ids if isinstance(id, int) and id in known])

    data = {
        "items": [tile.as_data() for tile in tiles],
        "title": title,
        "columns": columns,
        "kind": kind,
        "still": on_pick is None,
        "scroll": scroll,
        "ranges": on_range is not None,
    }
    _gallery(data=data, key=key, on_pick_change=picked, on_range_change=ranged)
