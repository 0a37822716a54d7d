"""A classifier's predictions as drawn in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def bars(said: Sequence[tuple[str, float]] | None, most: int = 3) -> list[dict[str, Any]]:
    """The most probable classes with their probabilities; empty without a prediction."""
    return [{"label": label, "share": share, "percent": percent(share)} for label, share in (said or ())[:most]]


def whole(share: float) -> str:
    """A share in whole percent: "95 %"."""
    return f"{100 * share:.0f} %"


def percent(share: float) -> str:
    """A human-readable probability: 100 % only if exact, and never 0 %."""
    if share < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < share < 1 else whole(share)
