"""Drawn pictures with as much detail as a photograph, and copies of them altered in known ways."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from engine.core.home import Home
from engine.workbench.workbench import Workbench

WIDTH, HEIGHT = 320, 240
ALTERATIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half": lambda p: p.resize((p.width // 2, p.height // 2), Image.Resampling.LANCZOS),
    "left": lambda p: p.transpose(Image.Transpose.ROTATE_90),
    "over": lambda p: p.transpose(Image.Transpose.ROTATE_180),
    "right": lambda p: p.transpose(Image.Transpose.ROTATE_270),
    "mirrored": ImageOps.mirror,
    "flipped": ImageOps.flip,
    "cropped": lambda p: p.crop((30, 20, p.width - 20, p.height - 25)),
    "brighter": lambda p: ImageEnhance.Brightness(p).enhance(1.3),
    "grey": lambda p: ImageOps.grayscale(p).convert("RGB"),
}


def scene(seed: int) -> Image.Image:
    """Shapes of many sizes on a soft ground."""
    rng = np.random.default_rng(seed)
    ground = Image.fromarray(rng.integers(40, 200, (4, 5, 3), dtype=np.uint8))
    picture = ground.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    for _ in range(90):
        x, y, r = rng.integers(0, WIDTH), rng.integers(0, HEIGHT), rng.integers(3, 26)
        box, colour = (x - r, y - r, x + r, y + int(rng.integers(1, r + 1))), tuple(rng.integers(0, 220, 3).tolist())
        (pen.rectangle if rng.random() < 0.5 else pen.ellipse)(box, fill=colour)
    return picture


def page_of_text(seed: int) -> Image.Image:
    """A window with a bar and lines of words: the same for every seed but for the words."""
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", (800, 600), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=16)
    pen.rectangle((0, 0, 800, 36), fill="#2b579a")
    for line in range(20):
        words = ["".join(chr(97 + c) for c in rng.integers(0, 26, rng.integers(3, 9))) for _ in range(11)]
        pen.text((40, 60 + 26 * line), " ".join(words), fill="#111111", font=font)
    return picture


def imported(home: Path, folder: Path, title: str = "Scenes") -> Workbench:
    """The folder as a collection of a workbench."""
    bench = Workbench(Home(home))
    bench.run("import", source="folder", title=title, path=str(folder))
    return bench
