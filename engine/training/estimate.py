"""How long a training will take, from a few timed batches of synthetic pictures."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.core.device import device, keep_freed_memory
from engine.core.progress import Reporter
from engine.core.stopwatch import median_seconds
from engine.runs.run import Run
from engine.training.config import LEAST_IMAGES, TrainingConfig
from engine.training.loop import Training
from engine.training.pictures import Data

_BATCHES = 2  # timed, after one to warm up
_MOST = {"cpu": 8, "cuda": 4096}  # pictures of _SIDE pixels per batch: enough to run at nearly full speed
_SIDE = 224


@dataclass(frozen=True)
class Estimate:
    """Images per second while training, and the seconds of the whole training including validation."""

    images_per_second: float
    seconds: float


def estimate(config: TrainingConfig, images: int) -> Estimate:
    """Time a few batches of this training on this machine; takes 3 to 10 seconds and stores nothing.

    Args:
        images: how many the collection has; the config's limit and validation share are taken off.
    """
    keep_freed_memory()
    images = min(images, config.limit or images)
    held_out = int(images * config.validation)
    batch = min(config.batch, _MOST[device().name] * max(1, _SIDE // config.size) ** 2)
    with tempfile.TemporaryDirectory() as folder:
        training = _training(replace(config, batch=batch, limit=None, validation=0.5), 2 * batch, Path(folder))
        training.optimizer.param_groups[0]["lr"] = 0.0  # synthetic pictures must not lead to a NaN loss
        a_step = median_seconds(lambda: _step(training, batch), _BATCHES) / batch
        a_look = median_seconds(training.held_out_losses, _BATCHES) / len(training.held_out)
        a_start = median_seconds(lambda: _start(training), _BATCHES) / len(training.ids)
    an_epoch = (images - held_out) * a_step + (held_out + min(config.probe, images) / 2) * a_look + images * a_start
    return Estimate(round(1 / a_step, 2), config.epochs * an_epoch)


def _training(config: TrainingConfig, count: int, folder: Path) -> Training:
    count = max(count, LEAST_IMAGES)
    pixels = np.random.default_rng(0).integers(0, 256, (count, config.size, config.size, 3), dtype=np.uint8)
    config = replace(config, clusters=min(config.clusters, max(2, count // 4)))
    labels = tuple("ab"[row % 2] for row in range(count)) if config.learns_labels else ("",) * count
    training = Training.on_pictures(
        config, Data(pixels, np.arange(count), labels), Run(folder), Reporter(), device(config.precision)
    )
    training.begin_epoch()
    return training


def _start(training: Training) -> None:
    """Begin the next epoch, for which a network that learns from its own groups encodes every picture."""
    training.position.epoch += 1
    training.begin_epoch()


def _step(training: Training, batch: int) -> None:
    training.step(training.learning[:batch])
    training.flush_losses()  # GPUs run asynchronously: reading the loss waits for them
