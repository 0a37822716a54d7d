"""Strips of pictures with a title each, to look at: a row that scrolls where it does not fit."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from ui.widgets.component import component

_strips = component("picture_strips", "picture_strips.css", "picture_strips.js")


@dataclass(frozen=True)
class StripPicture:
    """A picture of a strip: its address, alternative text, and caption."""

    src: str
    name: str
    caption: str = ""


@dataclass(frozen=True)
class Strip:
    """A strip: its title, a note behind it, and its pictures."""

    title: str
    note: str
    pictures: Sequence[StripPicture]


def picture_strips(strips: Sequence[Strip], *, key: str) -> None:
    """Draw the strips one below the other."""
    _strips(data=strips_data(strips), key=key)


def strips_data(strips: Sequence[Strip]) -> dict[str, Any]:
    """What the browser needs."""
    return {
        "strips": [
            {"title": one.title, "note": one.note, "pictures": [vars(picture) for picture in one.pictures]}
            for one in strips
        ]
    }


def inline(picture: Image.Image) -> str:
    """A picture as an address that holds it."""
    out = io.BytesIO()
    picture.convert("RGB").save(out, "WEBP", quality=88)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()
