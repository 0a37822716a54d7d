"""A row of filters: choices of values, a span of dates, a least size, words that a text contains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.widgets.component import component

_bar = component("filter_bar", "filter_bar.css", "picture_icons.js", "filter_bar.js")

Conditions = list[tuple[str, str]]  # operator and value


@dataclass(frozen=True)
class Filter:
    """A filter of the row.

    Attributes:
        field: its name in the engine. title: what it says.
        kind: "choice" of `values`, which are (value, what it says); "dates", "least" of `values`, or "contains".
        chosen: the conditions in force.
        rare: it stands behind *More filters*.
    """

    field: str
    title: str
    kind: str = "choice"
    values: Sequence[tuple[str, str]] = ()
    chosen: Sequence[tuple[str, str]] = ()
    rare: bool = False


def filter_bar(
    filters: Sequence[Filter],
    *,
    key: str,
    include: bool | None,
    on_filter: Callable[[str, Conditions], None],
    on_include: Callable[[bool], None],
    on_clear: Callable[[], None],
    offer: str = "",
    on_offer: Callable[[], object] | None = None,
) -> None:
    """Draw the row; `on_filter(field, conditions)` gets those that hold for the field from now on.

    `include` is whether the query picture is among the results, None if there is none. `offer` says what would make
    further filters possible, and `on_offer` does it.
    """

    def acted() -> None:
        act: dict[str, Any] = getattr(st.session_state.get(key), "act", None) or {}
        if act.get("what") == "filter":
            on_filter(str(act["field"]), [(str(sign), str(value)) for sign, value in act["conditions"]])
        elif act.get("what") == "include":
            on_include(bool(act.get("value")))
        elif act.get("what") == "clear":
            on_clear()
        elif act.get("what") == "offer" and on_offer is not None:
            on_offer()

    data = {"filters": [vars(one) for one in filters], "include": include, "offer": offer}
    _bar(data=data, key=key, on_act_change=acted)
