"""A small head that classifies an encoder's features by cosine similarity."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SHARPNESS = 5.0  # scale of the cosines; with 1 no softmax could become confident


class CosineHead(nn.Module):
    """(n, d) features to (n, c) logits: a linear layer to `dimensions`, then the cosine with each class direction.

    A search compares by cosine as well, so what is learned here carries over: the length of a vector has no effect.
    """

    def __init__(self, features: int, dimensions: int, groups: int) -> None:
        super().__init__()
        self.inner = nn.Parameter(torch.zeros(features, dimensions))
        self.offset = nn.Parameter(torch.zeros(dimensions))
        self.directions = nn.Parameter(torch.zeros(groups, dimensions))

    @torch.no_grad()
    def restart(self, mean: Tensor, inner: Tensor, directions: Tensor) -> None:
        """Reset the weights so that logits are the cosines of (features − mean) · inner with these directions."""
        self.inner.copy_(inner)
        self.offset.copy_(mean.to(inner.dtype) @ inner)
        self.directions.copy_(directions)

    def forward(self, features: Tensor) -> Tensor:
        white = functional.normalize(features @ self.inner - self.offset, dim=1)
        return SHARPNESS * white @ functional.normalize(self.directions, dim=1).T
