"""Parts that several animals share: eyes, noses, mouths, whiskers, fur."""

from dataclasses import dataclass

import numpy as np

from engine.collections.samples.drawing import Colour, Pen, Points, furry, mix, shade, smooth

DARK: Colour = (34, 26, 28)
PINK: Colour = (232, 150, 150)


@dataclass(frozen=True)
class Mood:
    """How the animal looks: eyes open, closed in a smile or one winking; the mouth closed or open."""

    eyes: str
    mouth: str
    gaze: tuple[float, float]


def mood(rng: np.random.Generator) -> Mood:
    """A random mood; most animals look with open eyes."""
    eyes = str(rng.choice(["open", "closed", "wink"], p=[0.86, 0.08, 0.06]))
    mouth = str(rng.choice(["smile", "open", "tongue"], p=[0.5, 0.25, 0.25]))
    return Mood(eyes, mouth, (float(rng.uniform(-0.3, 0.3)), float(rng.uniform(-0.15, 0.25))))


def fur(pen: Pen, rng: np.random.Generator, outline: Points, colour: Colour, count: int = 110) -> None:
    """Short hairs over the area within the outline, combed away from the nose."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    middle = np.array([0, 0.25])
    starts = (outline[rng.integers(len(outline), size=count)] - middle) * np.sqrt(rng.uniform(0.06, 0.9, (count, 1)))
    starts = np.clip(starts + middle, low, high)
    away = starts - [0, 0.3]
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 0.1)
    ends = starts + (away + rng.normal(0, 0.25, (count, 2))) * rng.uniform(0.06, 0.14, (count, 1))
    tones = [(*shade(colour, -0.22), 90), (*shade(colour, 0.3), 100)]
    pen.hairs(starts, ends, 0.016, [tones[i % 2] for i in range(count)])


def head(pen: Pen, rng: np.random.Generator, outline: Points, colour: Colour, tufts: float = 0.05) -> Points:
    """The head with a furry edge and a darker rim; returns the smooth outline."""
    curve = smooth(outline, 6)
    pen.polygon(furry(curve * 1.015, rng, tufts), shade(colour, -0.2))
    pen.polygon(furry(curve * 0.985, rng, tufts * 0.8), colour)
    fur(pen, rng, curve, colour)
    return curve


def body(pen: Pen, rng: np.random.Generator, colour: Colour, chest: Colour, width: float = 1.0) -> None:
    """Shoulders and a chest below the head."""
    shoulders = np.array([(0, 0.5), (0.62, 0.75), (0.98, 1.3), (1.12, 2.6), (-1.12, 2.6), (-0.98, 1.3), (-0.62, 0.75)])
    pen.polygon(furry(smooth(shoulders * [width, 1]), rng, 0.06), shade(colour, -0.16), depth=-0.5)
    bib = np.array([(0, 0.6), (0.38, 0.9), (0.46, 1.4), (0.2, 2.0), (0, 2.2), (-0.2, 2.0), (-0.46, 1.4), (-0.38, 0.9)])
    pen.polygon(furry(smooth(bib * [width, 1]), rng, 0.09), shade(chest, -0.08), depth=-0.3)


def accessory(pen: Pen, rng: np.random.Generator, y: float = 1.0, width: float = 0.66) -> None:
    """Now and then a collar with a tag, a bow or a scarf."""
    kind = rng.integers(9)
    colour = [(206, 52, 58), (38, 96, 168), (34, 130, 100), (236, 168, 40), (130, 70, 150)][rng.integers(5)]
    if kind in (0, 1, 2):
        pen.arc(0, y - 0.52, width, 0.64, 0.1, np.pi - 0.1, 0.13, shade(colour, -0.1), depth=-0.2)
    if kind == 0:
        pen.ellipse(0, y + 0.2, 0.12, 0.12, (236, 190, 70), depth=-0.2)
        pen.ellipse(-0.03, y + 0.17, 0.04, 0.04, (255, 240, 190), depth=-0.2)
    if kind == 1:
        for side in (-1, 1):
            bow = [(0, y + 0.12), (side * 0.3, y - 0.05), (side * 0.36, y + 0.12), (side * 0.3, y + 0.3)]
            pen.blob(bow, colour, depth=-0.1)
        pen.ellipse(0, y + 0.12, 0.09, 0.09, shade(colour, -0.25), depth=-0.1)


def eyes(pen: Pen, how: Mood, x: float, y: float, size: float, iris: Colour, *, pupil: str = "round",
         white: bool = False, tall: float = 1.0, slant: float = 0.0, rim: Colour = DARK, lash: Colour = DARK) -> None:
    """A pair of eyes; `pupil` is round, slit or full (all dark); `slant` turns the outer corners up (radians).

    `lash` is the colour of the curve that stands for a closed eye.
    """
    for side in (-1, 1):
        closed = how.eyes == "closed" or (how.eyes == "wink" and side > 0)
        if closed:
            pen.arc(side * x, y + size * 0.35, size * 0.95, size * 0.75, np.pi * 1.1, np.pi * 1.9, 0.055, lash, 0.3)
        else:
            _open_eye(pen, side, how, x, y, size, iris, pupil, white, tall, slant, rim)


def _open_eye(pen: Pen, side: int, how: Mood, x: float, y: float, size: float, iris: Colour, pupil: str,
              white: bool, tall: float, slant: float, rim: Colour) -> None:
    """One open eye: rim, white or iris, pupil and two lights."""
    turn = -side * slant
    pen.ellipse(side * x, y, size * 1.16, size * 1.16 * tall, rim, turn=turn, depth=0.3)
    gx, gy = side * x + how.gaze[0] * size * 0.3, y + how.gaze[1] * size * 0.3
    if white:
        pen.ellipse(side * x, y, size, size * tall, (250, 248, 240), turn=turn, depth=0.3)
    if pupil != "full":
        full = 0.8 if white else 1.0
        pen.ellipse(gx if white else side * x, gy if white else y, size * full, size * tall * full, iris, turn=turn,
                    depth=0.3)
        pen.ellipse(gx, gy + size * 0.3, size * full * 0.66, size * tall * full * 0.5, (*shade(iris, 0.4), 150),
                    turn=turn, depth=0.3)
    width = {"slit": 0.3, "round": 0.56, "full": 0.98}[pupil]
    pen.ellipse(gx, gy, size * width, size * tall * (0.86 if pupil == "slit" else width), (16, 12, 14), depth=0.3)
    pen.ellipse(gx - size * 0.28, gy - size * 0.36, size * 0.26, size * 0.26, (255, 255, 255), depth=0.3)
    pen.ellipse(gx + size * 0.3, gy + size * 0.34, size * 0.12, size * 0.12, (255, 255, 255, 210), depth=0.3)


def nose(pen: Pen, y: float, width: float, height: float, colour: Colour, depth: float = 0.6) -> None:
    """A rounded triangle with a light on it."""
    outline = np.array([(0, -0.45), (0.7, -0.5), (1, -0.1), (0.45, 0.55), (0, 0.8), (-0.45, 0.55), (-1, -0.1),
                        (-0.7, -0.5)])
    pen.blob(outline * [width, height] + [0, y], colour, depth)
    pen.ellipse(-width * 0.3, y - height * 0.2, width * 0.28, height * 0.16, (255, 255, 255, 120), depth=depth)


def mouth(pen: Pen, how: Mood, y: float, width: float, colour: Colour = DARK, depth: float = 0.55) -> None:
    """The mouth below a nose: a double curve; open or with the tongue out where the mood says so."""
    if how.mouth != "smile":
        pen.blob([(-width * 0.62, y + 0.06), (0, y + 0.02), (width * 0.62, y + 0.06), (width * 0.36, y + width * 0.8),
                  (0, y + width * 0.98), (-width * 0.36, y + width * 0.8)], (96, 30, 40), depth)
        long = 1.5 if how.mouth == "tongue" else 0.92
        pen.blob([(-width * 0.34, y + width * 0.45), (0, y + width * 0.35), (width * 0.34, y + width * 0.45),
                  (width * 0.3, y + width * long * 0.9), (0, y + width * long), (-width * 0.3, y + width * long * 0.9)],
                 (236, 116, 128), depth)
        pen.stroke([(0, y + width * 0.5), (0, y + width * long * 0.78)], 0.02, (196, 76, 92), depth)
    pen.stroke([(0, y - 0.12), (0, y)], 0.035, colour, depth)
    for side in (-1, 1):
        pen.arc(side * width * 0.5, y - 0.02, width * 0.52, width * 0.42, 0.1, np.pi - 0.1, 0.04, colour, depth)


def whiskers(pen: Pen, rng: np.random.Generator, y: float, x: float, length: float, colour: Colour) -> None:
    """Three long hairs on each side of the muzzle."""
    for side in (-1, 1):
        for step in range(3):
            lift = (step - 1) * 0.13
            droop = rng.uniform(-0.03, 0.05)
            points = [(side * x, y + lift * 0.4), (side * (x + length * 0.5), y + lift - 0.03 + droop * 0.3),
                      (side * (x + length), y + lift * 1.6 + droop)]
            pen.stroke(points, 0.018, (*colour, 225), depth=0.4)
        for dot in range(3):
            pen.ellipse(side * (x - 0.06 - 0.05 * dot), y + 0.05 * (dot - 1), 0.014, 0.014, (*DARK, 150), depth=0.5)


def locks(pen: Pen, rng: np.random.Generator, outline: Points, colour: Colour, count: int = 16) -> None:
    """Long wavy strands that hang down over the area within the outline, dark and light."""
    (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
    with pen.inside(outline):
        for number in range(count):
            x = left + (right - left) * (number + rng.uniform(0, 1)) / count
            y = np.linspace(top + rng.uniform(0, 0.2), bottom, 9)
            wave = 0.035 * np.sin(y * rng.uniform(12, 16) + rng.uniform(0, 6))
            tone = (*shade(colour, -0.45), 170) if number % 2 else (*shade(colour, 0.35), 150)
            pen.stroke(np.stack([x + wave, y], axis=1), 0.028, tone, depth=-0.1)


def contrast(colour: Colour) -> Colour:
    """White for dark fur, a dark brown for pale fur."""
    return (250, 250, 250) if sum(colour) < 560 else mix(DARK, colour, 0.25)
