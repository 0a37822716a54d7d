"""Encoders without weights: hand-crafted descriptors, the baseline for trained encoders."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter, NotFound
from engine.core.home import Home
from engine.encoders.encoder import COMPUTED, Encoder, EncoderChoice, EncoderInfo

if TYPE_CHECKING:
    from torch import Tensor


_HUES, _SATURATIONS, _VALUES = 12, 4, 4


class Descriptor(Encoder):
    """A computed, unlearned encoder; its latents have one position, so all embeddings agree."""

    title: ClassVar[str]
    help: ClassVar[str]
    good_for: ClassVar[str]  # one sentence that helps to choose
    version: ClassVar[str]  # changes whenever the vectors would
    size: ClassVar[int]

    def __init__(self) -> None:
        self.info = EncoderInfo(
            name=self.name,
            weights="",
            title=self.title,
            input_size=self.size,
            spatial=False,
            fingerprint=f"{self.name}-{self.version}",
            source="computed, not trained",
            licence="none needed",
        )

    @classmethod
    def choices(cls, home: Home) -> list[EncoderChoice]:
        return [EncoderChoice(cls.name, "", cls.title, cls.help, ready=True, shelf=COMPUTED, good_for=cls.good_for)]

    @classmethod
    def open(cls, name: str, weights: str, home: Home) -> Self:
        if name != cls.name:
            raise NotFound(f"There is no encoder {name!r}.")
        if weights:
            raise BadParameter("weights", f"the encoder {name}", "left out: it has none", weights)
        return cls()

    def encode(self, images: Tensor) -> Tensor:
        return self.describe(images.float())[:, :, None, None]

    @abstractmethod
    def describe(self, images: Tensor) -> Tensor:
        """(n, 3, s, s) in [0, 1] to (n, C)."""


class RawPixels(Descriptor):
    """The pixel values of a 32×32 thumbnail."""

    name = "raw-pixels"
    rank = 20
    title = "Raw pixels"
    help = "The pixels of a 32×32 thumbnail. Needs no training; finds the same colours in the same places."
    good_for = "Pictures with the same colours in the same places, such as sketches and icons."
    version = "1"
    size = 32

    def describe(self, images: Tensor) -> Tensor:
        return images.flatten(1)

    @property
    def grid(self) -> tuple[int, int]:
        return self.size, self.size

    def placed(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        return vector.reshape(3, -1).T


class ColourHistogram(Descriptor):
    """The square root of a joint histogram over hue, saturation and value: (n, 192).

    The square root makes the Euclidean distance Hellinger's, which keeps a large uniform area from dominating.
    """

    name = "colour-histogram"
    rank = 60
    title = "Colour histogram"
    help = "How often each of 192 colours (hue, saturation, value) occurs. Needs no training; ignores shapes."
    good_for = "The same mix of colours, whatever the picture shows."
    version = "1"
    size = 64

    def describe(self, images: Tensor) -> Tensor:
        import torch

        hue, saturation, value = hsv(images).unbind(1)  # each (n, s, s)
        cell = (_cell(hue, _HUES) * _SATURATIONS + _cell(saturation, _SATURATIONS)) * _VALUES + _cell(value, _VALUES)
        cell = cell.flatten(1)  # (n, s·s)
        counts = torch.zeros(len(images), _HUES * _SATURATIONS * _VALUES, device=images.device)
        counts.scatter_add_(1, cell, torch.ones_like(cell, dtype=torch.float32))
        return (counts / cell.shape[1]).sqrt()


def grey(images: Tensor) -> Tensor:
    """(n, 3, s, s) RGB in [0, 1] to (n, s, s) integer grey levels, 0 to 255 (ITU-R 601)."""
    red, green, blue = images.unbind(1)
    return (255 * (0.299 * red + 0.587 * green + 0.114 * blue)).round().long().clamp(0, 255)


def hsv(images: Tensor) -> Tensor:
    """(n, 3, s, s) RGB in [0, 1] to hue, saturation and value in [0, 1]; grey has hue 0, as in Python's colorsys."""
    import torch

    red, green, blue = images.unbind(1)
    high, low = images.amax(1), images.amin(1)
    span = high - low
    safe = span.clamp(min=1e-12)
    turn = torch.where(high == green, 2 + (blue - red) / safe, 4 + (red - green) / safe)
    turn = torch.where(high == red, (green - blue) / safe, turn)
    hue = torch.where(span > 0, (turn / 6) % 1, torch.zeros_like(turn))
    return torch.stack([hue, span / high.clamp(min=1e-12), high], 1)


def _cell(values: Tensor, cells: int) -> Tensor:
    return (values * cells).long().clamp(0, cells - 1)
