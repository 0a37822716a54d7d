"""A classifier's predictions as drawn in the browser, and the script and style that its components share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def shared(file: Path) -> str:
    """The script or style of a component that draws predictions, after the shared part."""
    parts = (HERE / f"predictions{file.suffix}", file)
    return "\n".join(part.read_text(encoding="utf-8") for part in parts)


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
