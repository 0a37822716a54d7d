"""A small head that tells groups apart by what an encoder sees."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SHARPNESS = 5.0  # what a cosine is multiplied by; with 1 no softmax could become sure of anything


class CosineHead(nn.Module):
    """(n, d) features to (n, c) logits: one linear layer to `dimensions`, then the cosine with each group's direction.

    A search compares by cosine as well, so what is learned here is what a search can use: no length of a vector counts.
    """

    def __init__(self, features: int, dimensions: int, groups: int) -> None:
        super().__init__()
        self.inner = nn.Parameter(torch.zeros(features, dimensions))
        self.offset = nn.Parameter(torch.zeros(dimensions))
        self.directions = nn.Parameter(torch.zeros(groups, dimensions))

    @torch.no_grad()
    def restart(self, mean: Tensor, inner: Tensor, directions: Tensor) -> None:
        """Forget what was learned: logits are the cosines of (features − mean) · inner with these directions."""
        self.inner.copy_(inner)
        self.offset.copy_(mean.to(inner.dtype) @ inner)
        self.directions.copy_(directions)

    def forward(self, features: Tensor) -> Tensor:
        white = functional.normalize(features @ self.inner - self.offset, dim=1)
        return SHARPNESS * white @ functional.normalize(self.directions, dim=1).T
