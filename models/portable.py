"""Networks as other programs run them: pictures in, features out, in one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn


class Mirrored(nn.Module):
    """The mean of a network's features of each picture and of its mirror image, turned back."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        mirrored: Tensor = self.network(pictures.flip(3)).flip(3)
        found: Tensor = (self.network(pictures) + mirrored) / 2
        return found


class Tapped(nn.Module):
    """A network up to where its features are taken."""

    def __init__(self, tap: Callable[[Any, Tensor], Tensor], network: nn.Module) -> None:
        super().__init__()
        self.tap, self.network = tap, network

    def forward(self, pictures: Tensor) -> Tensor:
        return self.tap(self.network, pictures)
