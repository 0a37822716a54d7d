"""What is searched for: the pictures as chips, each of which can be cropped and removed, and a way to add one.

Pictures that are dropped or pasted anywhere on the page, or chosen, go to the page's uploaders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.widgets.component import component

Crop = tuple[float, float, float, float]

MEGABYTES = 200  # largest picture that may be uploaded


_line = component("query_line", "query_line.css", "picture_icons.js", "crop_stage.js", "query_line.js")


@dataclass(frozen=True)
class Chip:
    """An example of the query: `place` among the examples, `src` of its thumbnail ("": words), `name` and `path`.

    A negative `weight` is one that results should not be like.
    """

    place: int
    src: str
    name: str
    path: str = ""
    crop: Crop | None = None
    weight: float = 1.0

    def as_data(self) -> dict[str, Any]:
        """What the browser needs."""
        return vars(self) | {"crop": list(self.crop) if self.crop else None}


def query_line(
    chips: Sequence[Chip], types: Sequence[str], *, key: str, on_change: Callable[[int, str, object], None]
) -> None:
    """Draw the chips; `on_change(place, what, value)` is called before the page is redrawn.

    `what` is "crop", with shares of the sides or None for the whole picture, or "weight", where 0 takes the example
    out. `types` are the endings of the files that may be added, without the dot.
    """

    def acted() -> None:
        act = getattr(st.session_state.get(key), "act", None)
        if not isinstance(act, dict) or not isinstance(act.get("place"), int):
            return
        what, value = str(act.get("what")), act.get("value")
        on_change(act["place"], what, checked_crop(value) if what == "crop" else value)

    data = {"chips": [chip.as_data() for chip in chips], "types": list(types), "most": MEGABYTES}
    _line(data=data, key=key, on_act_change=acted)


def checked_crop(sides: object) -> Crop | None:
    """A crop sent by the browser, None for the whole picture or an invalid one."""
    try:
        left, top, right, bottom = (min(max(float(side), 0.0), 1.0) for side in sides)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return None
    if not (left < right and top < bottom) or (left, top, right, bottom) == (0, 0, 1, 1):
        return None
    return left, top, right, bottom
