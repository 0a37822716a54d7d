"""Local binary patterns: histograms of the patterns of lighter and darker neighbours."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from engine.encoders.descriptors import Descriptor, grey

if TYPE_CHECKING:
    from torch import Tensor

_AROUND = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))  # (down, right), in a circle
PATTERNS = 59
_GRID = 4


class LocalBinaryPatterns(Descriptor):
    """The square root of the histograms of 59 uniform patterns in 4×4 fields of the 128×128 grey picture: (n, 944).

    A pixel's pattern marks which of its eight neighbours are at least as light. Patterns with at most two changes
    around the circle have a bin each, all others share one. The border is padded with the nearest pixel.
    Source: Ojala et al., "Multiresolution gray-scale and rotation invariant texture classification with local binary
    patterns", 2002; the fields follow Ahonen et al., 2006.
    """

    name = "local-binary-patterns"
    rank = 40
    title = "Texture (local binary patterns)"
    help = "How often small patterns occur in each part. Needs no training; ignores colour and brightness."
    good_for = "Fine texture in any light, such as fur, wood and weave."
    version = "1"
    size = 128

    def describe(self, images: Tensor) -> Tensor:
        import torch

        side = self.size // _GRID
        place = torch.arange(self.size, device=images.device) // side
        cell = (patterns(grey(images)) * _GRID**2 + place[:, None] * _GRID + place).flatten(1)
        counts = torch.zeros(len(images), PATTERNS * _GRID**2, device=images.device)
        counts.scatter_add_(1, cell, torch.ones_like(cell, dtype=torch.float32))
        return (counts / side**2).sqrt()


def patterns(levels: Tensor) -> Tensor:
    """(n, s, s) whole levels to each pixel's pattern index, 0 to 58."""
    import torch
    from torch.nn.functional import pad

    side = levels.shape[-1]
    wide = pad(levels[:, None].float(), (1, 1, 1, 1), mode="replicate")[:, 0]
    middle = wide[:, 1:-1, 1:-1]
    code = torch.zeros(levels.shape, dtype=torch.uint8, device=levels.device)
    for bit, (down, right) in enumerate(_AROUND):
        neighbour = wide[:, 1 + down : 1 + down + side, 1 + right : 1 + right + side]
        code |= (neighbour >= middle).byte() << bit
    return torch.tensor(_numbers(), device=levels.device)[code.int()]


@cache
def _numbers() -> tuple[int, ...]:
    """The index of each of the 256 patterns: uniform ones in ascending order, then one for all others."""
    changes = [bin(code ^ (code >> 1 | (code & 1) << 7)).count("1") for code in range(256)]
    uniform = [code for code in range(256) if changes[code] <= 2]
    return tuple(uniform.index(code) if code in uniform else len(uniform) for code in range(256))
