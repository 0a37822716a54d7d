"""Pictures in rows that fill the width, never cropped: what is found, with actions on each, or pages to browse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.collections.collection import Images
from ui.widgets.component import component
from ui.widgets.gallery import thumbnail_url

FIRST, STEP = 8, 24  # pictures shown first, and how many more at a time

# Name of the drawing, what it says, and the key.
_ACTIONS = (
    ("similar", "Search with this picture", "Enter"),
    ("plus", "Like this, too", "+"),
    ("minus", "Not like this", "-"),
    ("look", "Look at the picture", "Space"),
    ("info", "Facts", "I"),
    ("tick", "Select", "X"),
)

_grid = component(
    "picture_grid",
    "picture_grid.css",
    "look.css",
    "picture_icons.js",
    "picture_layout.js",
    "selection.js",
    "facts.js",
    "look.js",
    "look_address.js",
    "picture_grid.js",
)

Act = Callable[[str, list[int], object], None]


@dataclass(frozen=True)
class Picture:
    """A picture of the grid.

    Attributes:
        src: the address of its thumbnail. name: of its file. path: below the collection's folder.
        size: upright width and height in pixels. second: its label and text, "" for none.
        same: whether its label is the query's (None: unknown). distance: to the query, None if it has none.
        missed: found by exact search alone. chosen: it is the query.
        stars: 1 to 5, 0 for none.
        chance: how likely a picture is as near by chance. alike: the probability of the query's label; "" if unknown.
    """

    id: int
    src: str
    name: str
    path: str = ""
    size: tuple[int, int] = (1, 1)
    second: str = ""
    same: bool | None = None
    distance: float | None = None
    missed: bool = False
    chosen: bool = False
    stars: int = 0
    chance: str = ""
    alike: str = ""

    def as_data(self) -> dict[str, Any]:
        """What the browser needs, empty entries left out."""
        data = {name: value for name, value in vars(self).items() if value not in (None, "")}
        if not self.stars:
            del data["stars"]
        if self.distance is not None:
            data["distance"] = f"{self.distance:.3g}" if self.distance >= 100 else f"{self.distance:.3f}"
        return data


def picture_of(collection: str, images: Images, row: int, **more: Any) -> Picture:
    """The picture in that row of a collection; `more` are further attributes."""
    id, path = int(images.ids[row]), images.names[row]
    width, height = images.shapes[row].tolist() if len(images.shapes) else (0, 0)
    return Picture(
        id=id,
        src=thumbnail_url(collection, id, images.hashes[row]),
        name=path.rpartition("/")[2],
        path=path,
        size=(width or 1, height or 1),
        **more,
    )


def picture_grid(
    collection: str,
    pictures: Sequence[Picture],
    *,
    key: str,
    title: str,
    on_act: Act,
    kind: str = "answers",
    words: bool = True,
    first: int = FIRST,
    more: Sequence[tuple[str, str]] = (),
    scroll: bool = True,
    facts: str = "",
    further: Sequence[tuple[str, str, str]] = (),
) -> None:
    """Draw the pictures; `on_act(what, ids, value)` is called before the page is redrawn.

    `what` is "similar" for a click on a picture, "plus" and "minus" for an example to be like and not to be like,
    "tag", "untag", "stars" and "suggested" (a label) with a value; and those of the buttons below, `more`: (what, what
    it says). The first `first` pictures are as large as the window shows at once; 0 makes all rows low. `words`: names
    stand below.
    `further` are actions on a picture besides the usual ones: (what, what it says, key).
    `facts` changes with what is known of the pictures, so that it is asked again.
    """

    def acted() -> None:
        act = getattr(st.session_state.get(key), "act", None)
        if isinstance(act, dict) and isinstance(act.get("what"), str):
            on_act(act["what"], [int(id) for id in act.get("ids", []) if isinstance(id, int)], act.get("value"))

    data = {
        "collection": collection,
        "facts": facts,
        "items": [picture.as_data() for picture in pictures],
        "title": title,
        "kind": kind,
        "words": words,
        "first": first,
        "step": STEP,
        "more": [list(button) for button in more],
        "scroll": scroll,
        "actions": [*_ACTIONS, *further],
    }
    _grid(data=data, key=key, on_act_change=acted)
