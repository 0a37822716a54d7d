"""Smooth shapes on a supersampled canvas: the pen that all drawn samples share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFilter

SIZE = 256
OVERSAMPLING = 3
CANVAS = SIZE * OVERSAMPLING

Colour = tuple[int, ...]
Points = NDArray[np.float64]

def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour that lies `share` (0 to 1) of the way from the first to the second."""
    return tuple(round(a + (b - a) * share) for a, b in zip(first[:3], second[:3], strict=True))


def shade(colour: Colour, amount: float) -> Colour:
    """The colour made lighter (amount > 0, towards white) or darker (amount < 0, towards black)."""
    return mix(colour, (255, 255, 255) if amount > 0 else (0, 0, 0), abs(amount))


def jitter(rng: np.random.Generator, colour: Colour, spread: float = 12) -> Colour:
    """The colour made randomly lighter or darker by about `spread` levels, and a little warmer or cooler."""
    step = rng.normal(0, spread) + rng.normal(0, spread * 0.4, 3)
    return tuple(int(v) for v in np.clip(np.array(colour[:3]) + step, 0, 255))


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """The RGB colour (0 to 255) of a hue, saturation and value, each 0 to 1; the hue wraps around."""
    channels = [(5 + hue * 6) % 6, (3 + hue * 6) % 6, (1 + hue * 6) % 6]
    return tuple(int(255 * (value - value * saturation * max(0.0, min(k, 4 - k, 1.0)))) for k in channels)


def smooth(points: ArrayLike, samples: int = 7) -> Points:
    """A closed Catmull-Rom curve through the points: (n, 2) → (n * samples, 2)."""
    p1 = np.asarray(points, dtype=np.float64)
    p0, p2, p3 = np.roll(p1, 1, axis=0), np.roll(p1, -1, axis=0), np.roll(p1, -2, axis=0)
    t = (np.arange(samples) / samples)[None, :, None]
    a, b, c, d = (p[:, None, :] for p in (p0, p1, p2, p3))
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return curve.reshape(-1, 2)


def mirrored(right_half: Sequence[tuple[float, float]]) -> Points:
    """The closed outline whose right half, from the top to the bottom, is given; symmetric about x = 0."""
    right = np.array(right_half, dtype=np.float64)
    left = right[1:-1][::-1] * [-1, 1]
    return np.concatenate([right, left])


def furry(outline: Points, rng: np.random.Generator, length: float) -> Points:
    """The outline with tufts: every other point is pushed away from the centre by up to `length`."""
    centre = outline.mean(axis=0)
    away = outline - centre
    away = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    push = rng.uniform(0.2, 1.0, len(outline)) * length * (np.arange(len(outline)) % 2)
    return outline + away * push[:, None]


def circle(corners: int) -> Points:
    """A regular polygon on the unit circle: (corners, 2)."""
    angles = np.linspace(0, 2 * np.pi, corners + 1)[:-1]
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


_CIRCLE = circle(48)


