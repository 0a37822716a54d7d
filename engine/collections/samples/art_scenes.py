"""Small under-paintings that the painterly manners look at: sea, hills, a pond, flowers, an avenue."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from engine.collections.samples.drawing import SIZE, Colour, Pen, Points, hsv, mix, shade, two_tone

SIDE = 128
PAINTED = 2 * SIZE  # the side of the canvases with many strokes: half as fine as others, several times faster


def scene(rng: np.random.Generator) -> NDArray[np.float64]:
    """A random scene as (128, 128, 3) colours, softened."""
    picture = SCENES[rng.integers(len(SCENES))](rng)
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(1.2)), dtype=np.float64)


def looked_up(colours: NDArray[np.float64], places: Points) -> NDArray[np.float64]:
    """The scene's colours at places given as shares of the side: (n, 2) → (n, 3)."""
    at = np.clip((places * SIDE).astype(int), 0, SIDE - 1)
    return colours[at[:, 1], at[:, 0]]


def scattered(rng: np.random.Generator, rows: int) -> Points:
    """Places spread evenly but not regularly over the picture, in random order: (rows * rows, 2)."""
    grid = np.stack(np.meshgrid(np.arange(rows), np.arange(rows)), axis=-1).reshape(-1, 2)
    places = (grid + rng.uniform(0, 1, grid.shape)) / rows
    return places[rng.permutation(len(places))]


def broken(rng: np.random.Generator, colours: NDArray[np.float64], spread: float) -> list[Colour]:
    """The colours with broken tones: each one a little lighter, darker, warmer or cooler."""
    steps = rng.normal(0, spread, (len(colours), 1)) + rng.normal(0, spread, colours.shape)
    return [tuple(row) for row in np.clip(colours + steps, 0, 255).astype(int).tolist()]


def textured(picture: Image.Image, rng: np.random.Generator, strength: float = 0.04) -> Image.Image:
    """The picture on a grainy ground; `strength` is the grain's standard deviation as a share of the light."""
    grain = 1 + strength * rng.standard_normal((SIZE, SIZE, 1), dtype=np.float32)
    return Image.fromarray(np.clip(np.asarray(picture) * grain, 0, 255).astype(np.uint8))


def _sky(rng: np.random.Generator) -> tuple[Image.Image, Colour]:
    hue = float(rng.choice([0.55, 0.58, 0.07, 0.12, 0.93, 0.5]))
    low = hsv(hue + rng.uniform(-0.05, 0.12), 0.28, 1.0)
    return two_tone(hsv(hue, 0.5, 0.92), low, np.pi / 2, SIDE), low


def _sea(rng: np.random.Generator) -> Image.Image:
    image, low = _sky(rng)
    pen = Pen(image)
    horizon, sun = rng.uniform(0.4, 0.6), rng.uniform(0.2, 0.8)
    water = hsv(rng.uniform(0.5, 0.64), 0.6, rng.uniform(0.5, 0.75))
    pen.ellipse(sun, horizon - rng.uniform(0.1, 0.25), 0.08, 0.08, (255, 232, 160))
    pen.polygon([(0, horizon), (1, horizon), (1, 1), (0, 1)], water)
    for y in np.arange(horizon, 1, 0.05):
        half = 0.06 + 0.12 * (y - horizon)
        pen.ellipse(sun + rng.normal(0, 0.02), y, half, 0.012, mix(low, (255, 236, 170), 0.6))
    for x in rng.uniform(0.1, 0.9, 3):
        y, size = horizon + rng.uniform(0.02, 0.3), rng.uniform(0.06, 0.14)
        pen.polygon([(x, y - 2 * size), (x + size, y - 0.1 * size), (x, y - 0.1 * size)], (248, 240, 226))
        pen.polygon([(x - size, y), (x + size, y), (x + 0.6 * size, y + 0.3 * size), (x - 0.6 * size, y + 0.3 * size)],
                    (120, 60, 44))
    return image


