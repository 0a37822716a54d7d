"""Colour histograms of the whole picture, its quarters and its ninths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.encoders.descriptors import Descriptor, hsv
from engine.encoders.spatial_pyramid import pyramid

if TYPE_CHECKING:
    from torch import Tensor

_HUES, _SATURATIONS, _VALUES = 16, 4, 4
_LEVELS = (1, 2, 3)


class ColourPyramid(Descriptor):
    """The square roots of 256-colour histograms in 1 + 4 + 9 fields: (n, 3584), of length √3.

    The square root makes the Euclidean distance Hellinger's, which keeps a large uniform area from dominating.
    """

    name = "colour-pyramid"
    rank = 58
    title = "Colour layout (HSV pyramid)"
    help = "Which of 256 colours occur in the whole, the quarters and the ninths. Needs no training; ignores shapes."
    good_for = "The same colours in about the same places: skies, scenes, packaging."
    version = "1"
    size = 96

    def describe(self, images: Tensor) -> Tensor:
        hue, saturation, value = hsv(images).unbind(1)  # each (n, s, s)
        colour = _cell(hue, _HUES) * _SATURATIONS + _cell(saturation, _SATURATIONS)
        codes = colour * _VALUES + _cell(value, _VALUES)
        return pyramid(codes, _HUES * _SATURATIONS * _VALUES, _LEVELS).sqrt()


def _cell(values: Tensor, cells: int) -> Tensor:
    return (values * cells).long().clamp(0, cells - 1)
