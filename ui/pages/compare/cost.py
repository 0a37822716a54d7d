"""About how long an experiment takes: its trainings, and measuring its cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.pages.train.state import seconds_known
from ui.session.opened import workbench
from ui.shared.job_progress import duration

# Measured on two processor cores; only the order of magnitude matters.
_SECONDS_A_CELL = 2.0
_SECONDS_A_PAIR = 2e-6  # for each query and each image
_IMAGES_A_SECOND = 120.0  # embedded by an autoencoder at 224 pixels

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Cost:
    """`seconds` of what is known; `unknown` trainings whose time nobody has measured yet."""

    seconds: float
    unknown: int

    def sentence(self) -> str:
        """For people, e.g. "About 12 min, and 2 trainings on top whose time is not known yet"."""
        about = f"About {duration(self.seconds)} on this computer"
        if not self.unknown:
            return about + "."
        trainings = "1 training" if self.unknown == 1 else f"{self.unknown} trainings"
        return f"{about}, plus {trainings} of unknown duration."


def cost(configs: Sequence[Config], encoders: int, cells: int, queries: int, images: int, collection: str) -> Cost:
    """Of training with these configs, embedding with so many encoders and measuring so many cells."""
    trainings = [training_seconds(config, images, collection) for config in configs]
    embedding = encoders * images / _IMAGES_A_SECOND
    measuring = cells * (_SECONDS_A_CELL + queries * images * _SECONDS_A_PAIR)
    return Cost(embedding + measuring + sum(filter(None, trainings)), trainings.count(None))


def training_seconds(config: Config, images: int, collection: str) -> float | None:
    """Of one training: as measured in this session, or going by an earlier run; None where nobody knows."""
    measured = _measured().get(_work(config, collection))
    if measured is not None:
        return measured * int(config["epochs"])
    known = seconds_known(dict(config), min(images, config["limit"] or images))
    return known[0] if known else None


def measure_trainings(configs: Sequence[Config], collection: str) -> None:
    """Measure a few batches of each kind of training whose time is not known; the session remembers."""
    for config in configs:
        work = _work(config, collection)
        if work not in _measured():
            estimate = workbench().estimate(collection, config)
            _measured()[work] = estimate.seconds / int(config["epochs"])


def _measured() -> dict[tuple[object, ...], float]:
    """Seconds an epoch, by what they depend on."""
    found: dict[tuple[object, ...], float] = st.session_state.setdefault("experiment_measured", {})
    return found


def _work(config: Config, collection: str) -> tuple[object, ...]:
    names = ("model", "size", "loss", "batch", "limit", "validation", "probe")
    return (collection, bool(config["contrast"]), *(config.get(name) for name in names))
