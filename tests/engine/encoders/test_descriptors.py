"""Classical descriptors against slow versions written out, and against pinned values of scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.encoders.descriptors import grey
from engine.encoders.glcm import GLCM, matrices, properties
from engine.encoders.hog import HOG
from engine.encoders.local_binary_patterns import LocalBinaryPatterns, patterns

NOISE = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)


def as_images(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels / 255.0).permute(2, 0, 1)[None]


def test_hog_is_that_of_scikit_image() -> None:
    """hog(noise / 255, 9, (16, 16), (2, 2), "L2-Hys", channel_axis=-1) of scikit-image 0.26."""
    found = HOG().describe(as_images(NOISE))[0]
    assert found.shape == (1764,)
    known = HOG_KNOWN
    assert [float(found[i]) for i in known] == pytest.approx(list(known.values()), abs=1e-5)


def test_hog_of_stripes_and_of_nothing() -> None:
    stripes = torch.zeros(1, 3, 128, 128)
    stripes[..., ::8, :] = 1  # edges that run to the right: their gradients point down, at 90 degrees
    directions = HOG().describe(stripes).view(-1, 9).sum(0)
    assert int(directions.argmax()) == 4
    assert float(directions[4]) > 0.99 * float(directions.sum())
    assert HOG().describe(torch.full((1, 3, 128, 128), 0.4)).abs().max() == 0


def test_patterns_are_those_counted_by_hand() -> None:
    levels = torch.from_numpy(np.random.default_rng(1).integers(0, 4, (1, 9, 9)))
    found, circle = patterns(levels)[0], [(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1)]
    seen: dict[tuple[bool, ...], int] = {}
    for row in range(9):
        for column in range(9):
            places = [(min(max(row + y, 0), 8), min(max(column + x, 0), 8)) for y, x in circle]
            bits = tuple(bool(levels[0, y, x] >= levels[0, row, column]) for y, x in places)
            changes = sum(bits[i] != bits[i - 1] for i in range(8))
            if changes > 2:
                assert found[row, column] == 58
            else:
                assert seen.setdefault(bits, int(found[row, column])) == found[row, column] < 58
    assert len(set(seen.values())) == len(seen) > 5


def test_patterns_ignore_brightness_and_count_every_pixel() -> None:
    pixels = NOISE // 4
    dark, light = (LocalBinaryPatterns().describe(grey_picture(pixels + more)) for more in (0, 60))
    assert dark.shape == (1, 944)
    assert torch.equal(dark, light)
    assert dark.square().sum().item() == pytest.approx(16)
    kinds = patterns(grey(grey_picture(pixels)))[0, 32:64, 96:]  # the field in the second row and the last column
    shares = dark.square().view(59, 4, 4)[:, 1, 3]
    assert shares.tolist() == pytest.approx((torch.bincount(kinds.flatten(), minlength=59) / 32**2).tolist())


def grey_picture(pixels: np.ndarray) -> torch.Tensor:
    return as_images(np.repeat(pixels[:, :, :1], 3, 2))


def test_co_occurrence_is_that_counted_by_hand() -> None:
    levels = torch.from_numpy(np.random.default_rng(2).integers(0, 16, (1, 12, 12)))
    for down, right in ((0, 1), (1, 1), (2, 0), (3, -3)):
        counts = np.zeros((16, 16))
        for row in range(12):
            for column in range(12):
                if row + down < 12 and 0 <= column + right < 12:
                    pair = int(levels[0, row, column]), int(levels[0, row + down, column + right])
                    counts[pair] += 1
                    counts[pair[::-1]] += 1
        assert np.allclose(matrices(levels, down, right)[0], counts / counts.sum())


def test_co_occurrence_properties_are_those_of_scikit_image() -> None:
    """graycomatrix(grey, [1], [0], 16, symmetric, normed) and graycoprops of scikit-image 0.26, brought to 0…1."""
    found = properties(matrices(grey(as_images(NOISE).float()) * 16 // 256, 0, 1))[0, :5]
    assert found.tolist() == pytest.approx(GLCM_KNOWN, abs=1e-5)


def test_one_grey_and_ranges() -> None:
    flat = GLCM().describe(torch.full((1, 3, 128, 128), 0.3))[0].view(16, 6)
    assert flat[0].tolist() == pytest.approx([0, 0, 1, 1, 1, 0])
    found = GLCM().describe(as_images(NOISE).float())
    assert found.shape == (1, 96)
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


HOG_KNOWN = {0: 0.178841, 5: 0.127223, 100: 0.192125, 901: 0.198854, 1763: 0.112224}
GLCM_KNOWN = [0.29488, 0.23832, 0.231301, 0.087025, 0.492072]
