"""Manners that are made of planes: facets, fields of colour, a grid, flat printed shapes with dots."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from engine.collections.samples.art_scenes import SIDE, looked_up, textured
from engine.collections.samples.drawing import (
    SIZE,
    Colour,
    Pen,
    Points,
    finished,
    hsv,
    jitter,
    mix,
    new_canvas,
    shade,
    two_tone,
)

INK: Colour = (20, 18, 22)
PALETTES: list[list[Colour]] = [
    [(176, 142, 96), (110, 88, 64), (208, 188, 150), (70, 74, 76), (142, 148, 140)],
    [(120, 132, 120), (70, 86, 84), (196, 190, 160), (150, 116, 78), (52, 50, 52)],
    [(196, 120, 84), (120, 66, 56), (228, 196, 160), (76, 92, 108), (40, 44, 58)],
    [(104, 126, 150), (56, 70, 98), (198, 204, 206), (190, 150, 104), (130, 92, 82)],
]


def facets(rng: np.random.Generator) -> Image.Image:
    """A still life or a head broken into shaded planes, in few earthy colours."""
    palette = PALETTES[rng.integers(len(PALETTES))]
    motif = np.asarray(_motif(rng, palette), dtype=np.float64)
    canvas = new_canvas(palette[2])
    pen = Pen(canvas)
    planes = _split(rng, np.array([(0.0, 0.0), (1, 0), (1, 1), (0, 1)]), 7)
    shift = rng.uniform(0.05, 0.11)
    for plane in planes:
        middle = plane.mean(axis=0)
        seen = looked_up(motif, middle[None] + rng.normal(0, shift, (1, 2)))[0]
        _shaded_plane(pen, rng, plane, jitter(rng, tuple(int(v) for v in seen), 12))
    for _ in range(7):
        a, b = rng.uniform(0, 1, (2, 2))
        pen.stroke([a, b], 0.005, (*INK, 150))
    return textured(finished(canvas), rng)


def _motif(rng: np.random.Generator, palette: list[Colour]) -> Image.Image:
    """What the facets show: a guitar, bottles or a head, in flat colours."""
    image = two_tone(palette[0], palette[3], rng.uniform(0, 6), SIDE)
    pen = Pen(image, centre=(0.5, 0.5), turn=rng.uniform(-0.4, 0.4), scale=rng.uniform(0.85, 1.15))
    kind = rng.integers(3)
    if kind == 0:
        pen.blob([(0, -0.1), (0.2, -0.02), (0.14, 0.1), (0.26, 0.28), (0, 0.42), (-0.26, 0.28), (-0.14, 0.1),
                  (-0.2, -0.02)], palette[2])
        pen.ellipse(0, 0.14, 0.07, 0.07, palette[4])
        pen.polygon([(-0.03, -0.5), (0.03, -0.5), (0.03, 0.1), (-0.03, 0.1)], palette[1])
    elif kind == 1:
        for x, tone in ((-0.2, palette[1]), (0.04, palette[4]), (0.25, palette[2])):
            pen.blob([(x, -0.36), (x + 0.05, -0.2), (x + 0.1, 0.0), (x + 0.1, 0.36), (x - 0.1, 0.36), (x - 0.1, 0.0),
                      (x - 0.05, -0.2)], tone)
        pen.ellipse(0, 0.36, 0.36, 0.1, shade(palette[2], 0.3))
    else:
        pen.ellipse(0, 0, 0.24, 0.34, palette[2])
        pen.polygon([(0, -0.36), (0.26, -0.2), (0.24, 0.2), (0.04, 0.34)], palette[0])
        for x in (-0.09, 0.1):
            pen.ellipse(x, -0.06, 0.06, 0.04, palette[4])
        pen.polygon([(0, -0.04), (0.07, 0.12), (-0.03, 0.12)], palette[1])
        pen.ellipse(0, 0.22, 0.08, 0.025, palette[4])
    return image


def _split(rng: np.random.Generator, plane: Points, depth: int) -> list[Points]:
    """The plane cut by random lines through its middle, again and again."""
    if depth == 0 or len(plane) < 3 or (depth < 4 and rng.uniform() < 0.14):
        return [plane]
    angle = rng.uniform(0, np.pi) if rng.uniform() < 0.4 else rng.choice([0.5, 1.1, 2.1, 2.7]) + rng.normal(0, 0.1)
    normal = np.array([np.cos(angle), np.sin(angle)])
    side = (plane - plane.mean(axis=0) - rng.normal(0, 0.03, 2)) @ normal
    parts = [_kept(plane, side * sign) for sign in (1, -1)]
    return [piece for part in parts if len(part) >= 3 for piece in _split(rng, part, depth - 1)]


def _kept(plane: Points, side: NDArray[np.float64]) -> Points:
    """The part of a convex polygon where `side` is positive (Sutherland and Hodgman)."""
    kept = []
    for (p, a), (q, b) in zip(zip(plane, side, strict=True), zip(np.roll(plane, -1, 0), np.roll(side, -1), strict=True),
                              strict=True):
        if a >= 0:
            kept.append(p)
        if (a >= 0) != (b >= 0):
            kept.append(p + (q - p) * a / (a - b))
    return np.array(kept)


def _shaded_plane(pen: Pen, rng: np.random.Generator, plane: Points, colour: Colour) -> None:
    """One facet: dark on one side, light on the other, with a thin edge."""
    pen.polygon(plane, colour)
    corner = plane[rng.integers(len(plane))]
    tone = (255, 250, 236) if rng.uniform() < 0.5 else (20, 18, 26)
    for share in (0.8, 0.62, 0.46, 0.3):
        pen.polygon(corner + (plane - corner) * share, (*tone, 30))
    pen.stroke(np.concatenate([plane, plane[:1]]), 0.004, (*INK, 170))


def colour_fields(rng: np.random.Generator) -> Image.Image:
    """Two to four large soft-edged fields that float on a ground."""
    hue = rng.uniform(0, 1)
    ground = hsv(hue, rng.uniform(0.4, 0.9), rng.uniform(0.25, 0.85))
    canvas = two_tone(shade(ground, 0.08), shade(ground, -0.15), np.pi / 2, SIZE)
    cuts = np.cumsum(rng.dirichlet(np.full(int(rng.integers(2, 5)), 4.0))) * 0.88 + 0.06
    top, left = 0.06, rng.uniform(0.06, 0.12)
    for bottom in cuts:
        colour = hsv(hue + rng.choice([0.04, 0.09, 0.5, 0.92, 0.15]) + rng.normal(0, 0.02), rng.uniform(0.5, 0.95),
                     rng.uniform(0.3, 1.0))
        canvas = _field(rng, canvas, colour, (left, top + 0.018, 1 - left, bottom - 0.018))
        top = bottom
    return textured(canvas, rng, 0.02)


def _field(rng: np.random.Generator, canvas: Image.Image, colour: Colour,
           box: tuple[float, float, float, float]) -> Image.Image:
    """The canvas with one field, brushed unevenly and blurred at its edges."""
    mask = Image.new("L", (SIZE, SIZE), 0)
    edges = [int(v * SIZE) for v in box]
    ImageDraw.Draw(mask).rectangle(edges, fill=235)
    draw = ImageDraw.Draw(mask)
    for y in range(edges[1], edges[3], 3):
        a, b = rng.normal(0, 4, 2)
        draw.line([edges[0] + a, y, edges[2] + b, y], fill=int(rng.uniform(185, 255)), width=3)
    soft = mask.filter(ImageFilter.GaussianBlur(3.2))
    return Image.composite(two_tone(shade(colour, 0.1), shade(colour, -0.12), rng.uniform(0, 6), SIZE), canvas, soft)


def grid(rng: np.random.Generator) -> Image.Image:
    """Black bars on white with a few rectangles in plain strong colours."""
    white = jitter(rng, (242, 240, 234), 4)
    canvas = new_canvas(white)
    pen = Pen(canvas)
    strong = [(206, 38, 36), (28, 70, 156), (246, 206, 40), INK, (222, 222, 218)]
    bar = rng.uniform(0.012, 0.026)
    for left, top, right, bottom in _rooms(rng, (0.0, 0.0, 1.0, 1.0), 4):
        colour = jitter(rng, strong[rng.integers(len(strong))], 5) if rng.uniform() < 0.42 else white
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        pen.polygon(corners, colour)
        pen.stroke([*corners, corners[0]], bar * 1.6, INK)
    return textured(finished(canvas), rng, 0.015)


def _rooms(rng: np.random.Generator, room: tuple[float, float, float, float],
           depth: int) -> list[tuple[float, float, float, float]]:
    """A rectangle divided again and again into unequal ones."""
    left, top, right, bottom = room
    if depth == 0 or min(right - left, bottom - top) < 0.14 or (depth < 3 and rng.uniform() < 0.25):
        return [room]
    share = rng.choice([0.28, 0.38, 0.62, 0.72]) + rng.normal(0, 0.03)
    if (right - left) * rng.uniform(0.7, 1.4) > bottom - top:
        cut = left + (right - left) * share
        return _rooms(rng, (left, top, cut, bottom), depth - 1) + _rooms(rng, (cut, top, right, bottom), depth - 1)
    cut = top + (bottom - top) * share
    return _rooms(rng, (left, top, right, cut), depth - 1) + _rooms(rng, (left, cut, right, bottom), depth - 1)


def halftone(rng: np.random.Generator) -> Image.Image:
    """A bold outlined object on flat colour with printed dots; sometimes four times in four colours."""
    canvas = new_canvas()
    kind = int(rng.integers(len(OBJECTS)))
    if rng.uniform() < 0.35:
        for x in (0.25, 0.75):
            for y in (0.25, 0.75):
                _panel(Pen(canvas, centre=(x, y), scale=0.5), rng, kind)
    else:
        _panel(Pen(canvas, centre=(0.5, 0.5)), rng, kind)
    return finished(canvas)


def _panel(pen: Pen, rng: np.random.Generator, kind: int) -> None:
    """One panel, a unit wide: ground, dots that grow towards one side, a burst and the object."""
    hue = float(rng.choice([0.0, 0.13, 0.5, 0.57, 0.9, 0.35, 0.75]))
    square = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    pen.polygon(square, hsv(hue, 0.72, 0.97))
    dots = hsv(hue + rng.choice([0.08, 0.5, 0.92]), 0.75, 0.82)
    angle, step = rng.uniform(0, 2 * np.pi), 0.052
    with pen.inside(square):
        for row, y in enumerate(np.arange(-0.5, 0.52, step * 0.87)):
            for x in np.arange(-0.5, 0.52, step) + step / 2 * (row % 2):
                size = step * np.clip(0.3 + 0.45 * (x * np.cos(angle) + y * np.sin(angle)), 0.06, 0.55)
                pen.ellipse(x, y, size, size, dots)
    if rng.uniform() < 0.6:
        _burst(pen, rng, hsv(hue + 0.5, 0.2 + 0.6 * rng.uniform(), 1.0))
    tone = hsv(hue + rng.choice([0.33, 0.5, 0.66]), 0.85, 0.95)
    OBJECTS[kind](pen, tone, float(rng.normal(0, 0.15)))


def _burst(pen: Pen, rng: np.random.Generator, colour: Colour) -> None:
    """A jagged star with a black rim."""
    points = int(rng.integers(9, 15)) * 2
    angles = np.linspace(0, 2 * np.pi, points + 1)[:-1]
    radius = np.where(np.arange(points) % 2, 0.31, rng.uniform(0.42, 0.49, points))
    star = np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)
    pen.polygon(star * 1.05, INK)
    pen.polygon(star, colour)


def _outlined(pen: Pen, points: list[tuple[float, float]], colour: Colour, turn: float) -> None:
    """A smooth shape with a thick black rim."""
    cos, sin = np.cos(turn), np.sin(turn)
    turned = np.array(points) @ np.array([[cos, sin], [-sin, cos]])
    middle = turned.mean(axis=0)
    pen.blob(middle + (turned - middle) * 1.1, INK)
    pen.blob(turned, colour)


def _lips(pen: Pen, tone: Colour, turn: float) -> None:
    red = mix(tone, (226, 30, 60), 0.7)
    _outlined(pen, [(-0.34, 0), (-0.14, -0.15), (0, -0.1), (0.14, -0.15), (0.34, 0), (0.16, 0.17), (0, 0.2),
                    (-0.16, 0.17)], red, 0)
    pen.blob([(-0.26, 0), (0, -0.045), (0.26, 0), (0, 0.06)], INK)
    pen.blob([(-0.2, 0.0), (0, -0.035), (0.2, 0.0), (0, 0.02)], (255, 255, 255))
    pen.ellipse(-0.08, 0.12, 0.07, 0.018, (255, 255, 255, 190), turn=0.1)


def _fruit(pen: Pen, tone: Colour, turn: float) -> None:
    _outlined(pen, [(0, -0.14), (0.16, -0.2), (0.27, -0.02), (0.17, 0.24), (0, 0.22), (-0.17, 0.24), (-0.27, -0.02),
                    (-0.16, -0.2)], tone, turn)
    pen.stroke([(0, -0.13), (0.03, -0.24), (0.08, -0.3)], 0.032, INK)
    _outlined(pen, [(0.05, -0.22), (0.16, -0.32), (0.26, -0.28), (0.15, -0.19)], (90, 190, 80), 0)
    pen.ellipse(-0.13, -0.04, 0.035, 0.09, (255, 255, 255, 220), turn=0.3)


def _heart(pen: Pen, tone: Colour, turn: float) -> None:
    _outlined(pen, [(0, -0.1), (0.12, -0.23), (0.28, -0.16), (0.26, 0.04), (0.0, 0.29), (-0.26, 0.04), (-0.28, -0.16),
                    (-0.12, -0.23)], tone, turn)
    pen.ellipse(-0.14, -0.1, 0.04, 0.08, (255, 255, 255, 220), turn=0.6)


def _bubble(pen: Pen, tone: Colour, turn: float) -> None:
    pen.polygon([(-0.16, 0.12), (-0.28, 0.4), (0.06, 0.16)], INK)
    pen.ellipse(0, -0.03, 0.38, 0.25, INK)
    pen.polygon([(-0.13, 0.12), (-0.235, 0.335), (0.02, 0.16)], (255, 255, 255))
    pen.ellipse(0, -0.03, 0.355, 0.225, (255, 255, 255))
    for x in (-0.15, 0.03):
        pen.polygon([(x - 0.01, -0.18), (x + 0.09, -0.18), (x + 0.06, 0.03), (x + 0.02, 0.03)], tone)
        pen.ellipse(x + 0.04, 0.09, 0.035, 0.035, tone)


def _bolt(pen: Pen, tone: Colour, turn: float) -> None:
    bolt = np.array([(0.06, -0.36), (-0.2, 0.05), (-0.03, 0.05), (-0.1, 0.36), (0.2, -0.09), (0.03, -0.09),
                     (0.18, -0.36)])
    pen.polygon(bolt * 1.12, INK)
    pen.polygon(bolt * 0.96, mix(tone, (255, 226, 50), 0.6))


OBJECTS = (_lips, _fruit, _heart, _bubble, _bolt)
