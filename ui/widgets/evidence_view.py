"""Two pictures with a map of each place's contribution; hovering over a place shows where it matches."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from engine.core.humanize import percent
from engine.evidence.drawing import HUE
from engine.evidence.evidence import Evidence
from engine.evidence.explanation import Explanation

_HERE = Path(__file__).parent
_DIGITS = 7  # of a contribution
_LINES = 12
_LESS = "less the mean picture"  # what is left when what all pictures share is taken off

_view = st.components.v2.component(
    "benzer_evidence",
    html='<div class="root"></div>',
    css=(_HERE / "evidence_view.css").read_text(encoding="utf-8"),
    js=(_HERE / "evidence_view.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class ShownSide:
    """A picture of the pair: the bytes of an image file, and its name."""

    image: bytes
    name: str


def evidence_view(explanation: Explanation, first: ShownSide, second: ShownSide, *, key: str) -> None:
    """Draw both pictures with their maps, and the lines between the places that add most."""
    _view(data=evidence_data(explanation, first, second), key=key)


def evidence_data(explanation: Explanation, first: ShownSide, second: ShownSide) -> dict[str, Any]:
    """What the browser needs."""
    return {
        "metric": explanation.metric,
        "hue": list(HUE),
        "sides": [{"src": _address(side.image), "name": side.name} for side in (first, second)],
        "parts": [
            *(_part(part) for part in explanation.parts if not part.whole),
            *(_part(part, _LESS) for part in explanation.beyond if not part.whole),
        ],
        "lines": _LINES,
    }


def _part(part: Evidence, of: str = "") -> dict[str, Any]:
    title = part.title if part.weight == 1 else f"{part.title} ({percent(part.weight)})"
    return {
        "title": f"{title}, {of}" if of else title,
        "maps": [part.first.round(_DIGITS).tolist(), part.second.round(_DIGITS).tolist()],
        "pairs": part.pairs.round(_DIGITS).tolist(),
        "total": part.total,
    }


def _address(image: bytes) -> str:
    kind = "webp" if image[8:12] == b"WEBP" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
