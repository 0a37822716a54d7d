"""What an encoder sees as one picture: rows of tiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.evidence.channels import Channels
from engine.evidence.class_map import ClassMap
from engine.evidence.decoded import Decoded, Reconstruction
from engine.evidence.drawing import heat

TILE, _LARGE = 160, 480  # pixels
_GAP = 8
Shown = Callable[[int], Image.Image]  # the thumbnail of a picture of the collection


def decoded_sheet(found: Decoded, shown: Shown) -> Image.Image:
    """Both pictures, their reconstructions and errors; below, the way between them with the nearest pictures."""
    strongest = strongest_error(found)
    ends = [tile for one in (found.first, found.second) for tile in reconstruction_tiles(one, strongest)]
    steps = [Image.fromarray(step.drawn) for step in found.path]
    return _sheet([ends, steps, [shown(step.nearest) for step in found.path]])


def reconstruction_tiles(one: Reconstruction, strongest: float) -> list[Image.Image]:
    """A picture, its reconstruction, and its error over it in one hue with contours."""
    picture = Image.fromarray(one.picture)
    return [picture, Image.fromarray(one.drawn), overlaid(picture, one.places(), strongest)]


def strongest_error(found: Decoded) -> float:
    """What is fully coloured in the errors of both pictures."""
    return max(float(one.places().max()) for one in (found.first, found.second))


def channels_sheet(found: Channels, first: Image.Image, second: Image.Image, shown: Shown) -> Image.Image:
    """A row for each channel: where it is seen in both pictures, then the pictures that excite it most."""
    return _sheet(
        [
            [*channel_tiles(first, second, one.first, one.second), *(shown(id) for id in one.ids.tolist())]
            for one in found.strongest
        ]
    )


def channel_tiles(
    first: Image.Image, second: Image.Image, one: NDArray[np.float32], other: NDArray[np.float32]
) -> list[Image.Image]:
    """Both pictures with the values of one channel over them, at a common scale."""
    strongest = max(float(one.max()), float(other.max()))
    return [overlaid(picture, places, strongest) for picture, places in ((first, one), (second, other))]


def class_sheet(found: ClassMap, picture: Image.Image) -> Image.Image:
    """A picture beside itself with what each place adds to the score of a class."""
    small = _fitted(picture.convert("RGB"), _LARGE)
    sheet = Image.new("RGB", (2 * small.width + _GAP, small.height), "white")
    sheet.paste(small, (0, 0))
    sheet.paste(overlaid(picture, found.places, float(found.places.max()), _LARGE), (small.width + _GAP, 0))
    return sheet


def overlaid(picture: Image.Image, places: NDArray[np.floating], strongest: float, side: int = TILE) -> Image.Image:
    """A picture with a map over it; its longer side becomes that of a tile."""
    small = _fitted(picture.convert("RGB"), side)
    laid = Image.alpha_composite(small.convert("RGBA"), heat(places.astype(np.float64), small.size, strongest))
    return laid.convert("RGB")


def _fitted(picture: Image.Image, longer: int = TILE) -> Image.Image:
    scale = longer / max(picture.size)
    width, height = (max(1, round(scale * side)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _sheet(rows: Sequence[Sequence[Image.Image]]) -> Image.Image:
    step = TILE + _GAP
    wide = max((len(row) for row in rows), default=1)
    sheet = Image.new("RGB", (max(wide, 1) * step - _GAP, max(len(rows), 1) * step - _GAP), "white")
    for down, row in enumerate(rows):
        for along, picture in enumerate(row):
            tile = _fitted(picture.convert("RGB"))
            sheet.paste(tile, (along * step + (TILE - tile.width) // 2, down * step + (TILE - tile.height) // 2))
    return sheet
