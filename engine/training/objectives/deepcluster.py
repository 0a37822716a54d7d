"""DeepCluster: a network alternates between clustering the pictures by its features and learning these clusters.

Before every epoch the vectors of all pictures are computed, whitened and grouped by k-means; the group numbers are the
labels of that epoch (pseudo-labels). A fresh head learns to predict the group of each picture from augmented views of
it, in batches balanced over the groups. The network keeps what identifies a picture's group in any view of it, and so
the next groups are better. Labels of the collection are never used for learning.

Source: Caron et al., "Deep clustering for unsupervised learning of visual features", 2018. Different here, to suit
collections of hundreds of pictures instead of a million: the head is not initialised at random, which takes thousands
of steps to make up for, but with the grouping itself (the whitening and the group centres); and vectors are whitened to
no more dimensions than that many pictures can support.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from engine.core.device import Device
from engine.training.config import TrainingConfig
from engine.training.objective import Epoch
from engine.training.objectives.body import Body, Weights, body, seeded
from engine.training.objectives.contrast import view
from engine.training.objectives.pseudo_labels import Whitening, evenly, kmeans, nearest, nmi
from engine.training.pictures import GROUPS, ORDER, Data, Pictures, Rows, batches
from models.cosine_head import CosineHead

DIMENSIONS = 256  # most that vectors are whitened to, as in the paper
PICTURES_EACH = 16  # fewest pictures per dimension: with fewer, whitening amplifies noise in the small directions
_FIGURES = ("nmi", "label_nmi", "clusters")
_BATCH = 64  # pictures encoded together before an epoch


class State(nn.Module):
    """All mutable state: the network, the head, and the groups of the current epoch, so that a checkpoint holds them.

    Attributes:
        labels: (n,) the group of every picture of the training, including held-out ones; −1 before the first epoch.
        epoch: which epoch they belong to. figures: their measurements, in the order of _FIGURES; NaN if not measured.
    """

    labels: Tensor
    epoch: Tensor
    figures: Tensor

    def __init__(self, network: Body, head: CosineHead, count: int) -> None:
        super().__init__()
        self.body, self.head = network, head
        self.register_buffer("labels", torch.full((count,), -1))
        self.register_buffer("epoch", torch.tensor(-1))
        self.register_buffer("figures", torch.full((len(_FIGURES),), torch.nan, dtype=torch.float64))

    def begin(self, epoch: int, labels: NDArray[np.int64], figures: dict[str, float]) -> None:
        """Set the groups of this epoch."""
        self.labels.copy_(torch.from_numpy(labels))
        self.epoch.fill_(epoch)
        self.figures.copy_(torch.tensor([figures.get(name, torch.nan) for name in _FIGURES]))

    def noted(self) -> dict[str, float]:
        """The measurements of the current epoch's groups."""
        found = zip(_FIGURES, self.figures.tolist(), strict=True)
        return {name: value for name, value in found if value == value}


