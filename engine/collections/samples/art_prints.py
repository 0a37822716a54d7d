"""Two eastern manners: woodblock waves and ink on paper."""

import numpy as np
from PIL import Image, ImageFilter

from engine.collections.samples.art_scenes import textured
from engine.collections.samples.drawing import (
    CANVAS,
    SIZE,
    Colour,
    Pen,
    Points,
    finished,
    hsv,
    jitter,
    mix,
    shade,
    two_tone,
)

FOAM: Colour = (246, 242, 228)
INDIGO: Colour = (22, 44, 92)


def woodblock_waves(rng: np.random.Generator) -> Image.Image:
    """Rows of outlined waves with curling foam under a graded sky, a far mountain and a sun."""
    paper = jitter(rng, (236, 222, 190), 6)
    sky = hsv(rng.choice([0.56, 0.08, 0.12, 0.03, 0.5]), rng.uniform(0.25, 0.5), 0.85)
    canvas = two_tone(sky, paper, np.pi / 2)
    pen = Pen(canvas)
    _far(pen, rng)
    blue = jitter(rng, [(36, 74, 130), (30, 92, 124), (52, 66, 118), (46, 110, 130)][rng.integers(4)], 8)
    lines = sorted(rng.uniform(0.5, 0.92, 4))
    for number, line in enumerate(lines):
        _wave_row(pen, rng, line, mix(shade(blue, 0.32), shade(blue, -0.12), number / 3), 0.75 + 0.25 * number)
    if rng.uniform() < 0.75:
        _great_wave(pen, rng, blue)
    return textured(finished(canvas), rng, 0.025)


def _far(pen: Pen, rng: np.random.Generator) -> None:
    """The sun, clouds in bands and a snow-capped mountain."""
    x = rng.uniform(0.2, 0.8)
    if rng.uniform() < 0.7:
        pen.ellipse(1 - x, rng.uniform(0.14, 0.32), 0.09, 0.09, (206, 66, 48))
    for y in rng.uniform(0.08, 0.4, 3):
        left = rng.uniform(-0.2, 0.8)
        pen.polygon([(left, y), (left + 0.45, y), (left + 0.5, y + 0.02), (left + 0.1, y + 0.02)], (*FOAM, 150))
    top, wide = rng.uniform(0.28, 0.42), rng.uniform(0.3, 0.45)
    peak = np.array([(x - 0.035, top), (x + 0.035, top), (x + wide, 0.75), (x - wide, 0.75)])
    pen.polygon(peak, (82, 96, 120))
    snow = [(x - 0.035, top), (x + 0.035, top), (x + 0.13, top + 0.14), (x + 0.07, top + 0.11), (x + 0.03, top + 0.17),
            (x - 0.02, top + 0.11), (x - 0.07, top + 0.16), (x - 0.12, top + 0.13)]
    pen.polygon(snow, FOAM)


def _crest(rng: np.random.Generator, line: float, height: float) -> Points:
    """The upper edge of a row of waves: steep crests that lean to one side."""
    x = np.linspace(-0.1, 1.1, 90)
    phase = x * rng.uniform(2.2, 3.6) + rng.uniform(0, 1)
    rise = np.abs(((phase + 0.12 * np.sin(2 * np.pi * phase)) % 1) - 0.5) * 2
    return np.stack([x, line - height * (rise**1.7 - 0.4)], axis=1)


def _wave_row(pen: Pen, rng: np.random.Generator, line: float, colour: Colour, size: float) -> None:
    """One row: body, lighter lines that follow the crest, an outline and foam with fingers."""
    crest = _crest(rng, line, 0.16 * size)
    pen.polygon([*crest.tolist(), (1.1, 1.2), (-0.1, 1.2)], colour)
    for step in range(1, 5):
        below = crest * [1, 0.82] + [0, line * 0.18 + 0.034 * step * size]
        pen.stroke(below, 0.009, (*mix(colour, FOAM, 0.55), 220))
    pen.stroke(crest, 0.03 * size, FOAM)
    pen.stroke(crest - [0, 0.013 * size], 0.007, INDIGO)
    for x, y in crest[::2]:
        if y < line + 0.03:
            radius = rng.uniform(0.01, 0.02) * size
            pen.ellipse(x, y + 0.008, radius, radius, FOAM)
            pen.arc(x, y + 0.008, radius, radius, 0.2, np.pi - 0.2, 0.005, INDIGO)


