"""The curves of a run as TensorBoard files: tensorboard --logdir weights/<run>/tensorboard"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.core.storage import full_disk_named

_NAMES = {
    "train": "loss/train",
    "validation": "loss/validation",
    "mse": "held out/MSE",
    "ssim": "held out/1 - SSIM",
    "retrieval": "retrieval",
    "recognition": "altered copy found",
    "nmi": "groups/NMI with the epoch before",
    "label_nmi": "groups/NMI with the labels",
    "clusters": "groups/number",
    "rate": "learning rate",
    "images_per_second": "images per second",
}


class TensorBoard:
    """Writes the events of a run, one file per session; a continued run hides the steps it repeats."""

    def __init__(self, folder: Path, epochs_done: int | None) -> None:
        from tensorboardX import SummaryWriter

        with full_disk_named("the curves for TensorBoard"):
            self.writer = SummaryWriter(str(folder), purge_step=None if epochs_done is None else epochs_done + 1)

    def note(self, event: Mapping[str, Any]) -> None:
        """Add the event of an epoch."""
        with full_disk_named("the curves for TensorBoard"):
            for key, name in _NAMES.items():
                if event.get(key) is not None:
                    self.writer.add_scalar(name, event[key], event["epoch"])
            self.writer.flush()

    def close(self) -> None:
        with suppress(OSError):  # every event is on disk already
            self.writer.close()
