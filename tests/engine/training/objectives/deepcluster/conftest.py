"""A small DeepCluster on drawn shapes, on one thread."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.core.progress import Reporter
from tests.engine.training.conftest import Blobs

SMALL: dict[str, Any] = {
    "objective": "deepcluster", "model": 1, "size": 32, "batch": 8, "epochs": 2, "clusters": 4, "probe": 16,
}  # fmt: skip
WITH_NORMALISATION = SMALL | {"network": "mobilenet-v3-small", "size": 32}  # and layers that draw by themselves


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Shapes(Blobs):
    """Four bright shapes in any colour, each in a place of its own kind: discs, rings, and bars both ways."""

    name, title = "shapes", "Shapes"

    def images(self) -> SimpleNamespace:
        return SimpleNamespace(ids=np.arange(self.count), labels=["disc", "ring", "bar", "post"] * (self.count // 4))

    def pixels(self, size: int, report: Reporter) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        rng = np.random.default_rng(0)
        y, x = np.mgrid[0:size, 0:size] / size - 0.5
        pictures = np.empty((self.count, size, size, 3), np.uint8)
        for row in range(self.count):
            dx, dy, grow = rng.uniform(-0.2, 0.2), rng.uniform(-0.2, 0.2), rng.uniform(0.7, 1.2)
            u, v = (x - dx) / grow, (y - dy) / grow
            away = np.hypot(u, v)
            inside = (away < 0.3, abs(away - 0.3) < 0.06, abs(v) < 0.1, abs(u) < 0.1)[row % 4][:, :, None]
            pictures[row] = np.where(inside, rng.integers(120, 256, 3), rng.integers(0, 90, 3))
        return np.arange(self.count), pictures
