"""The query picture, which can be cropped by dragging or with the arrow keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

Crop = tuple[float, float, float, float]

_HERE = Path(__file__).parent

_crop = st.components.v2.component(
    "benzer_crop",
    html='<div class="root"></div>',
    css=(_HERE / "crop.css").read_text(encoding="utf-8"),
    js=(_HERE / "crop.js").read_text(encoding="utf-8"),
)


def crop_picture(src: str, alt: str, crop: Crop | None, *, key: str, on_crop: Callable[[Crop | None], None]) -> None:
    """Draw the picture at `src`; `on_crop` gets the crop as shares of its sides, None for the whole picture."""

    def chosen() -> None:
        sides = getattr(st.session_state.get(key), "crop", None)
        if sides is not None:
            on_crop(checked_crop(sides))

    _crop(data={"src": src, "alt": alt, "crop": list(crop) if crop else None}, key=key, on_crop_change=chosen)


def checked_crop(sides: object) -> Crop | None:
    """A crop sent by the browser, None for the whole picture or an invalid one."""
    try:
        left, top, right, bottom = (min(max(float(side), 0.0), 1.0) for side in sides)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return None
    if not (left < right and top < bottom) or (left, top, right, bottom) == (0, 0, 1, 1):
        return None
    return left, top, right, bottom
