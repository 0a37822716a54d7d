"""The views of contrastive learning with reconstruction: a picture altered so that only its subject stays the same.

Reconstruction alone makes an encoder keep what fills many pixels: colours and backgrounds. Here two views of every
picture are drawn (cropped, rotated, mirrored, recoloured, most of them with another picture's background), and the
encoder must tell which belong together: it has to keep what does not change, the shape of the object in the middle.

Source: Chen et al., "A simple framework for contrastive learning of visual representations", 2020 (here without a
projection head: the pooled latents themselves are compared, as they are in a search).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

SURROUNDINGS = 0.8
_ROOM, _TURN, _STRETCH = 0.55, 0.25, 0.2  # least share of the area kept; radians; log aspect ratio
# RGB to luma and two colour axes (YIQ): turning the two axes turns the hue
_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.321), (0.211, -0.523, 0.311))


def view(images: Tensor, side: int, generator: torch.Generator, surroundings: float = SURROUNDINGS) -> Tensor:
    """One augmented view of each picture: (n, 3, s, s) in [0, 1] to (n, 3, side, side), in channels_last.

    Args:
        surroundings: the share of views that take what surrounds the middle from another picture of the batch.
    """
    altered = _colours(_geometry(_surroundings(images, surroundings, generator), side, generator), generator)
    return altered.contiguous(memory_format=torch.channels_last)


def _surroundings(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Keep a soft ellipse around the centre of this share of the images; the rest comes from another one."""
    count, _, side, _ = images.shape
    draw = _Draw(count, generator, images.device)
    line = torch.linspace(-1, 1, side, device=images.device)
    across = (line[None, None, :] - draw(-0.15, 0.15)) / draw(0.6, 1.0)
    down = (line[None, :, None] - draw(-0.15, 0.15)) / draw(0.6, 1.0)
    kept = ((1.1 - (across**2 + down**2).sqrt()) / 0.2).clamp(0, 1)  # (n, s, s)
    kept = torch.where(draw(0, 1) < share, kept, torch.ones_like(kept))[:, None]
    others = images[torch.randperm(count, generator=generator).to(images.device)]
    return images * kept + others * (1 - kept)


def _geometry(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Crop, rotate, stretch and mirror to `side` pixels squared."""
    draw = _Draw(len(images), generator, images.device)
    scale, stretch = draw(_ROOM, 1).sqrt(), draw(-_STRETCH, _STRETCH).exp().sqrt()
    width, height, angle = scale * stretch, scale / stretch, draw(-_TURN, _TURN)
    mirror = torch.where(draw(0, 1) < 0.5, -1.0, 1.0)
    x, y = draw(-1, 1) * (1 - width).clamp(min=0), draw(-1, 1) * (1 - height).clamp(min=0)
    first_row = [mirror * width * angle.cos(), -height * angle.sin(), x]
    second_row = [mirror * width * angle.sin(), height * angle.cos(), y]
    matrix = torch.cat(first_row + second_row, 2).view(-1, 2, 3)
    grid = functional.affine_grid(matrix, [len(images), 3, side, side], align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False, padding_mode="reflection")


def _colours(images: Tensor, generator: torch.Generator) -> Tensor:
    """Random hue, saturation (sometimes none), contrast and brightness."""
    draw = _Draw(len(images), generator, images.device)
    hue, saturation = draw(-math.pi, math.pi).flatten(), draw(0.2, 1.4).flatten()
    saturation = torch.where(draw(0, 1).flatten() < 0.2, torch.zeros_like(saturation), saturation)
    turn = torch.zeros(len(images), 3, 3, device=images.device)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = saturation * hue.cos()
    turn[:, 2, 1] = saturation * hue.sin()
    turn[:, 1, 2] = -turn[:, 2, 1]
    yiq = torch.tensor(_YIQ, device=images.device)
    coloured = torch.einsum("nij,njhw->nihw", torch.linalg.inv(yiq) @ turn @ yiq, images)
    contrast, brightness = draw(0.6, 1.4)[:, None], draw(-0.15, 0.15)[:, None]
    return ((coloured - 0.5) * contrast + 0.5 + brightness).clamp(0, 1)


class _Draw:
    """Uniform random numbers, one for each picture, shaped (n, 1, 1)."""

    def __init__(self, count: int, generator: torch.Generator, device: torch.device) -> None:
        self.count, self.generator, self.device = count, generator, device

    def __call__(self, low: float, high: float) -> Tensor:
        drawn = torch.rand(self.count, 1, 1, generator=self.generator)
        return (low + (high - low) * drawn).to(self.device)
