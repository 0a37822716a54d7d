"""A network without a decoder that learns from augmented views of the pictures; `view_losses/` are its losses.

Views of every picture are drawn: parts of it, flipped, in other colours. A projector stands behind the network and is
thrown away afterwards. The colours vary half as much as is usual, as colour is much of what makes photographs alike.
Beside two views of the full size there may be small ones, of small parts (multi-crop): each is compared with both.

Sources: Chen et al., "A simple framework for contrastive learning of visual representations", 2020; Cao and Wu,
"Rethinking self-supervised learning: small is beautiful", 2021 (small networks at small resolution for small data);
Caron et al., "Unsupervised learning of visual features by contrasting cluster assignments", 2020 (multi-crop).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import torch
from torch import Tensor, nn

from engine.core.device import Device
from engine.training.augment import SMALL_PART, half_colour_view
from engine.training.config import TrainingConfig
from engine.training.objective import Epoch
from engine.training.objectives.balance import in_rounds, whole_batches
from engine.training.objectives.body import Body, Weights, body, seeded
from engine.training.pictures import ORDER, Data, Pictures, Rows, shuffled
from engine.training.view_losses import view_losses

PROJECTED = 128  # width of the vectors that are compared while training


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


class Views:
    """Learning from views as an objective of the training loop (see `objective.Objective`)."""

    def __init__(self, config: TrainingConfig, device: Device, data: Data, first: Weights | None = None) -> None:
        self.config, self.device = config, device
        self.wanted = view_losses()[config.objective](config.temperature, config.settings)
        self.codes = np.unique(np.asarray(data.labels, dtype=str), return_inverse=True)[1]
        state = State(body(config, first), config.seed)
        self.network: State = state.to(device.name, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def weights(self) -> dict[str, Tensor]:
        return self.network.body.weights()

    def begin_epoch(self, number: int, pictures: Pictures, learning: Rows, check: Callable[[], None]) -> Epoch:
        """Every row once, in this epoch's own order, and the first of them again to fill the last batch.

        Where labels are learned, every batch is balanced over them instead.
        """
        if self.wanted.learns_labels:
            random = np.random.default_rng([self.config.seed, ORDER, number])
            order = learning[in_rounds(self.codes[learning], self.config.batch, random)]
        else:
            order = shuffled(learning, self.config.seed, number)
        return Epoch(whole_batches(order, self.config.batch))

    def loss(self, pictures: Tensor, generator: torch.Generator, rows: Rows) -> Tensor:
        """The mean loss over all pairs of views of which one is of the full size."""
        side = self.config.views or self.config.size
        full = torch.cat([half_colour_view(pictures, side, generator) for _ in range(2)])
        sizes = [full]
        if self.config.crops:
            small = (half_colour_view(pictures, side // 2, generator, SMALL_PART) for _ in range(self.config.crops))
            sizes.append(torch.cat(list(small)))
        with seeded(generator):
            return self._loss(sizes, rows)

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

    def _loss(self, sizes: Sequence[Tensor], rows: Rows) -> Tensor:
        with self._precision():
            projected = [self.network(views).float() for views in sizes]
        views = [view for found in projected for view in found.chunk(len(found) // len(rows))]
        codes = self.codes[rows] if self.wanted.learns_labels else np.arange(len(rows))
        labels = torch.from_numpy(codes).to(self.device.name)
        pairs = [pair for pair in combinations(range(len(views)), 2) if pair[0] < 2]
        return torch.stack([self.wanted.between(views[a], views[b], labels) for a, b in pairs]).mean()

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.name, dtype=self.device.dtype, enabled=self.device.reduced)
