"""A run as TensorBoard files, curves, settings and vectors: tensorboard --logdir weights/<run>/tensorboard"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn import functional

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


SIDE = 48  # pixels of a picture among the others
_PROBE = "probe"


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """All settings in one level: those of the schedule and the objective beside the others."""
    parts = {name: part for name, part in settings.items() if isinstance(part, Mapping)}
    return {**settings, **{f"{name}.{key}": value for name, part in parts.items() for key, value in part.items()}}


def small(pictures: Tensor) -> Tensor:
    """(n, 3, s, s) pictures as small as the projector shows them."""
    return functional.interpolate(pictures.float().cpu(), (SIDE, SIDE), mode="area")


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

    def describe(self, settings: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Add the settings with the measures of the kept weights, for the tab HParams; again only replaces them."""
        from tensorboardX.summary import hparams

        plain = {name: value for name, value in _flat(settings).items() if isinstance(value, bool | int | float | str)}
        measures = {name: float(event[key]) for key, name in _NAMES.items() if event.get(key) is not None}
        with full_disk_named("the settings for TensorBoard"):
            for summary in hparams(plain, measures):
                self.writer.file_writer.add_summary(summary)
            self.writer.flush()

    def project(self, epoch: int, vectors: Tensor, names: Sequence[str], pictures: Tensor) -> None:
        """Store (p, d) vectors with a name and a small picture each, for the tab Projector; once for an epoch."""
        if (Path(self.writer.logdir) / f"{epoch:05d}").exists():
            return
        with full_disk_named("the vectors for TensorBoard"):
            self.writer.add_embedding(vectors.float().cpu(), list(names), pictures, epoch, _PROBE)

    def close(self) -> None:
        with suppress(OSError):  # every event is on disk already
            self.writer.close()
