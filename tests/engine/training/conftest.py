"""A small collection of pictures with something to learn, and a place to keep runs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.collections.pixels import decoded_pixels
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.training import train
from tests.engine.narrow import narrow_model, whole_model  # noqa: F401


class Blobs:
    """Pictures of one bright disc on a dark ground: colour, place and radius vary."""

    name = "blobs"
    title = "Blobs"
    folder = Path.cwd()  # of a disk; nothing is stored there

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def images(self) -> SimpleNamespace:
        return SimpleNamespace(
            ids=np.arange(self.count), labels=["odd" if row % 2 else "even" for row in range(self.count)]
        )

    def fingerprint(self) -> str:
        return f"blobs-{self.count}"

    def pixels(self, size: int, report: Reporter) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        rng = np.random.default_rng(0)
        y, x = np.mgrid[0:size, 0:size] / size
        pictures = np.empty((self.count, size, size, 3), np.uint8)
        for row in range(self.count):
            cx, cy, radius = rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8), rng.uniform(0.1, 0.4)
            inside = ((x - cx) ** 2 + (y - cy) ** 2 < radius**2)[:, :, None]
            pictures[row] = np.where(inside, rng.integers(100, 256, 3), rng.integers(0, 80, 3))
        return np.arange(self.count), pictures


def _pixels(
    collection: Blobs | Collection, size: int, reporter: Reporter
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    drawn = isinstance(collection, Blobs)
    return collection.pixels(size, reporter) if drawn else decoded_pixels(collection, size, reporter)


train.decoded_pixels = _pixels  # here, and in the processes that import this file


@pytest.fixture
def blobs() -> Blobs:
    return Blobs(24)


@pytest.fixture
def few() -> Blobs:
    return Blobs(10)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)
