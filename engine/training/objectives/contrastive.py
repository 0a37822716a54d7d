"""Contrastive learning alone: a network that tells which views show the same picture, without labels or a decoder.

Two views of every picture are drawn: a part of it, mirrored, in other colours. The network must find each view's
partner among all views of the batch (NT-Xent), through a projector that is thrown away afterwards. The colours vary
half as much as is usual, as colour is much of what makes photographs alike.

Source: Chen et al., "A simple framework for contrastive learning of visual representations", 2020; Cao and Wu,
"Rethinking self-supervised learning: small is beautiful", 2021 (small networks at small resolution for small data).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from engine.core.device import Device
from engine.training.augment import half_colour_view
from engine.training.config import TrainingConfig
from engine.training.objective import Epoch
from engine.training.objectives.body import Body, Weights, body, seeded
from engine.training.objectives.contrast import nt_xent
from engine.training.pictures import Pictures, Rows, shuffled

PROJECTED = 128  # width of the vectors that are compared while training


def whole_batches(order: Rows, size: int) -> Rows:
    """The order with the first rows once more at its end, so that the last batch is as large as the others.

    Few views are easily told apart, and their statistics are noise. Fewer rows than one batch stay as they are.
    """
    missing = -len(order) % size if len(order) > size else 0
    return np.resize(order, len(order) + missing)


class State(nn.Module):
    """All mutable state: the network and the projector."""

    def __init__(self, network: Body, seed: int) -> None:
        super().__init__()
        self.body = network
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            width = network.features
            self.projector = nn.Sequential(
                nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, PROJECTED)
            )

    def forward(self, views: Tensor) -> Tensor:
        projected: Tensor = self.projector(self.body(views))
        return projected


class Contrastive:
    """Contrastive learning as an objective of the training loop (see `objective.Objective`)."""

    def __init__(self, config: TrainingConfig, device: Device, first: Weights | None = None) -> None:
        self.config, self.device = config, device
        state = State(body(config, first), config.seed)
        self.network: State = state.to(device.name, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def weights(self) -> dict[str, Tensor]:
        return self.network.body.weights()

    def begin_epoch(self, number: int, pictures: Pictures, learning: Rows, check: Callable[[], None]) -> Epoch:
        """Every row once, in this epoch's own order, and the first of them again to fill the last batch."""
        return Epoch(whole_batches(shuffled(learning, self.config.seed, number), self.config.batch))

    def loss(self, pictures: Tensor, generator: torch.Generator, rows: Rows) -> Tensor:
        """The contrastive loss over two views of each picture."""
        side = self.config.views or self.config.size
        views = torch.cat([half_colour_view(pictures, side, generator) for _ in range(2)])
        with seeded(generator):
            return self._loss(views)

    def measures(self, pictures: Tensor, generator: torch.Generator, rows: Rows) -> dict[str, Tensor]:
        """The training loss of held-out pictures, which needs views as well."""
        return {"loss": self.loss(pictures, generator, rows)}

    def vectors(self, pictures: Tensor) -> Tensor:
        """(n, d) as the encoder gives them, without the projector."""
        with self._precision():
            found = self.network.body.vectors(pictures)
        return found.float()

    def reconstructed(self, pictures: Tensor) -> None:
        """Nothing: there is no decoder."""

    def _loss(self, views: Tensor) -> Tensor:
        with self._precision():
            projected = self.network(views)
        return nt_xent(projected.float(), self.config.temperature)

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.name, dtype=self.device.dtype, enabled=self.device.reduced)
