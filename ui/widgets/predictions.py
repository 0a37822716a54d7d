"""A classifier's predictions as drawn in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.core.humanize import probability


def bars(said: Sequence[tuple[str, float]] | None, most: int = 3) -> list[dict[str, Any]]:
    """The most probable classes with their probabilities; empty without a prediction."""
    return [{"label": label, "share": share, "percent": probability(share)} for label, share in (said or ())[:most]]
