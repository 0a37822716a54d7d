"""Animal faces: six species, a hundred of each, in many coats, poses, lights and before many backgrounds."""

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw

from engine.collections.samples import animal_species
from engine.collections.samples.animal_parts import mood
from engine.collections.samples.backgrounds import background
from engine.collections.samples.drawing import Pen, finished, lit
from engine.collections.samples.sample import DrawnImage, Sample

SPECIES = {
    "cat": animal_species.cat,
    "dog": animal_species.dog,
    "fox": animal_species.fox,
    "owl": animal_species.owl,
    "panda": animal_species.panda,
    "rabbit": animal_species.rabbit,
}
EACH = 100
SEED = 20_240
LIGHT_MAP = 96  # pixels a side; it is blurred and enlarged


def face(species: str, number: int) -> Image.Image:
    """Draw one face: the picture depends on the species and the number alone."""
    rng = np.random.default_rng([SEED, list(SPECIES).index(species), number])
    canvas = background(rng)
    scale = rng.uniform(0.25, 0.32)
    room = 0.35 - scale
    centre = (0.5 + rng.uniform(-1, 1) * (room + 0.02), 0.53 + rng.uniform(-0.4, 1) * room)
    stretch = (rng.uniform(0.94, 1.06), rng.uniform(0.94, 1.06))
    lean = (float(rng.uniform(-0.26, 0.26)), float(rng.uniform(-0.1, 0.12)))
    pen = Pen(canvas, scale=scale, centre=centre, turn=float(rng.normal(0, 0.14)), stretch=stretch, lean=lean)
    SPECIES[species](pen, rng, mood(rng))
    return lit(finished(canvas), _lights(rng, centre, scale), rng.uniform(0.93, 1.06, 3) * rng.uniform(0.9, 1.1))


def _lights(rng: np.random.Generator, centre: tuple[float, float], scale: float) -> Image.Image:
    """A light map: the lamp stands on one side, the head throws its shade on the other and below the chin."""
    lights = Image.new("L", (LIGHT_MAP, LIGHT_MAP), int(rng.uniform(112, 130)))
    lamp = float(rng.uniform(-2.6, -0.5))
    x, y = np.cos(lamp), np.sin(lamp)
    for level, dx, dy, radius in (
        (rng.uniform(60, 92), -0.25 * x, 0.35 - 0.1 * y, 1.2),
        (rng.uniform(122, 134), 0.08 * x, -0.05 + 0.1 * y, 1.02),
        (rng.uniform(146, 172), 0.5 * x, 0.1 + 0.5 * y, 0.5),
    ):
        middle = np.array([centre[0] + dx * scale, centre[1] + dy * scale]) * LIGHT_MAP
        box = [*(middle - radius * scale * LIGHT_MAP), *(middle + radius * scale * LIGHT_MAP)]
        ImageDraw.Draw(lights).ellipse(box, fill=int(level))
    return lights


def draw() -> Iterator[DrawnImage]:
    """The 600 faces, species by species."""
    for species in SPECIES:
        for number in range(EACH):
            yield DrawnImage(f"{species}-{number:03d}.png", species, "", face(species, number))


SAMPLE = Sample(
    "animal-faces",
    "Animal faces",
    "600 drawn faces of cats, dogs, foxes, owls, pandas and rabbits, 100 each.",
    600,
    draw,
)
