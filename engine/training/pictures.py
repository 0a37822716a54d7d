"""The pictures of a training: which ones, in which order, and how they reach the network.

Every order and every random stream is a function of its purpose, so an interrupted training resumes exactly where it
was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.device import Device
from engine.core.errors import BadParameter
from engine.training.config import LEAST_IMAGES, TrainingConfig
from engine.training.split import learned_labels

Rows = NDArray[np.int64]

ORDER, NOISE, CHECK, PROBE, GROUPS = 1, 3, 4, 5, 6  # what a random stream is for; 2 and 7 are those of `split.py`


@dataclass(frozen=True)
class Data:
    """The pictures of a training.

    Attributes:
        pixels: (m, s, s, 3) uint8, decoded; may be a memory map that also holds unused pictures.
        ids: (n,) of the pictures in the collection. labels: (n,) theirs, "" for none.
        places: (n,) their rows in `pixels`; None if `pixels` holds exactly these, in order.
    """

    pixels: NDArray[np.uint8]
    ids: Rows
    labels: tuple[str, ...]
    places: Rows | None = None

    def checked(self, config: TrainingConfig) -> Data:
        """Itself; BadParameter for pictures of the wrong size, or fewer than a training needs."""
        if self.pixels.ndim != 4 or self.pixels.shape[1:] != (config.size, config.size, 3):
            wanted = f"(n, {config.size}, {config.size}, 3)"
            raise BadParameter("shape of the pictures", "the training", wanted, self.pixels.shape)
        if len(self.ids) < LEAST_IMAGES:
            raise BadParameter("number of pictures", "a training", f"at least {LEAST_IMAGES}", len(self.ids))
        config.check_clusters(len(self.ids))
        if config.learns_labels:
            config.check_labels(learned_labels(self.labels, config))
        return self


class Pictures:
    """Decoded pictures, handed out as float batches in channels_last; kept entirely on the GPU if they fit."""

    def __init__(self, data: Data, device: Device) -> None:
        self.device, self.pixels, self.places = device, data.pixels, data.places
        self.resident: Tensor | None = None
        needed = len(data.ids) * data.pixels[:1].nbytes
        if device.name == "cuda" and needed < torch.cuda.mem_get_info()[0] // 2:
            chosen = data.pixels if data.places is None else data.pixels[data.places]
            self.resident = torch.from_numpy(np.ascontiguousarray(chosen)).to(device.name)

    def take(self, rows: Rows) -> Tensor:
        """(b,) rows to (b, 3, s, s) float32 in [0, 1]."""
        if self.resident is not None:
            chosen = self.resident[torch.from_numpy(rows).to(self.device.name)]
        else:
            places = rows if self.places is None else self.places[rows]
            chosen = torch.from_numpy(self.pixels[places]).to(self.device.name)
        return chosen.permute(0, 3, 1, 2).float().div_(255)  # (b, s, s, 3) in memory is channels_last


def shuffled(rows: Rows, seed: int, epoch: int) -> Rows:
    """The rows in the order of this epoch."""
    order: Rows = np.random.default_rng([seed, ORDER, epoch]).permutation(rows)
    return order


def batches(rows: Rows, size: int) -> Iterator[Rows]:
    """The rows in consecutive batches of `size`; the last may be smaller."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def stream(*parts: int) -> torch.Generator:
    """A separate random stream for every purpose, epoch and batch."""
    seed = int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1))
    return torch.Generator().manual_seed(seed)
