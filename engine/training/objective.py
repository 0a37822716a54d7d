"""What the training loop asks of whatever is trained."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn


class Objective(Protocol):
    """A network and what it is asked to do. `pictures` are (n, 3, s, s) float32 in [0, 1], in channels_last."""

    @property
    def network(self) -> nn.Module: ...

    def loss(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """The loss to go down on: one number with a gradient, the mean over the pictures, altered at random."""

    def measures(self, pictures: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """What is measured on held-out pictures without altering them: means by name, "loss" among them."""

    def vectors(self, pictures: Tensor) -> Tensor:
        """(n, d) vectors, compared by cosine to see how well the network searches by now."""

    def reconstructed(self, pictures: Tensor) -> Tensor:
        """(n, 3, s, s) what the network makes of the pictures."""
