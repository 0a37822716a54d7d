"""Colour and texture in the fields of a spatial pyramid, against slow versions written out."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
import torch

from engine.encoders.colour_pyramid import ColourPyramid
from engine.encoders.local_binary_patterns import patterns
from engine.encoders.opponent_patterns import OpponentPatterns, opponents
from engine.encoders.spatial_pyramid import pyramid


def images(count: int, side: int) -> torch.Tensor:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 3, side, side))
    return torch.from_numpy(pixels / 255).float()


def counted(codes: np.ndarray, kinds: int, levels: tuple[int, ...]) -> list[float]:
    """The shares of one picture, field by field."""
    shares: list[float] = []
    for level in levels:
        for rows in np.split(codes, level):
            for field in np.split(rows, level, axis=1):
                shares += (np.bincount(field.ravel(), minlength=kinds) / codes.size).tolist()
    return shares


def test_every_field_of_every_level_is_counted() -> None:
    codes = np.random.default_rng(1).integers(0, 5, (3, 12, 12))
    found = pyramid(torch.from_numpy(codes), 5, (1, 2, 3))
    assert found.shape == (3, 5 * 14)
    for one, own in zip(codes, found.tolist(), strict=True):
        assert own == pytest.approx(counted(one, 5, (1, 2, 3)))


def test_every_level_weighs_the_same() -> None:
    found = ColourPyramid().describe(images(2, 96)).square()
    parts = found.split([256, 4 * 256, 9 * 256], 1)
    for part in parts:
        assert part.sum(1).tolist() == pytest.approx([1, 1])


def test_colours_are_those_of_colorsys() -> None:
    one = images(1, 96)
    expected = np.zeros((96, 96), int)
    for row in range(96):
        for column in range(96):
            hue, saturation, value = colorsys.rgb_to_hsv(*one[0, :, row, column].double().tolist())
            cells = [min(int(v * n), n - 1) for v, n in ((hue, 16), (saturation, 4), (value, 4))]
            expected[row, column] = (cells[0] * 4 + cells[1]) * 4 + cells[2]
    found = ColourPyramid().describe(one)[0].square().numpy()
    assert np.abs(found - counted(expected, 256, (1, 2, 3))).sum() < 0.03, "up to colours on an edge between two cells"


def test_opponent_colours_are_whole_numbers() -> None:
    found = opponents(torch.tensor([1.0, 0.6, 0.2])[None, :, None, None].expand(1, 3, 2, 2))
    assert found[0, :, 0, 0].tolist() == [255 + 153 + 51, 255 - 153, 255 + 153 - 102]


def test_patterns_of_each_opponent_colour_in_the_whole_and_its_quarters() -> None:
    two = images(2, 128)
    found = OpponentPatterns().describe(two)
    assert found.shape == (2, 3 * 59 * 5)
    channel = patterns(opponents(two)[1, 2][None])[0].numpy()
    own = found.view(2, 3, -1)[1, 2].square().tolist()
    assert own == pytest.approx(counted(channel, 59, (1, 2)))


def test_brightness_alone_changes_no_pattern() -> None:
    half = torch.round(images(2, 128) * 255) // 2 / 255
    assert torch.equal(OpponentPatterns().describe(half), OpponentPatterns().describe(half + 100 / 255))
