"""A row of filters: choices of values, a span of dates, a least size, words that a text contains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent
# A single script concatenated from readable parts, the entry point last.
_PARTS = ("picture_icons.js", "filter_bar.js")

_bar = st.components.v2.component(
    "benzer_filter_bar",
    html='<div class="root"></div>',
    css=(_HERE / "filter_bar.css").read_text(encoding="utf-8"),
    js="\n".join((_HERE / part).read_text(encoding="utf-8") for part in _PARTS),
)

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

    def told() -> None:
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
    _bar(data=data, key=key, on_act_change=told)