def _great_wave(pen: Pen, rng: np.random.Generator, blue: Colour) -> None:
    """A large wave that curls over, with foam claws and spray."""
    side = rng.choice([-1, 1])
    flip, move = np.array([side, 1]), np.array([0.5 + rng.normal(0, 0.06), rng.uniform(-0.05, 0.1)])
    body = np.array([(-0.62, 1.1), (-0.6, 0.5), (-0.42, 0.26), (-0.18, 0.2), (0.03, 0.3), (0.1, 0.46), (-0.02, 0.4),
                     (-0.14, 0.42), (-0.2, 0.6), (-0.08, 0.85), (0.2, 1.1)])
    pen.blob(body * flip * 1.02 + move, INDIGO)
    pen.blob(body * flip + move, blue)
    for step in np.linspace(0.05, 0.9, 6):
        inner = body[1:6] * (1 - step) + body[[10, 9, 8, 8, 7]] * step
        pen.stroke(inner * flip + move, 0.013, mix(blue, FOAM, 0.65 if step < 0.5 else 0.35))
    edge = np.array([(-0.46, 0.29), (-0.32, 0.21), (-0.16, 0.19), (0.0, 0.27), (0.08, 0.4), (0.1, 0.47)])
    along = np.stack([np.interp(np.linspace(0, 5, 26), range(6), edge[:, k]) for k in (0, 1)], axis=1)
    for x, y in along + rng.normal(0, 0.008, along.shape):
        radius = rng.uniform(0.018, 0.038)
        pen.ellipse(x * side + move[0], y + move[1], radius + 0.005, radius + 0.005, INDIGO)
        pen.ellipse(x * side + move[0], y + move[1], radius, radius, FOAM)
    for x, y in rng.normal([0.1, 0.3], [0.12, 0.1], (26, 2)):
        radius = rng.uniform(0.003, 0.008)
        pen.ellipse(x * side + move[0], y + move[1], radius, radius, FOAM)


def ink_wash(rng: np.random.Generator) -> Image.Image:
    """Grey ink on pale paper: misty mountains, bamboo or a flowering branch, with a red seal."""
    paper = jitter(rng, (240, 234, 218), 6)
    canvas = two_tone(shade(paper, 0.15), shade(paper, -0.1), rng.uniform(0, 6))
    kind = rng.integers(3)
    if kind != 1 or rng.uniform() < 0.4:
        canvas = _mountains(canvas, rng, 4 if kind == 0 else 2)
    pen = Pen(canvas)
    if kind == 0:
        _boat_and_birds(pen, rng)
    elif kind == 1:
        for x in rng.permutation(np.linspace(0.1, 0.9, 6))[: rng.integers(3, 6)] + rng.normal(0, 0.03):
            _bamboo(pen, rng, x)
    else:
        _branch(pen, rng)
    x, y = rng.choice([0.08, 0.86]), rng.uniform(0.78, 0.86)
    pen.polygon([(x, y), (x + 0.065, y), (x + 0.065, y + 0.075), (x, y + 0.075)], (186, 44, 38))
    for step in (0.018, 0.036, 0.054):
        pen.stroke([(x + 0.012, y + step), (x + 0.053, y + step)], 0.006, paper)
    pen.stroke([(x + 0.032, y + 0.012), (x + 0.032, y + 0.062)], 0.006, paper)
    return textured(finished(canvas), rng, 0.015)


def _mountains(canvas: Image.Image, rng: np.random.Generator, count: int) -> Image.Image:
    """Ridges one before the other, each dark at its edge and lost in mist below."""
    small = canvas.resize((SIZE, SIZE), Image.Resampling.BOX)
    for number in range(count):
        base = 0.28 + 0.17 * number + rng.uniform(-0.05, 0.05)
        x = np.linspace(0, 1, SIZE)
        ridge = np.full(SIZE, base)
        for k in range(1, 8):
            ridge -= rng.uniform(0, 0.16) / k * np.sin(2 * np.pi * (x * k * 0.8 + rng.uniform(0, 1)))
        depth = np.linspace(0, 1, SIZE)[:, None] - ridge[None, :]
        wash = np.where(depth > 0, np.exp(-depth / rng.uniform(0.07, 0.13)), 0) * (110 + 34 * number)
        mask = Image.fromarray(np.clip(wash, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.9))
        small.paste(mix((60, 64, 70), (26, 28, 34), number / 4), mask=mask)
    return small.resize((CANVAS, CANVAS), Image.Resampling.BICUBIC)


