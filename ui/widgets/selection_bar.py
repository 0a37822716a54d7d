"""Actions on the selected pictures: a bar at the foot of the window, and the outcome of the last action."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from ui.widgets.component import component
from ui.widgets.gallery import served_below

_bar = component("selection_bar", "selection_bar.css", "picture_icons.js", "selection.js", "selection_bar.js")


@dataclass(frozen=True)
class Notice:
    """The outcome of an action: `number` identifies it, `undo` is whether it can be undone.

    `gone` are pictures that are no longer there, and thus no longer selected.
    """

    number: int
    text: str
    undo: bool = False
    wrong: bool = False
    gone: tuple[int, ...] = ()


def selection_bar(
    collection: str,
    *,
    key: str,
    known: Mapping[str, Sequence[str]],
    folder: str,
    notice: Notice | None,
    trash_refused: str,
    on_act: Callable[[str, list[int], object], None],
) -> None:
    """Draw the bar; `on_act(what, ids, value)` is called before the page is redrawn.

    `what` is "examples", "tag", "untag", "stars", "label", "files" (to a folder), "sidecars" or "trash", or, without
    ids, "undo" and "dismiss". `known` are values to choose from for "tag" and "label"; `folder` is proposed for files.
    `trash_refused` is why nothing can be moved to the trash, "" if it can.
    """

    def acted() -> None:
        act: dict[str, Any] = getattr(st.session_state.get(key), "act", None) or {}
        ids = [int(id) for id in act.get("ids", []) if isinstance(id, int)]
        if isinstance(act.get("what"), str):
            on_act(act["what"], ids, act.get("value"))

    data = {
        "collection": collection,
        "selected": served_below("selected", collection),
        "known": {what: list(values) for what, values in known.items()},
        "folder": folder,
        "trashRefused": trash_refused,
        "notice": asdict(notice) if notice else None,
    }
    _bar(data=data, key=key, on_act_change=acted)
