"""A small training, and a reporter that stops it after so many reports."""

from __future__ import annotations

from typing import Any

from engine.core.errors import Stopped
from engine.core.progress import Reporter

SMALL: dict[str, Any] = {"model": 1, "size": 32, "batch": 8, "epochs": 2}


class StopAfter(Reporter):
    """A reporter through which a person asks to stop after some steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def update(self, stage: str, *values: Any, **named: Any) -> None:
        super().update(stage, *values, **named)
        self.steps -= stage == "Training"
        if self.steps < 0:
            raise Stopped
