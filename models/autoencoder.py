"""The four convolutional autoencoders, from one table of layers.

Every convolution and every transposed convolution is followed by ReLU, the decoder's last one included, so images are
reconstructed in [0, 1]. A convolution's ReLU is applied after the max pooling that follows it: as max(relu(x)) =
relu(max(x)), the result is the same for a quarter of the work.

Names in the state dict: `encoder.<block>.conv`, `encoder.<block>.down` (Model 3 only), `decoder.<layer>`.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.specs import CHANNELS, SPECS, Down, Spec


class Block(nn.Module):
    """One block of an encoder: conv 3×3, halving, ReLU; a learned halving has a ReLU before it as well."""

    def __init__(self, inputs: int, outputs: int, down: Down) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)
        self.down: nn.Module = (
            nn.Conv2d(outputs, outputs, down.kernel, down.stride)
            if down.learned
            else nn.MaxPool2d(down.kernel, down.stride)
        )
        self.learned = down.learned

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)  # (n, outputs, h, w)
        if self.learned:
            x = functional.relu(x)
        return functional.relu(self.down(x))  # (n, outputs, ⌊(h − kernel) / 2⌋ + 1, the same of w)


class Autoencoder(nn.Module):
    """Model 1, 2, 3 or 4: (n, 3, s, s) in [0, 1] → latent (n, C, h, h) → (n, 3, s, s), for every s that `spec.fits`."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.spec = SPECS[number]
        self.encoder = _encoder(self.spec)
        self.decoder = _decoder(self.spec)

    def forward(self, images: Tensor) -> Tensor:
        return self.decode(self.encoder(images))

    def decode(self, latents: Tensor) -> Tensor:
        """(n, C, h, h) latents to (n, 3, s, s) pictures, 0 or more."""
        for layer in self.decoder:
            latents = functional.relu(layer(latents))
        return latents

    def initialise(self, seed: int) -> Autoencoder:
        """Initialise the weights: He normal initialisation, and an output that starts from grey.

        The last ReLU passes no gradient for negative inputs: initialised around zero, it could stay dead.
        Source: He et al., "Delving deep into rectifiers", 2015.
        """
        generator = torch.Generator().manual_seed(seed)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                _he_normal(layer, generator)
        nn.init.constant_(self.decoder[-1].bias, 0.5)  # type: ignore[arg-type]
        return self


def _encoder(spec: Spec) -> nn.Sequential:
    widths = (CHANNELS, *spec.blocks)
    return nn.Sequential(*(Block(a, b, spec.down) for a, b in pairwise(widths)))


def _decoder(spec: Spec) -> nn.ModuleList:
    widths = (spec.blocks[-1], *(up.channels for up in spec.ups))
    return nn.ModuleList(
        nn.ConvTranspose2d(inputs, up.channels, up.kernel, stride=2, output_padding=up.output_padding)
        for inputs, up in zip(widths, spec.ups, strict=False)
    )


def _he_normal(layer: nn.Conv2d | nn.ConvTranspose2d, generator: torch.Generator) -> None:
    # A transposed convolution spreads each input over kernel² outputs; an output sums (kernel / stride)² positions.
    taps = math.prod(layer.kernel_size) / (math.prod(layer.stride) if isinstance(layer, nn.ConvTranspose2d) else 1)
    with torch.no_grad():
        layer.weight.normal_(0.0, math.sqrt(2.0 / (layer.in_channels * taps)), generator=generator)
        if layer.bias is not None:
            layer.bias.zero_()
