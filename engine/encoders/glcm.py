"""Grey-level co-occurrence: how often pairs of grey levels are neighbours, summarised in a few statistics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from engine.encoders.descriptors import Descriptor, grey

if TYPE_CHECKING:
    from torch import Tensor

_LEVELS = 16
_STEPS = ((0, 1), (1, 1), (1, 0), (1, -1))  # (down, right): the four directions
_DISTANCES = (1, 2, 4, 8)


class GLCM(Descriptor):
    """Six numbers for each of four distances and four directions in the 128×128 picture of 16 greys: (n, 96).

    The root of the contrast, the dissimilarity, homogeneity, energy, correlation and entropy, each scaled to 0…1.
    Source: Haralick et al., "Textural features for image classification", 1973; symmetric matrices.
    """

    name = "glcm"
    rank = 45
    title = "Texture (co-occurrence)"
    help = "How grey levels occur side by side: coarse or fine, even or rough. Needs no training; ignores positions."
    good_for = "How coarse or even a surface is: fabrics, stone, paper."
    version = "1"
    size = 128

    def describe(self, images: Tensor) -> Tensor:
        import torch

        levels = grey(images) * _LEVELS // 256
        offsets = [(distance * down, distance * right) for distance in _DISTANCES for down, right in _STEPS]
        return torch.cat([properties(matrices(levels, *offset)) for offset in offsets], 1)


def matrices(levels: Tensor, down: int, right: int) -> Tensor:
    """(n, s, s) levels to (n, 16, 16): the share of each pair of levels at that offset, in either direction."""
    import torch

    side = levels.shape[-1]
    first = levels[:, : side - down, max(0, -right) : side - max(0, right)]
    second = levels[:, down:, max(0, right) : side - max(0, -right)]
    cell = (first * _LEVELS + second).flatten(1)
    counts = torch.zeros(len(levels), _LEVELS**2, device=levels.device)
    counts.scatter_add_(1, cell, torch.ones_like(cell, dtype=torch.float32))
    counts = counts.view(-1, _LEVELS, _LEVELS)
    return (counts + counts.mT) / (2 * cell.shape[1])


def properties(shares: Tensor) -> Tensor:
    """(n, 16, 16) shares to (n, 6) numbers from 0 to 1; a single level counts as fully correlated."""
    import torch

    level = torch.arange(_LEVELS, device=shares.device, dtype=torch.float32)
    apart = level[:, None] - level

    def mean(values: Tensor) -> Tensor:
        return (shares * values).sum((1, 2))

    middle = mean(level[:, None].expand_as(apart))[:, None]
    spread = (shares.sum(2) * (level - middle).square()).sum(1)
    offset = level - middle  # (n, 16)
    together = (shares * offset[:, :, None] * offset[:, None, :]).sum((1, 2))
    correlation = torch.where(spread > 1e-9, together / spread.clamp(min=1e-9), torch.ones_like(spread))
    entropy = -torch.xlogy(shares, shares).sum((1, 2)) / math.log(_LEVELS**2)
    contrast, dissimilarity = mean(apart**2).sqrt() / (_LEVELS - 1), mean(apart.abs()) / (_LEVELS - 1)
    homogeneity, energy = mean(1 / (1 + apart**2)), shares.square().sum((1, 2)).sqrt()
    return torch.stack([contrast, dissimilarity, homogeneity, energy, (1 + correlation) / 2, entropy], 1)
