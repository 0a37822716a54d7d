"""A map of pictures: dots on a canvas, thumbnails where there is room, and selection by box or lasso."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import streamlit as st

from engine.core.errors import BadParameter
from engine.grouping.stored.palette import NOISE
from ui.widgets.component import component

_map = component(
    "picture_map",
    "picture_map.css",
    "picture_map_points.js",
    "picture_map_paint.js",
    "picture_map_thumbs.js",
    "picture_map_drawing.js",
    "picture_map_pointing.js",
    "picture_map.js",
)
# Carries large arrays to the browser as bytes. A message whose bytes did not change is not sent again, so a new
# selection or legend does not send the positions of all points with it.
_carrier = component("picture_map_data", "picture_map_data.js", html="")

LegendEntry = tuple[int, str, int]


def picture_map(
    *,
    key: str,
    title: str,
    ids: np.ndarray,
    points: np.ndarray,
    colours: np.ndarray,
    palette: Sequence[tuple[str, str]],
    names: Sequence[str] | None = None,
    thumbs: str = "",
    legend: Sequence[LegendEntry] = (),
    selected: Collection[int] | None = None,
    on_select: Callable[[list[int]], None] | None = None,
    on_pick: Callable[[int], None] | None = None,
    height: int = 560,
) -> None:
    """Draw the map; `on_select(ids)` and `on_pick(id)` are called before the page is redrawn.

    `ids` (n,), `points` (n, 2) float32, `colours` (n,) an index into `palette` (light, dark), −1 for grey. `thumbs` is
    a URL with `{id}` in it. `legend`: (colour index, text, count). `selected`: ids to mark, None leaves the marks to
    the browser. `height` in pixels. Raises BadParameter if the lengths differ or a point is not finite.
    """
    ids, points = np.asarray(ids), np.asarray(points)
    _check(ids, points, colours, names)
    heavy = {"points": _points_bytes(ids, points, names), "colours": np.asarray(colours).astype("<u2").tobytes()}
    digests = {part: hashlib.sha256(data).hexdigest()[:16] for part, data in heavy.items()}
    data = {
        "key": key,
        "title": title,
        "parts": digests,
        "count": len(ids),
        "palette": [list(pair) for pair in palette],
        "noise": NOISE,
        "thumbs": thumbs,
        "legend": [{"colour": int(c) if c >= 0 else 0xFFFF, "text": text, "count": int(n)} for c, text, n in legend],
        "selected": None if selected is None else pack(np.isin(ids, list(selected))),
        "selects": on_select is not None,
        "picks": on_pick is not None,
        "height": height,
    }
    with st.container(gap=None):
        for part, found in heavy.items():
            _carrier(data=_message(digests[part], part, found), key=f"{key}-{part}")
        _map(data=data, key=key, **_callbacks(key, ids, digests["points"], on_select, on_pick))


def pack(marked: np.ndarray) -> str:
    """(n,) of bool as base64 of one bit each, lowest bit first: 50,000 take 8 KB. Nothing marked is ""."""
    return base64.b64encode(np.packbits(marked, bitorder="little").tobytes()).decode() if marked.any() else ""


def unpack(bits: str, count: int) -> np.ndarray:
    """The rows marked by `pack`, (k,), out of `count`; invalid input marks none."""
    try:
        found = np.frombuffer(base64.b64decode(bits, validate=True), np.uint8)
    except ValueError:
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.unpackbits(found, bitorder="little")[:count])


def _check(ids: np.ndarray, points: np.ndarray, colours: np.ndarray, names: Sequence[str] | None) -> None:
    n = len(ids)
    for thing, found in (
        ("points", len(points)),
        ("colours", len(colours)),
        ("names", n if names is None else len(names)),
    ):
        if found != n:
            raise BadParameter(f"number of {thing}", "a map", f"{n:,}, one for each picture", f"{found:,}")
    if points.shape != (n, 2) or not np.isfinite(points).all():
        raise BadParameter("points", "a map", "two finite numbers each", str(points.shape))


def _points_bytes(ids: np.ndarray, points: np.ndarray, names: Sequence[str] | None) -> bytes:
    """Positions, ids, then the zero-separated names."""
    words = b"" if names is None else "\0".join(name.replace("\0", " ") for name in names).encode("utf-8", "replace")
    return points.astype("<f4").tobytes() + ids.astype("<i4").tobytes() + words


def _message(digest: str, part: str, data: bytes) -> bytes:
    """A message: the length of a header, the header (JSON), the bytes; each aligned to four bytes."""
    head = json.dumps({"digest": digest, "part": part}).encode()
    head += b" " * (-len(head) % 4)
    return len(head).to_bytes(4, "little") + head + data


def _callbacks(
    key: str,
    ids: np.ndarray,
    digest: str,
    on_select: Callable[[list[int]], None] | None,
    on_pick: Callable[[int], None] | None,
) -> dict[str, Any]:
    known = ids  # of the map that the visitor saw: the next run's callback uses that run's ids

    def selected() -> None:
        found = getattr(st.session_state.get(key), "select", None)
        if on_select and isinstance(found, dict) and found.get("points") == digest:
            on_select([int(id) for id in known[unpack(str(found.get("bits", "")), len(known))]])

    def picked() -> None:
        id = getattr(st.session_state.get(key), "pick", None)
        if on_pick and isinstance(id, int):
            on_pick(id)

    return {"on_select_change": selected, "on_pick_change": picked}
