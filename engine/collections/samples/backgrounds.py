"""What stands behind the animals: plain studio colours, skies, meadows, woods, lights, dots, stripes, rays."""

import numpy as np
from PIL import Image

from engine.collections.samples.drawing import Colour, Pen, hsv, jitter, mix, shade, two_tone

STUDIO: list[Colour] = [
    (244, 226, 205), (196, 222, 230), (250, 205, 190), (205, 190, 225), (40, 62, 92), (28, 74, 78), (240, 192, 96),
    (226, 110, 92), (120, 160, 120), (62, 48, 70), (238, 238, 234), (172, 196, 160), (108, 150, 190), (90, 34, 48),
    (24, 26, 34), (255, 220, 120), (84, 110, 60), (188, 132, 160), (150, 116, 88), (212, 228, 120),
]


def _studio(rng: np.random.Generator, base: Colour) -> Image.Image:
    return two_tone(shade(base, 0.22), shade(base, -0.3), rng.uniform(0, 2 * np.pi))


def _meadow(rng: np.random.Generator, base: Colour) -> Image.Image:
    sky = hsv(rng.uniform(0.5, 0.62), rng.uniform(0.2, 0.6), rng.uniform(0.75, 1.0))
    image = two_tone(sky, shade(sky, 0.6), np.pi / 2)
    pen = Pen(image)
    grass = hsv(rng.uniform(0.18, 0.38), rng.uniform(0.45, 0.7), rng.uniform(0.4, 0.75))
    for step in range(3):
        height = 0.42 + 0.17 * step + rng.uniform(-0.05, 0.05)
        hills = [(x, height + rng.uniform(-0.06, 0.06)) for x in np.linspace(-0.2, 1.2, 6)]
        pen.blob([*hills, (1.5, 1.6), (-0.5, 1.6)], shade(grass, 0.3 - 0.22 * step))
    for x, y in rng.uniform([0, 0.72], [1, 1], (26, 2)):
        pen.ellipse(x, y, 0.012, 0.012, hsv(rng.uniform(0, 1), 0.35, 1.0))
    return image


def _wood(rng: np.random.Generator, base: Colour) -> Image.Image:
    air = jitter(rng, mix(base, (90, 130, 120), 0.6), 14)
    image = two_tone(shade(air, 0.4), shade(air, -0.35), np.pi / 2)
    pen = Pen(image)
    for step in range(3):
        trunk = mix(shade(air, 0.1), (30, 34, 36), 0.25 + 0.25 * step)
        for x in rng.uniform(-0.05, 1.05, 3 + step):
            half = (0.012 + 0.012 * step) * rng.uniform(0.7, 1.4)
            pen.polygon([(x - half, -0.1), (x + half, -0.1), (x + 1.5 * half, 1.1), (x - 1.5 * half, 1.1)], trunk)
    return image


def _lights(rng: np.random.Generator, base: Colour) -> Image.Image:
    image = _studio(rng, shade(base, -0.45))
    pen = Pen(image)
    hue = rng.uniform(0, 1)
    for x, y, size in rng.uniform([0, 0, 0.02], [1, 1, 0.1], (24, 3)):
        pen.ellipse(x, y, size, size, (*hsv(hue + rng.normal(0, 0.07), 0.5, 1.0), int(rng.uniform(30, 110))))
    return image


def _dots(rng: np.random.Generator, base: Colour) -> Image.Image:
    image = _studio(rng, base)
    pen = Pen(image, turn=rng.uniform(0, 1.5), centre=(0.5, 0.5))
    colour = (*(shade(base, 0.55) if sum(base) < 480 else shade(base, -0.25)), 190)
    step = rng.uniform(0.11, 0.2)
    for row in range(-6, 7):
        for column in range(-6, 7):
            pen.ellipse((column + 0.5 * (row % 2)) * step, row * step, step * 0.22, step * 0.22, colour)
    return image


def _stripes(rng: np.random.Generator, base: Colour) -> Image.Image:
    image = _studio(rng, base)
    pen = Pen(image, turn=rng.uniform(0, np.pi), centre=(0.5, 0.5))
    other = (*hsv(rng.uniform(0, 1), 0.45, 0.95), 170)
    step = rng.uniform(0.13, 0.3)
    for column in range(-6, 7):
        x = column * step
        pen.polygon([(x, -1), (x + step / 2, -1), (x + step / 2, 1), (x, 1)], other)
    return image


def _rays(rng: np.random.Generator, base: Colour) -> Image.Image:
    image = _studio(rng, base)
    pen = Pen(image, centre=(0.5, 0.55), turn=rng.uniform(0, 1))
    light = (*shade(base, 0.5), 150)
    for angle in np.linspace(0, 2 * np.pi, 13)[:-1]:
        edges = [(2 * np.cos(angle + d), 2 * np.sin(angle + d)) for d in (0, 0.26)]
        pen.polygon([(0, 0), *edges], light)
    return image


def _sunset(rng: np.random.Generator, base: Colour) -> Image.Image:
    hue = rng.choice([0.95, 0.03, 0.08, 0.55, 0.72])
    image = two_tone(hsv(hue + 0.08, 0.5, 1.0), hsv(hue - 0.12, 0.7, 0.45), -np.pi / 2 + rng.normal(0, 0.2))
    pen = Pen(image)
    pen.ellipse(rng.uniform(0.1, 0.9), rng.uniform(0.15, 0.5), 0.14, 0.14, (255, 246, 214, 230))
    for _ in range(4):
        x, y, size = rng.uniform([0, 0.1, 0.1], [1, 0.6, 0.3])
        pen.ellipse(x, y, size, size * 0.12, (255, 255, 255, 90))
    hills = [(x, 0.72 + rng.uniform(-0.06, 0.06)) for x in np.linspace(-0.2, 1.2, 7)]
    pen.blob([*hills, (1.5, 1.6), (-0.5, 1.6)], hsv(hue - 0.15, 0.5, 0.3))
    return image


KINDS = (*[_studio] * 5, *[_meadow] * 2, *[_sunset] * 2, _wood, *[_lights] * 2, _dots, _stripes, _rays)


def background(rng: np.random.Generator) -> Image.Image:
    """A random backdrop on a full-size canvas."""
    base = jitter(rng, STUDIO[rng.integers(len(STUDIO))], 10)
    return KINDS[rng.integers(len(KINDS))](rng, base)
