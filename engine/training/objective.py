"""What the training loop asks of whatever is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from engine.training.pictures import Rows


@dataclass(frozen=True)
class Epoch:
    """How an epoch begins.

    Attributes:
        order: the rows to learn from, batch after batch; as many as there are to learn from, maybe some of them twice.
        figures: what was measured before it, noted with the epoch's losses.
        fresh: weights that were just drawn anew: what the optimizer knew of them is forgotten.
    """

    order: Rows
    figures: Mapping[str, float] = field(default_factory=dict)
    fresh: tuple[nn.Parameter, ...] = ()


class Objective(Protocol):
    """A network and what it is asked to do.

    `pictures` are (n, 3, s, s) float32 in [0, 1], in channels_last; of a training on anything else (see
    `setup.Setup`) they are what its source gives.
    """

    @property
    def network(self) -> nn.Module:
        """All that moves, whatever for: its state is what a checkpoint holds."""

    def weights(self) -> dict[str, Tensor]:
        """What the run keeps: enough for an encoder."""

    def begin_epoch(self, number: int, pictures: Any, learning: Rows, check: Callable[[], None]) -> Epoch:
        """Prepare the epoch of that number, from 0. One that had begun before a checkpoint goes on as it was.

        Args:
            learning: the rows to learn from. check: raises Stopped when a person asked; called often, before anything
                has changed.
        """

    def loss(self, pictures: Any, generator: torch.Generator, rows: Rows) -> Tensor:
        """The loss to go down on: one number with a gradient, the mean over the pictures, altered at random."""

    def measures(self, pictures: Any, generator: torch.Generator, rows: Rows) -> dict[str, Tensor]:
        """What is measured on held-out pictures without altering them: means by name, "loss" among them.

        Empty before the first epoch where nothing can be measured yet.
        """

    def vectors(self, pictures: Any) -> Tensor:
        """(n, d) vectors, compared by cosine to see how well the network searches by now."""

    def reconstructed(self, pictures: Any) -> Tensor | None:
        """(n, 3, s, s) what the network makes of the pictures; None for one that draws nothing."""