def _boat_and_birds(pen: Pen, rng: np.random.Generator) -> None:
    """A small boat on empty water and a few birds."""
    x, y = rng.uniform(0.25, 0.7), rng.uniform(0.8, 0.92)
    pen.blob([(x - 0.09, y), (x, y + 0.014), (x + 0.09, y), (x + 0.05, y + 0.03), (x - 0.05, y + 0.03)], (40, 40, 46))
    pen.stroke([(x - 0.01, y), (x - 0.01, y - 0.06)], 0.008, (40, 40, 46))
    pen.ellipse(x - 0.01, y - 0.065, 0.022, 0.009, (40, 40, 46))
    pen.ellipse(x, y + 0.055, 0.11, 0.01, (60, 64, 70, 60))
    for bx, by in rng.uniform([0.1, 0.06], [0.9, 0.3], (5, 2)):
        pen.stroke([(bx - 0.025, by - 0.008), (bx, by + 0.004), (bx + 0.025, by - 0.01)], 0.006, (50, 52, 58))


def _bamboo(pen: Pen, rng: np.random.Generator, x: float) -> None:
    """One stalk in joints, with pointed leaves."""
    tone = int(rng.uniform(30, 130))
    wide, lean, y = rng.uniform(0.012, 0.028), rng.normal(0, 0.05), 1.05
    while y > -0.1:
        high = rng.uniform(0.14, 0.2)
        x2 = x + lean * high
        top = y - high + 0.012
        joint = [(x - wide, y), (x + wide, y), (x2 + wide * 0.9, top), (x2 - wide * 0.9, top)]
        pen.polygon(joint, (tone, tone + 4, tone + 6, 190))
        pen.polygon([(x - wide * 0.5, y), (x, y), (x2, top), (x2 - wide * 0.5, top)], (255, 252, 244, 60))
        pen.stroke([(x2 - wide * 1.2, y - high), (x2 + wide * 1.2, y - high)], 0.008, (20, 22, 26))
        for _ in range(int(rng.integers(1, 6))):
            angle = rng.choice([-1, 1]) * rng.uniform(0.2, 1.1) + np.pi / 2
            _leaf(pen, x2, y - high, rng.uniform(0.1, 0.22), angle, tone)
        x, y = x2, y - high


def _leaf(pen: Pen, x: float, y: float, long: float, angle: float, tone: int) -> None:
    """A pointed leaf from its stalk outwards."""
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    shape = [(0, 0), (0.3, 0.09), (0.6, 0.07), (1, 0), (0.6, -0.07), (0.3, -0.09)]
    pen.blob([np.array([x, y]) + long * (a * along + b * across) for a, b in shape], (tone, tone + 4, tone + 6, 210))


def _branch(pen: Pen, rng: np.random.Generator) -> None:
    """A crooked branch with twigs and blossoms, pink, white or red."""
    side, petal = rng.choice([-1, 1]), [(226, 130, 150), (206, 60, 70), (250, 240, 236)][rng.integers(3)]
    path = np.stack([np.linspace(-0.05, rng.uniform(0.7, 1.0), 9), np.linspace(0.85, 0.25, 9)], axis=1)
    path[1:] += rng.normal(0, 0.035, (8, 2))
    path = path if side > 0 else path * [-1, 1] + [1, 0]
    spots = []
    for number in range(8):
        pen.stroke(path[number:number + 2], 0.04 - 0.0042 * number, (44, 42, 46))
        if number > 1:
            twig = path[number] + np.array([(0, 0), (side * 0.08, -0.1), rng.normal([0.12 * side, -0.22], 0.05)])
            pen.stroke(twig, 0.01, (50, 48, 52))
            spots += [*twig[1:], twig[1] + rng.normal(0, 0.04, 2), twig[2] + rng.normal(0, 0.05, 2)]
    for x, y in spots:
        size, turn = rng.uniform(0.018, 0.034), rng.uniform(0, 6)
        for angle in turn + np.arange(5) * 2 * np.pi / 5:
            pen.ellipse(x + size * np.cos(angle), y + size * np.sin(angle), size * 0.72, size * 0.72,
                        (*jitter(rng, petal, 8), 225))
        pen.ellipse(x, y, size * 0.35, size * 0.35, (120, 40, 50))
