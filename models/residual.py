"""A small residual network for small pictures: it learns from hundreds of them in minutes on a processor.

Names in the state dict: `stem`, `blocks.<n>.first`, `.second` and `.shortcut`, each with `conv` and `norm`.

Source: He et al., "Deep residual learning for image recognition", 2016 (basic blocks); Cao and Wu, "Rethinking
self-supervised learning: small is beautiful", 2021 (small networks at small resolution for small data).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.specs import CHANNELS, ResidualSpec


class Convolution(nn.Module):
    """A convolution without bias and its batch normalisation."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        normalised: Tensor = self.norm(self.conv(x))
        return normalised


class Block(nn.Module):
    """Two 3×3 convolutions, the first of which halves, beside a shortcut: (n, a, h, w) to (n, b, h / 2, w / 2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = Convolution(inputs, outputs, 3, 2)
        self.second = Convolution(outputs, outputs, 3, 1)
        self.shortcut = Convolution(inputs, outputs, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.relu(self.first(x), inplace=True)
        return functional.relu(self.second(inner) + self.shortcut(x), inplace=True)


class ResidualNetwork(nn.Module):
    """(n, 3, s, s) in [0, 1] to the latent (n, C, h, h), 0 or more; the stem and every block halve the side."""

    def __init__(self, spec: ResidualSpec) -> None:
        super().__init__()
        self.spec = spec
        self.stem = Convolution(CHANNELS, spec.widths[0], 3, 2)
        self.blocks = nn.Sequential(*(Block(inputs, outputs) for inputs, outputs in pairwise(spec.widths)))

    def forward(self, images: Tensor) -> Tensor:
        latents: Tensor = self.blocks(functional.relu(self.stem(2 * images - 1), inplace=True))
        return latents

    def initialise(self, seed: int) -> ResidualNetwork:
        """Draw the weights with the seed: He normal initialisation, normalisations as they are.

        Source: He et al., "Delving deep into rectifiers", 2015.
        """
        generator = torch.Generator().manual_seed(seed)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu", generator=generator)
        return self
