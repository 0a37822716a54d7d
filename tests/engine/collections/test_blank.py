"""Blank pictures: of one colour in any format, and none that shows as little as a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.collections.blank import blank_contents
from engine.core.home import Home
from engine.workbench.workbench import Workbench


def noisy(level: int) -> Image.Image:
    """One colour with the noise of a sensor behind a lens cap, at a photograph's size."""
    noise = np.random.default_rng(level).normal(level, 2, (900, 1200, 3))
    return Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))


def line() -> Image.Image:
    picture = Image.new("RGB", (800, 600), "white")
    picture.paste((0, 0, 0), (100, 300, 700, 304))
    return picture


PICTURES = {
    "black.png": (Image.new("RGB", (40, 30)), True),
    "black.jpg": (Image.new("RGB", (4000, 30)), True),
    "white.bmp": (Image.new("L", (40, 30), 255), True),
    "transparent.png": (Image.new("RGBA", (40, 30), (9, 99, 200, 0)), True),
    "red.webp": (Image.new("RGB", (40, 30), "red"), True),
    "one.gif": (Image.new("P", (1, 1)), True),
    "cap.jpg": (noisy(6), True),
    "line.png": (line(), False),
    "halves.png": (Image.fromarray(np.repeat(np.uint8([[0, 40]]), 8, 0)), False),
    "faint.png": (Image.linear_gradient("L").point(lambda level: level // 16), False),
}


@pytest.fixture(scope="module")
def blanks(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the pictures that are found to be blank."""
    root: Path = tmp_path_factory.mktemp("blank")
    (root / "p").mkdir()
    for name, (picture, _) in PICTURES.items():
        picture.save(root / "p" / name)
    bench = Workbench(Home(root / "home"))
    bench.run("import", source="folder", title="p", path=str(root / "p"))
    collection = bench.collection("p")
    found = blank_contents(collection)
    return {row.name for row in collection.rows() if row.hash in found}


@pytest.mark.parametrize("name", PICTURES)
def test_only_pictures_of_one_colour_are_blank(name: str, blanks: set[str]) -> None:
    assert (name in blanks) == PICTURES[name][1]
