"""Augmentation of a batch on the device: mirroring, cropping, zooming, recolouring, noise."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from engine.training.config import TrainingConfig

_LEAST_SIDE = 0.7  # of a crop, as a share of the picture's side
_COLOURS = 0.3  # how far brightness, contrast and saturation move from 1
PART, SMALL_PART = (0.2, 1.0), (0.05, 0.3)  # least and greatest share of the image in views of the full and half size
_HALF_COLOURS, _GREYED = 0.4, 0.1  # how far its colours vary, and how many views have none
_GREY = (0.299, 0.587, 0.114)  # luma of RGB (ITU-R BT.601)


def augmented(originals: Tensor, config: TrainingConfig, generator: torch.Generator) -> Tensor:
    """(n, 3, s, s) in [0, 1] to the same shape: mirrored, cropped and recoloured as the config says."""
    images = originals
    if config.flip:
        images = mirrored(images, generator)
    if config.crop:
        images = cut(images, generator)
    if config.colour:
        images = recoloured(images, generator)
    return images.contiguous(memory_format=torch.channels_last)


def mirrored(images: Tensor, generator: torch.Generator) -> Tensor:
    """Half of the images flipped horizontally."""
    chosen = (torch.rand(len(images), generator=generator) < 0.5).to(images.device)
    return torch.where(chosen[:, None, None, None], images.flip(3), images)


def cut(images: Tensor, generator: torch.Generator, least: float = _LEAST_SIDE) -> Tensor:
    """A random square crop of each image, at least `least` of its side, resized to the image's size."""
    count = len(images)
    side = least + (1 - least) * torch.rand(count, generator=generator)
    x, y = ((2 * torch.rand(count, generator=generator) - 1) * (1 - side) for _ in range(2))
    zero = torch.zeros(count)
    matrix = torch.stack([side, zero, x, zero, side, y], 1).view(-1, 2, 3).to(images.device)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False, padding_mode="border")


def zoomed(
    images: Tensor, side: int, area: tuple[float, float], generator: torch.Generator, stretch: float = 4 / 3
) -> Tensor:
    """A random part of each image, resized to (n, 3, side, side): its share of the area and its shape are drawn.

    Args:
        area: least and greatest share. stretch: the greatest ratio of width to height, and of height to width.
    """
    count = len(images)
    share = area[0] + (area[1] - area[0]) * torch.rand(count, generator=generator)
    ratio = torch.exp(math.log(stretch) * (2 * torch.rand(count, generator=generator) - 1))
    width, height = (share * ratio).sqrt().clamp(max=1), (share / ratio).sqrt().clamp(max=1)
    x, y = ((2 * torch.rand(count, generator=generator) - 1) * (1 - span) for span in (width, height))
    zero = torch.zeros(count)
    matrix = torch.stack([width, zero, x, zero, height, y], 1).view(-1, 2, 3).to(images.device)
    grid = functional.affine_grid(matrix, [count, 3, side, side], align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False, padding_mode="border")


def greyed(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """This share of the images, drawn at random, without colour."""
    chosen = (torch.rand(len(images), generator=generator) < share).to(images.device)
    grey = (images * torch.tensor(_GREY, device=images.device)[:, None, None]).sum(1, keepdim=True)
    return torch.where(chosen[:, None, None, None], grey, images)


def recoloured(images: Tensor, generator: torch.Generator, strength: float = _COLOURS) -> Tensor:
    """Random brightness, contrast and saturation for each image."""
    drawn = 1 + strength * (2 * torch.rand(3, len(images), 1, 1, 1, generator=generator) - 1)
    brightness, contrast, saturation = drawn.to(images.device)
    images = images * brightness
    images = (images - images.mean((1, 2, 3), keepdim=True)) * contrast + images.mean((1, 2, 3), keepdim=True)
    grey = (images * torch.tensor(_GREY, device=images.device)[:, None, None]).sum(1, keepdim=True)
    return (grey + (images - grey) * saturation).clamp(0, 1)


def half_colour_view(images: Tensor, side: int, generator: torch.Generator, area: tuple[float, float] = PART) -> Tensor:
    """A part of each image, mirrored, in other colours: (n, 3, s, s) in [0, 1] to (n, 3, side, side), channels_last.

    The colours vary half as much as is usual for contrastive learning.
    """
    part = mirrored(zoomed(images, side, area, generator), generator)
    coloured = greyed(recoloured(part, generator, _HALF_COLOURS), _GREYED, generator)
    return coloured.contiguous(memory_format=torch.channels_last)


def noisy(images: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """The images with Gaussian noise of this standard deviation, clipped to [0, 1]."""
    if not deviation:
        return images
    noise = torch.randn(images.shape, generator=generator).to(images.device)
    return (images + deviation * noise).clamp(0, 1).contiguous(memory_format=torch.channels_last)
