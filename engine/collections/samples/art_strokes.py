"""Manners that are made of touches of the brush: dots, strokes, currents, drips."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from engine.collections.samples.art_scenes import PAINTED, broken, looked_up, scattered, scene, textured
from engine.collections.samples.drawing import Colour, Pen, Points, finished, hsv, mix, new_canvas, shade, two_tone


def pointillism(rng: np.random.Generator) -> Image.Image:
    """A scene in thousands of round dots of pure, broken colour."""
    colours = scene(rng)
    canvas = new_canvas((238, 228, 206), PAINTED)
    draw = ImageDraw.Draw(canvas)
    places = np.concatenate([scattered(rng, 44), scattered(rng, 34)])
    tones = broken(rng, looked_up(colours, places), 22)
    sizes = rng.uniform(0.009, 0.0145, len(places))
    boxes = (np.concatenate([places - sizes[:, None], places + sizes[:, None]], axis=1) * PAINTED).tolist()
    for box, tone in zip(boxes, tones, strict=True):
        draw.ellipse(box, fill=tone)
    return finished(canvas)


def impression(rng: np.random.Generator) -> Image.Image:
    """A scene in short broad strokes that lie flat in the distance and stand up in the foreground."""
    colours = scene(rng)
    canvas = Image.fromarray(colours.astype(np.uint8)).resize((PAINTED, PAINTED), Image.Resampling.NEAREST)
    tilt = rng.uniform(-0.5, 0.5)
    for rows, length, width in ((26, 0.075, 15), (38, 0.05, 9)):
        places = scattered(rng, rows)
        angles = tilt + 0.9 * np.sin(4 * places[:, 0] + 3 * places[:, 1]) + rng.normal(0, 0.25, len(places))
        reach = np.stack([np.cos(angles), np.sin(angles)], axis=1) * length / 2
        lines = (np.concatenate([places - reach, places + reach], axis=1) * PAINTED).tolist()
        draw = ImageDraw.Draw(canvas)
        for line, tone in zip(lines, broken(rng, looked_up(colours, places), 13), strict=True):
            draw.line(line, fill=tone, width=width)
    return textured(finished(canvas), rng)


def swirling_night(rng: np.random.Generator) -> Image.Image:
    """A night sky whose strokes run around stars and whirls, over a dark village."""
    hue = float(rng.choice([0.58, 0.6, 0.63, 0.55, 0.72, 0.48]))
    canvas = two_tone(hsv(hue, 0.85, 0.3), hsv(hue - 0.05, 0.6, 0.6), np.pi / 2, PAINTED)
    whirls = rng.uniform([0.05, 0.05], [0.95, 0.6], (int(rng.integers(3, 7)), 2))
    spins = rng.choice([-1.0, 1.0], len(whirls))
    draw = ImageDraw.Draw(canvas)
    starts = scattered(rng, 30)
    lines = (_currents(starts, whirls, spins) * PAINTED).reshape(len(starts), -1).tolist()
    light = hsv(hue - 0.08, 0.25, 1.0)
    tones = [hsv(hue + n, 0.75, 0.45) if n < 0 else mix(hsv(hue, 0.7, 0.75), light, min(n * 12, 1))
             for n in rng.normal(0, 0.04, len(starts))]
    for line, tone in zip(lines, tones, strict=True):
        draw.line(line, fill=tone, width=int(rng.integers(5, 9)), joint="curve")
    pen = Pen(canvas)
    for x, y in whirls:
        _star(pen, rng, x, y, rng.uniform(0.025, 0.055))
    _village(pen, rng, hue)
    return textured(finished(canvas), rng)


def _currents(starts: Points, whirls: Points, spins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Short paths along the sum of the whirls' flows and a wind from the left: (n, 6, 2)."""
    paths = [starts]
    for _ in range(5):
        away = paths[-1][:, None, :] - whirls[None]
        force = spins[None, :, None] * np.stack([-away[..., 1], away[..., 0]], axis=-1)
        flow = (force / ((away**2).sum(axis=-1, keepdims=True) + 0.004)).sum(axis=1) * 0.18 + [0.55, 0.0]
        flow += 0.3 * np.stack([np.zeros(len(starts)), np.sin(9 * paths[-1][:, 0])], axis=1)
        paths.append(paths[-1] + 0.017 * flow / np.linalg.norm(flow, axis=1, keepdims=True))
    return np.stack(paths, axis=1)


