"""How long the trainings of an experiment take, including timings of this session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from engine.workbench import cost
from ui.session.opened import workbench

Config = Mapping[str, Any]


def training_seconds(config: Config, images: int, collection: str) -> float | None:
    """The seconds of a training: as timed in this session, or from an earlier run; None if neither is known."""
    measured = _measured().get(_work(config, collection))
    if measured is not None:
        return measured * int(config["epochs"])
    known = cost.training_seconds(workbench().home, config, min(images, config["limit"] or images))
    return known[0] if known else None


def measure_trainings(configs: Sequence[Config], collection: str) -> None:
    """Time a few batches of each kind of training of unknown duration; the session remembers the result."""
    for config in configs:
        work = _work(config, collection)
        if work not in _measured():
            estimate = workbench().estimate(collection, config)
            _measured()[work] = estimate.seconds / int(config["epochs"])


def _measured() -> dict[tuple[object, ...], float]:
    """Measured seconds per epoch, by the settings that they depend on."""
    found: dict[tuple[object, ...], float] = st.session_state.setdefault("experiment_measured", {})
    return found


def _work(config: Config, collection: str) -> tuple[object, ...]:
    names = ("model", "size", "loss", "batch", "limit", "validation", "probe")
    return (collection, bool(config["contrast"]), *(config.get(name) for name in names))