class Pen:
    """Draws in its own coordinates: x right and y down, turned, scaled and moved onto a larger canvas.

    One unit is `scale` times the picture's side; `centre` is given as shares of the side; `turn` in radians.
    `lean` moves a shape by its depth, as a head that looks aside does.
    """

    def __init__(self, image: Image.Image, *, scale: float = 1.0, centre: tuple[float, float] = (0.0, 0.0),
                 turn: float = 0.0, stretch: tuple[float, float] = (1.0, 1.0), lean: tuple[float, float] = (0.0, 0.0)):
        self.image = image
        self.draw = ImageDraw.Draw(image, "RGBA")
        cos, sin = np.cos(turn), np.sin(turn)
        self.unit = scale * image.width
        self.matrix = np.array([[cos, -sin], [sin, cos]]) * np.array(stretch) * self.unit
        self.origin = np.array(centre) * image.width
        self.lean = np.array(lean)

    def place(self, points: ArrayLike, depth: float = 0.0) -> Points:
        """The canvas positions (pixels) of points given in the pen's coordinates."""
        return (np.asarray(points, dtype=np.float64) + self.lean * depth) @ self.matrix.T + self.origin

    def polygon(self, points: ArrayLike, colour: Colour, depth: float = 0.0) -> None:
        """Fill the polygon; a fourth channel of the colour is its opacity."""
        self.draw.polygon(self.place(points, depth).ravel().tolist(), fill=colour)

    def blob(self, points: ArrayLike, colour: Colour, depth: float = 0.0) -> None:
        """Fill the smooth closed curve through the points."""
        self.polygon(smooth(points), colour, depth)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour, *, turn: float = 0.0,
                depth: float = 0.0) -> None:
        """Fill an ellipse with the half axes rx and ry, turned by `turn` radians."""
        cos, sin = np.cos(turn), np.sin(turn)
        outline = (_CIRCLE * [rx, ry]) @ np.array([[cos, sin], [-sin, cos]]) + [x, y]
        self.polygon(outline, colour, depth)

    def stroke(self, points: ArrayLike, width: float, colour: Colour, depth: float = 0.0) -> None:
        """Draw a line through the points, `width` units wide, with round joints."""
        flat = self.place(points, depth).ravel().tolist()
        self.draw.line(flat, fill=colour, width=max(1, round(width * self.unit)), joint="curve")

    def arc(self, x: float, y: float, rx: float, ry: float, start: float, end: float, width: float, colour: Colour,
            depth: float = 0.0) -> None:
        """Draw part of an ellipse's edge; the angles are in radians, clockwise from the right."""
        t = np.linspace(start, end, 14)
        self.stroke(np.stack([x + rx * np.cos(t), y + ry * np.sin(t)], axis=1), width, colour, depth)

    def hairs(self, starts: Points, ends: Points, width: float, colours: Sequence[Colour]) -> None:
        """Draw many short straight hairs, from starts (n, 2) to ends (n, 2), each in its own colour."""
        lines = np.concatenate([self.place(starts), self.place(ends)], axis=1).tolist()
        pixels = max(1, round(width * self.unit))
        for line, colour in zip(lines, colours, strict=True):
            self.draw.line(line, fill=colour, width=pixels)

    @contextmanager
    def inside(self, points: ArrayLike, depth: float = 0.0) -> Iterator[None]:
        """What is drawn in this block, at most 0.8 units beyond the polygon, shows only inside it."""
        place, margin = self.place(points, depth), 0.8 * self.unit
        low = np.maximum(np.floor(place.min(axis=0) - margin).astype(int), 0)
        high = np.minimum(np.ceil(place.max(axis=0) + margin).astype(int), self.image.size)
        box = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
        before = self.image.crop(box)
        yield
        hidden = Image.new("L", before.size, 255)
        ImageDraw.Draw(hidden).polygon((place - low).ravel().tolist(), fill=0)
        self.image.paste(before, box, mask=hidden)


def new_canvas(colour: Colour = (255, 255, 255), side: int = CANVAS) -> Image.Image:
    """An empty RGB canvas, several times larger than the finished picture."""
    return Image.new("RGB", (side, side), colour)


def finished(canvas: Image.Image) -> Image.Image:
    """The canvas at the picture's own size, its edges smoothed by averaging."""
    return canvas.reduce(canvas.width // SIZE)


def two_tone(first: Colour, second: Colour, angle: float, side: int = CANVAS) -> Image.Image:
    """A canvas that runs from one colour to the other along a direction (radians)."""
    axis = np.linspace(-0.5, 0.5, 32)
    ramp = np.clip(0.5 + 0.9 * (np.cos(angle) * axis[None, :] + np.sin(angle) * axis[:, None]), 0, 1)[..., None]
    small = np.array(first[:3]) * (1 - ramp) + np.array(second[:3]) * ramp
    fine = Image.fromarray(small.astype(np.uint8)).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return fine.resize((side, side), Image.Resampling.NEAREST)  # several times faster than BICUBIC all the way


def lit(picture: Image.Image, lights: Image.Image, tint: ArrayLike = (1.0, 1.0, 1.0)) -> Image.Image:
    """The picture times a soft light map: a small grey picture in which 128 leaves a place as it is."""
    soft = lights.filter(ImageFilter.GaussianBlur(lights.width / 14)).resize(picture.size, Image.Resampling.BICUBIC)
    factor = np.asarray(soft, dtype=np.float32)[..., None] * (np.asarray(tint, dtype=np.float32) / 128)
    return Image.fromarray(np.minimum(np.asarray(picture) * factor, 255).astype(np.uint8))