def _hills(rng: np.random.Generator) -> Image.Image:
    image, _ = _sky(rng)
    pen = Pen(image)
    green = hsv(rng.uniform(0.14, 0.36), 0.55, 0.75)
    for step in range(4):
        line = 0.42 + 0.14 * step
        crest = [(x, line + rng.uniform(-0.08, 0.08)) for x in np.linspace(-0.2, 1.2, 6)]
        pen.blob([*crest, (1.4, 1.5), (-0.4, 1.5)], mix(green, hsv(rng.uniform(0, 0.4), 0.6, 0.7), 0.15 * step))
    for x in rng.uniform(0, 1, 6):
        y, size = rng.uniform(0.5, 0.85), rng.uniform(0.04, 0.1)
        pen.ellipse(x + 0.4 * size, y + size, 1.3 * size, 0.3 * size, shade(green, -0.5))
        pen.ellipse(x, y, size, 1.25 * size, hsv(rng.uniform(0.1, 0.4), 0.6, rng.uniform(0.35, 0.6)))
    return image


def _pond(rng: np.random.Generator) -> Image.Image:
    water = hsv(rng.uniform(0.42, 0.68), 0.45, 0.6)
    image = two_tone(shade(water, 0.3), shade(water, -0.35), rng.uniform(1.0, 2.2), SIDE)
    pen = Pen(image)
    for x in rng.uniform(0, 1, 7):
        pen.ellipse(x, 0.1, 0.03, rng.uniform(0.15, 0.4), mix(water, (60, 110, 60), 0.6))
    for x, y, size in rng.uniform([0, 0.2, 0.05], [1, 1, 0.13], (14, 3)):
        pen.ellipse(x, y, size * (0.6 + y), size * 0.4 * (0.6 + y), hsv(rng.uniform(0.22, 0.42), 0.5, 0.72))
        if rng.uniform() < 0.6:
            pen.ellipse(x, y - 0.02, size * 0.36, size * 0.3, hsv(rng.choice([0.92, 0.0, 0.13]), 0.35, 1.0))
    return image


def _flowers(rng: np.random.Generator) -> Image.Image:
    wall = hsv(rng.uniform(0, 1), 0.32, rng.uniform(0.6, 0.95))
    image = two_tone(shade(wall, 0.2), shade(wall, -0.25), rng.uniform(0, 6), SIDE)
    pen = Pen(image)
    pen.polygon([(0, 0.78), (1, 0.72), (1, 1), (0, 1)], hsv(rng.uniform(0.03, 0.15), 0.55, 0.6))
    vase = hsv(rng.uniform(0, 1), 0.55, 0.7)
    pen.blob([(0.42, 0.55), (0.58, 0.55), (0.66, 0.74), (0.58, 0.9), (0.42, 0.9), (0.34, 0.74)], vase)
    pen.ellipse(0.45, 0.7, 0.03, 0.09, shade(vase, 0.5))
    for x, y in rng.normal([0.5, 0.36], [0.15, 0.11], (26, 2)):
        pen.ellipse(x, y + 0.04, 0.05, 0.03, (70, 120, 62), turn=rng.uniform(0, 3))
        petal = hsv(rng.choice([0.0, 0.12, 0.16, 0.9, 0.75, 0.58]), rng.uniform(0.3, 0.8), 1.0)
        pen.ellipse(x, y, 0.06, 0.055, petal)
        pen.ellipse(x, y, 0.02, 0.02, (250, 210, 90))
    return image


def _avenue(rng: np.random.Generator) -> Image.Image:
    image, low = _sky(rng)
    pen = Pen(image)
    ground = hsv(rng.uniform(0.05, 0.3), 0.45, 0.75)
    pen.polygon([(0, 0.55), (1, 0.55), (1, 1), (0, 1)], ground)
    pen.polygon([(0.48, 0.55), (0.52, 0.55), (0.85, 1), (0.15, 1)], mix(low, (230, 200, 170), 0.5))
    leaf = float(rng.choice([0.04, 0.09, 0.14, 0.28, 0.33]))
    for depth in np.linspace(0.15, 1, 6):
        for side in (-1, 1):
            x, y = 0.5 + side * 0.52 * depth, 0.55 + 0.34 * depth
            pen.polygon([(x - 0.02 * depth, y), (x + 0.02 * depth, y), (x, y - 0.6 * depth)], (84, 60, 50))
            for dx, dy in rng.normal(0, 0.09 * depth, (5, 2)):
                colour = hsv(leaf + rng.normal(0, 0.03), 0.75, rng.uniform(0.5, 0.95))
                pen.ellipse(x + dx, y - 0.5 * depth + dy, 0.12 * depth, 0.11 * depth, colour)
    return image


SCENES = (_sea, _hills, _pond, _flowers, _avenue)