class DeepCluster:
    """A network that learns from its own groups, as an objective of the training loop (see `objective.Objective`)."""

    def __init__(self, config: TrainingConfig, device: Device, data: Data, first: Weights | None = None) -> None:
        self.config, self.device, self.names = config, device, np.asarray(data.labels, dtype=str)
        network = body(config, first)
        self.dimensions = min(DIMENSIONS, network.features, max(2, len(data.ids) // PICTURES_EACH))
        head = CosineHead(network.features, self.dimensions, config.clusters)
        state = State(network, head, len(data.ids))
        self.network: State = state.to(device.name, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def weights(self) -> dict[str, Tensor]:
        return self.network.body.weights()

    def begin_epoch(self, number: int, pictures: Pictures, learning: Rows, check: Callable[[], None]) -> Epoch:
        """Regroup the pictures and start a fresh head; the order is balanced over the groups."""
        fresh: tuple[nn.Parameter, ...] = ()
        if int(self.network.epoch) != number:
            grouped = self._grouped(number, self._all_vectors(pictures, check), learning)
            self._begin(number, *grouped, learning)
            fresh = tuple(self.network.head.parameters())
        random = np.random.default_rng([self.config.seed, ORDER, number])
        own = self.network.labels.cpu().numpy()[learning]
        return Epoch(learning[evenly(own, random)], self.network.noted(), fresh)

    def loss(self, pictures: Tensor, generator: torch.Generator, rows: Rows) -> Tensor:
        """Mean cross entropy of predicting each picture's group from an augmented view of it."""
        if len(rows) == 1:  # batch normalisation needs at least two: two views of the same picture
            pictures, rows = pictures.repeat(2, 1, 1, 1), rows.repeat(2)
        views = view(pictures, self.config.views or self.config.size, generator, self.config.surroundings)
        with seeded(generator):
            return self._cross_entropy(views, rows)

    def measures(self, pictures: Tensor, generator: torch.Generator, rows: Rows) -> dict[str, Tensor]:
        """How well the nearest group of each held-out picture is predicted; empty before there are groups."""
        return {"loss": self._cross_entropy(pictures, rows)} if int(self.network.epoch) >= 0 else {}

    def vectors(self, pictures: Tensor) -> Tensor:
        """(n, d) pooled latents."""
        with torch.autocast(self.device.name, dtype=self.device.dtype, enabled=self.device.reduced):
            found: Tensor = self.network.body(pictures)
        return found.float()

    def reconstructed(self, pictures: Tensor) -> None:
        """Nothing: there is no decoder."""

    def _cross_entropy(self, pictures: Tensor, rows: Rows) -> Tensor:
        labels = self.network.labels[torch.from_numpy(rows).to(self.network.labels.device)]
        return functional.cross_entropy(self.network.head(self.vectors(pictures)), labels)

    def _grouped(
        self, number: int, vectors: NDArray[np.float32], learning: Rows
    ) -> tuple[Whitening, NDArray[np.int64], NDArray[np.float32]]:
        """The whitening, (n,) groups, and their centres; held-out pictures join the nearest group."""
        whitening = Whitening.of(vectors[learning], self.dimensions)
        white = whitening(vectors)
        random = np.random.default_rng([self.config.seed, GROUPS, number])
        own, middles = kmeans(white[learning], self.config.clusters, random)
        labels = nearest(white, middles)
        labels[learning] = own
        return whitening, labels, middles

    def _begin(
        self,
        number: int,
        whitening: Whitening,
        labels: NDArray[np.int64],
        middles: NDArray[np.float32],
        learning: Rows,
    ) -> None:
        parts = (whitening.mean, whitening.directions, middles)
        mean, directions, towards = (torch.from_numpy(part).float().to(self.device.name) for part in parts)
        self.network.begin(number, labels, self._figures(labels, learning))
        self.network.head.restart(mean, directions, towards)

    @torch.no_grad()
    def _all_vectors(self, pictures: Pictures, check: Callable[[], None]) -> NDArray[np.float32]:
        self.network.eval()
        found = []
        for rows in batches(np.arange(len(self.names)), _BATCH):
            found.append(self.vectors(pictures.take(rows)).cpu().numpy())
            check()
        return np.nan_to_num(np.concatenate(found))  # a broken network is detected by its loss

    def _figures(self, labels: NDArray[np.int64], learning: Rows) -> dict[str, float]:
        """NMI with the previous epoch's groups and with the collection's labels, if any; the number of groups."""
        own, names = labels[learning], self.names[learning]
        figures = {"clusters": float(len(np.unique(own)))}
        if int(self.network.epoch) >= 0:
            figures["nmi"] = nmi(self.network.labels.cpu().numpy()[learning], own)
        named = names != ""
        if len(np.unique(names[named])) > 1:
            figures["label_nmi"] = nmi(names[named], own[named])
        return figures