def _star(pen: Pen, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    """A star with dashed rings of light around it."""
    gold = hsv(rng.uniform(0.1, 0.16), rng.uniform(0.4, 0.75), 1.0)
    pen.ellipse(x, y, size, size, shade(gold, 0.3))
    for ring in range(1, 4):
        radius = size * (1 + 0.62 * ring)
        for start in np.arange(0, 2 * np.pi, 2 * np.pi / (6 + 3 * ring)):
            end = start + 0.8 * np.pi / (3 + 1.5 * ring)
            pen.arc(x, y, radius, radius, start, end, 0.013, (*gold, 235 - 45 * ring))


def _village(pen: Pen, rng: np.random.Generator, hue: float) -> None:
    """Dark hills, a few houses with lit windows and perhaps a tall tree like a flame."""
    crest = [(x, 0.76 + rng.uniform(-0.07, 0.05)) for x in np.linspace(-0.2, 1.2, 7)]
    pen.blob([*crest, (1.4, 1.5), (-0.4, 1.5)], hsv(hue - 0.1, 0.6, 0.25))
    for x in rng.uniform(0.05, 0.95, 9):
        y, size = rng.uniform(0.84, 0.95), rng.uniform(0.025, 0.045)
        pen.polygon([(x - size, y), (x - size, y - size), (x, y - 2 * size), (x + size, y - size), (x + size, y)],
                    hsv(hue - 0.05, 0.4, 0.16))
        pane = np.array([(-0.3, -0.7), (0.3, -0.7), (0.3, -0.2), (-0.3, -0.2)]) * size
        pen.polygon(pane + np.array([x, y]), (255, 206, 90))
    if rng.uniform() < 0.7:
        x, high = rng.choice([0.14, 0.2, 0.8, 0.86]), rng.uniform(0.15, 0.45)
        for step in range(5):
            wide, bend = 0.11 - 0.018 * step, 0.012 * np.sin(3 * step)
            pen.blob([(x + bend, high + 0.02 * step), (x + wide * 0.6, 0.6), (x + wide, 0.9), (x, 1.1), (x - wide, 0.9),
                      (x - wide * 0.7, 0.55)], hsv(0.38 + 0.015 * step, 0.6, 0.13 + 0.035 * (step % 3)))


def drips(rng: np.random.Generator) -> Image.Image:
    """Threads of thrown paint that cross the whole canvas, with splashes."""
    grounds: list[Colour] = [(236, 226, 204), (214, 200, 172), (40, 38, 42), (232, 232, 228), (120, 140, 140)]
    ground = grounds[rng.integers(len(grounds))]
    canvas = new_canvas(ground, PAINTED)
    draw = ImageDraw.Draw(canvas)
    hue = rng.uniform(0, 1)
    pots: list[Colour] = [(18, 18, 20), (246, 242, 232), (168, 168, 164), hsv(hue, 0.75, 0.8),
                          hsv(hue + 0.15, 0.7, 0.85), hsv(hue + 0.45, 0.6, 0.6)]
    for pot in rng.integers(len(pots), size=int(rng.integers(50, 85))):
        _thread(draw, rng, pots[pot])
    for x, y, size in rng.uniform([0, 0, 1], [PAINTED, PAINTED, 5], (220, 3)):
        draw.ellipse([x - size, y - size, x + size, y + size], fill=pots[rng.integers(len(pots))])
    return textured(finished(canvas), rng, 0.03)


def _thread(draw: ImageDraw.ImageDraw, rng: np.random.Generator, colour: Colour) -> None:
    """One looping thread of paint whose width swells and thins."""
    swing = np.sin(np.linspace(0, rng.uniform(2, 11), 70) + rng.uniform(0, 6)) * rng.uniform(0.05, 0.28)
    angles = rng.uniform(0, 2 * np.pi) + np.cumsum(swing + rng.normal(0, 0.07, 70))
    steps = np.stack([np.cos(angles), np.sin(angles)], axis=1) * rng.uniform(8, 17)
    path = (rng.uniform(-0.05, 1.05, 2) * PAINTED + np.cumsum(steps, axis=0)).tolist()
    swell = np.sin(np.linspace(0, rng.uniform(4, 12), 70) + rng.uniform(0, 6))
    widths = np.abs(2.6 + 2.8 * swell) * rng.uniform(0.6, 1.7)
    for start, end, width in zip(path[:-1], path[1:], widths, strict=False):
        draw.line([*start, *end], fill=colour, width=max(1, int(width)))
        if width > 3:
            half = width / 2
            draw.ellipse([end[0] - half, end[1] - half, end[0] + half, end[1] + half], fill=colour)
