"""Enlarging thumbnails: bit by bit what Pillow makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine.duplicates.enlarging import resized


@pytest.mark.parametrize("size", [(32, 32), (20, 31), (1, 3), (3, 256), (255, 100), (128, 256), (256, 256)])
def test_it_is_what_pillow_makes(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    picture[: size[0] // 2] = np.where(picture[: size[0] // 2] > 99, 255, 0)  # values beyond both ends are cut off
    scale = 256 / max(size)
    height, width = (max(8, round(side * scale)) for side in size)
    wanted = Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC)
    assert np.array_equal(resized(picture, height, width), np.asarray(wanted))


def test_one_that_shrinks_is_what_pillow_makes() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (300, 200), dtype=np.uint8)
    wanted = Image.fromarray(picture).resize((100, 150), Image.Resampling.BICUBIC)
    assert np.array_equal(resized(picture, 150, 100), np.asarray(wanted))
