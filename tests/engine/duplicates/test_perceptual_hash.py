"""The perceptual hash: eight orientations from one transform, and what changes no bit."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine.duplicates.perceptual_hash import BYTES, ORIENTATIONS, SIDE, hashes, oriented
from tests.engine.duplicates.scenes import scene


def reduced(seed: int) -> np.ndarray:
    return np.asarray(scene(seed).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))


@pytest.mark.parametrize("orientation", range(len(ORIENTATIONS)))
@pytest.mark.parametrize("seed", [0, 1])
def test_each_row_is_the_hash_of_the_picture_so_oriented(orientation: int, seed: int) -> None:
    picture = reduced(seed)
    found = hashes(np.ascontiguousarray(oriented(picture, orientation)))
    assert np.array_equal(found[0], hashes(picture)[orientation])


def test_the_orientations_are_the_eight_of_a_square_and_called_what_they_are() -> None:
    picture = np.arange(6).reshape(2, 3)
    seen = {oriented(picture, number).tobytes() + bytes(oriented(picture, number).shape) for number in range(8)}
    assert len(seen) == 8
    assert np.array_equal(oriented(picture, ORIENTATIONS.index("mirrored")), picture[:, ::-1])
    assert np.array_equal(oriented(picture, ORIENTATIONS.index("turned 90°")), np.rot90(picture, -1))
    assert np.array_equal(oriented(picture, ORIENTATIONS.index("turned 270°")), np.rot90(picture, 1))


def test_signs_of_the_slow_definition() -> None:
    picture = reduced(2).astype(float)
    place = np.arange(SIDE) + 0.5
    bits = []
    for row in range(8):
        for column in range(8):
            waves = np.outer(np.cos(np.pi / SIDE * place * row), np.cos(np.pi / SIDE * place * column))
            bits.append((row or column) and (picture * waves).sum() >= 64)
    assert np.array_equal(hashes(reduced(2))[0], np.packbits(np.array(bits, dtype=bool)))
    assert hashes(reduced(2)).shape == (8, BYTES)


def test_brightness_and_contrast_change_hardly_a_bit_and_other_pictures_half_of_them() -> None:
    picture = reduced(3)
    softer = (picture * 0.5 + 60).astype(np.uint8)

    def differing(one: np.ndarray, other: np.ndarray) -> int:
        return int(np.unpackbits(one ^ other).sum())

    assert differing(hashes(picture)[0], hashes(softer)[0]) <= 2
    others = [differing(hashes(picture)[0], hashes(reduced(seed))[0]) for seed in range(10, 30)]
    assert 24 <= np.mean(others) <= 40
