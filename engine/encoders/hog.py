"""Histograms of oriented gradients: the positions and directions of a picture's edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.encoders.descriptors import Descriptor

if TYPE_CHECKING:
    from torch import Tensor

_DIRECTIONS, _CELL, _BLOCK = 9, 16, 2  # directions of 20 degrees; pixels of a cell; cells of a block
_MOST, _TINY = 0.2, 1e-5


class HOG(Descriptor):
    """HOG of the 128×128 picture: 7×7 overlapping blocks of 2×2 cells with nine directions: (n, 1764).

    Each pixel uses the strongest gradient of its three colours; blocks are normalised by L2-Hys.
    Source: Dalal and Triggs, "Histograms of oriented gradients for human detection", 2005; as scikit-image computes it.
    """

    name = "hog"
    rank = 30
    title = "Edges (HOG)"
    help = "Where edges run, and in which direction. Needs no training; finds the same outlines in the same places."
    good_for = "The same outlines in the same places: drawings, logos, products on white."
    version = "1"
    size = 128

    def describe(self, images: Tensor) -> Tensor:
        down, right = _gradients(images)
        cells = _cells(down, right)
        patches = cells.unfold(1, _BLOCK, 1).unfold(2, _BLOCK, 1)  # (n, 7, 7, 9, 2, 2)
        blocks = patches.permute(0, 1, 2, 4, 5, 3).flatten(3)
        blocks = _normalised(_normalised(blocks).clamp(max=_MOST))
        return blocks.flatten(1)

    @property
    def grid(self) -> tuple[int, int]:
        side = self.size // _CELL - _BLOCK + 1
        return side, side

    def placed(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        rows, columns = self.grid
        return vector.reshape(rows * columns, -1)


def _gradients(images: Tensor) -> tuple[Tensor, Tensor]:
    """The vertical and horizontal derivatives, each (n, s, s), of the colour that changes most at each pixel."""
    import torch

    down, right = torch.zeros_like(images), torch.zeros_like(images)
    down[:, :, 1:-1] = images[:, :, 2:] - images[:, :, :-2]
    right[..., 1:-1] = images[..., 2:] - images[..., :-2]
    strongest = torch.hypot(down, right).argmax(1, keepdim=True)
    return down.gather(1, strongest)[:, 0], right.gather(1, strongest)[:, 0]


def _cells(down: Tensor, right: Tensor) -> Tensor:
    """The mean gradient magnitude per direction and cell: (n, 8, 8, 9)."""
    import torch
    from torch.nn.functional import avg_pool2d, one_hot

    angle = torch.rad2deg(torch.atan2(down, right)) % 180
    direction = (angle * _DIRECTIONS / 180).long().clamp(0, _DIRECTIONS - 1)
    votes = one_hot(direction, _DIRECTIONS) * torch.hypot(down, right)[..., None]
    return avg_pool2d(votes.permute(0, 3, 1, 2), _CELL).permute(0, 2, 3, 1)


def _normalised(blocks: Tensor) -> Tensor:
    return blocks / (blocks.square().sum(-1, keepdim=True) + _TINY**2).sqrt()
