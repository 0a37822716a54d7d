"""Local binary patterns of the opponent colours: the texture of brightness and of the two colour differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.encoders.descriptors import Descriptor
from engine.encoders.local_binary_patterns import PATTERNS, patterns
from engine.encoders.spatial_pyramid import pyramid

if TYPE_CHECKING:
    from torch import Tensor

_LEVELS = (1, 2)


class OpponentPatterns(Descriptor):
    """The square roots of histograms of 59 uniform patterns in 1 + 4 fields of three opponent colours: (n, 885).

    The opponent colours are R + G + B, R − G and R + G − 2B, in whole numbers, so that equal levels are equal exactly.
    Sources: van de Sande, Gevers and Snoek, "Evaluating color descriptors for object and scene recognition", 2010, for
    the colours; Ojala et al., 2002, for the patterns (see `local_binary_patterns.py`).
    """

    name = "opponent-patterns"
    rank = 42
    title = "Colour texture (opponent LBP)"
    help = "How often small patterns of light and of colour occur, in the whole and its quarters. Needs no training."
    good_for = "Fur, leaves, fabric and grounds, by their texture and its colours."
    version = "1"
    size = 128

    def describe(self, images: Tensor) -> Tensor:
        found = patterns(opponents(images).flatten(0, 1))  # (3n, s, s)
        return pyramid(found, PATTERNS, _LEVELS).sqrt().view(len(images), -1)


def opponents(images: Tensor) -> Tensor:
    """(n, 3, s, s) RGB in [0, 1] to whole numbers: R + G + B, R − G and R + G − 2B of the levels 0 to 255."""
    import torch

    red, green, blue = (255 * images).round().short().unbind(1)
    return torch.stack([red + green + blue, red - green, red + green - 2 * blue], 1)
