"""The interface between the training loop and what it trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from engine.training.pictures import Rows


@dataclass(frozen=True)
class Epoch:
    """The start of an epoch.

    Attributes:
        order: the rows to train on, in order; as many as there are training rows, possibly with repetitions, or more
            to fill the last batch.
        figures: measurements taken before it, logged with the epoch's losses.
        fresh: weights that were just reinitialised: their optimizer state is reset.
    """

    order: Rows
    figures: Mapping[str, float] = field(default_factory=dict)
    fresh: tuple[nn.Parameter, ...] = ()


class Objective(Protocol):
    """A network and the task it is trained for.

    `pictures` are (n, 3, s, s) float32 in [0, 1], in channels_last; in a training on anything else (see
    `setup.Setup`) they are what its source gives.
    """

    @property
    def network(self) -> nn.Module:
        """All mutable state: what a checkpoint holds."""

    def weights(self) -> dict[str, Tensor]:
        """The weights that the run keeps, enough for an encoder: the network's own tensors, so that they can be set."""

    def begin_epoch(self, number: int, pictures: Any, learning: Rows, check: Callable[[], None]) -> Epoch:
        """Prepare the epoch of that number, from 0. An epoch begun before a checkpoint continues unchanged.

        Args:
            learning: the rows to train on. check: raises Stopped on request; called often, before anything has changed.
        """

    def loss(self, pictures: Any, generator: torch.Generator, rows: Rows) -> Tensor:
        """The loss to minimise: a scalar with a gradient, the mean over the randomly augmented pictures."""

    def measures(self, pictures: Any, generator: torch.Generator, rows: Rows) -> dict[str, Tensor]:
        """Metrics of unaugmented held-out pictures: means by name, including "loss".

        Empty before the first epoch if nothing can be measured yet.
        """

    def vectors(self, pictures: Any) -> Tensor:
        """(n, d) vectors, compared by cosine to measure the network's current retrieval."""

    def reconstructed(self, pictures: Any) -> Tensor | None:
        """(n, 3, s, s) the reconstructions; None for a network without a decoder."""
