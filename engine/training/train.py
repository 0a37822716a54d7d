"""From a collection to a trained run: what the command line and the pages call."""

from __future__ import annotations

import platform
import time
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadParameter
from engine.home import Home
from engine.jobs import Reporter
from engine.training import runs
from engine.training.config import LEAST_IMAGES, TrainingConfig

if TYPE_CHECKING:
    from engine.encoders.device import Device


class TrainingCollection(Protocol):
    """What training needs of a collection."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    def __len__(self) -> int: ...
    def fingerprint(self) -> str: ...
    def pixels(self, size: int, report: Reporter) -> tuple[NDArray[np.int64], NDArray[np.uint8]]: ...


def train_run(home: Home, config: TrainingConfig, collection: TrainingCollection, reporter: Reporter) -> runs.Run:
    """Train an autoencoder on a collection and store it as a run.

    Raises:
        BadParameter: fewer images than a training needs. NameTaken: a run has that name.
        Diverged, Stopped: as in `loop.train`; the run then holds the best weights so far, if any.
    """
    if len(collection) < LEAST_IMAGES:
        raise BadParameter("number of images", "a training", f"at least {LEAST_IMAGES}", len(collection))
    _, pixels = collection.pixels(config.size, reporter)
    rows = chosen_rows(len(pixels), config)
    from engine.encoders.device import device
    from engine.training.loop import train

    name = config.name or runs.fresh_name(home, f"{collection.name}-model-{config.model}")
    run = runs.create(home, name, config.as_dict(), card(config, collection, len(rows), device()))
    return train(config, pixels if len(rows) == len(pixels) else pixels[rows], run, reporter, device())


def chosen_rows(count: int, config: TrainingConfig) -> NDArray[np.int64]:
    """The rows to train on: all, or `limit` of them drawn by the seed."""
    if config.limit is None or config.limit >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng([config.seed, 0]).permutation(count)[: config.limit])


def card(config: TrainingConfig, collection: TrainingCollection, images: int, device: Device) -> dict[str, Any]:
    """How the weights are being made, for people and for the record."""
    import torch

    return {
        "title": f"Model {config.model}, trained on {collection.title}",
        "made": time.strftime("%Y-%m-%d"),
        "collection": {"name": collection.name, "title": collection.title, "fingerprint": collection.fingerprint()},
        "images": images,
        "device": device.title,
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }
