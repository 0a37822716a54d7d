"""Artworks: ten manners of painting, fifty pictures in each."""

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from engine.collections.samples import art_planes, art_prints, art_strokes
from engine.collections.samples.sample import DrawnImage, Sample

MANNERS: dict[str, Callable[[np.random.Generator], Image.Image]] = {
    "brush impression": art_strokes.impression,
    "colour fields": art_planes.colour_fields,
    "cubist facets": art_planes.facets,
    "drip painting": art_strokes.drips,
    "geometric grid": art_planes.grid,
    "ink wash": art_prints.ink_wash,
    "pointillism": art_strokes.pointillism,
    "pop halftone": art_planes.halftone,
    "swirling night": art_strokes.swirling_night,
    "woodblock waves": art_prints.woodblock_waves,
}
EACH = 50
SEED = 31_415


def artwork(manner: str, number: int) -> Image.Image:
    """Paint one artwork: the picture depends on the manner and the number alone."""
    return MANNERS[manner](np.random.default_rng([SEED, list(MANNERS).index(manner), number]))


def draw() -> Iterator[DrawnImage]:
    """The 500 artworks, manner by manner."""
    for manner in MANNERS:
        for number in range(EACH):
            yield DrawnImage(f"{manner.replace(' ', '-')}-{number:03d}.png", manner, "", artwork(manner, number))


SAMPLE = Sample(
    "artworks", "Artworks", "500 drawn artworks in ten manners, from pointillism to ink wash, 50 each.", 500, draw
)
