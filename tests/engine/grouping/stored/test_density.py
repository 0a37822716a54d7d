"""Maps of very many pictures: tiles, what lies in a box, and what is nearest."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.errors import BadParameter
from engine.grouping.stored.density import HALF, SIDE, Density

SHADES = np.array([[200, 0, 0], [0, 200, 0], [90, 90, 90]], dtype=np.uint8)


def made(count: int = 5000, seed: int = 0) -> Density:
    rng = np.random.default_rng(seed)
    points = np.clip(rng.normal(0, 0.4, (count, 2)), -1, 1).astype(np.float32)
    return Density(points, rng.integers(-1, 2, count))


def test_every_point_is_painted_where_it_lies() -> None:
    density = made()
    tile = density.tile(0, 0, 0, SHADES)
    assert tile.shape == (SIDE, SIDE, 4)
    places = np.floor((density.points * (1, -1) + HALF) / (2 * HALF) * SIDE).astype(int)
    painted = np.zeros((SIDE, SIDE), dtype=bool)
    painted[places[:, 1], places[:, 0]] = True
    assert (tile[..., 3] > 0).tolist() == painted.tolist()


def test_a_pixel_has_the_colour_of_most_of_its_points_and_the_more_the_stronger() -> None:
    points = np.array([[0, 0]] * 5 + [[0.5, 0.5]], dtype=np.float32)
    density = Density(np.repeat(points, 1000, axis=0), np.repeat([0, 1, 1, 1, 0, -1], 1000))
    tile = density.tile(0, 0, 0, SHADES)
    up, right = (int((HALF + sign * 0.5) / (2 * HALF) * SIDE) for sign in (-1, 1))
    middle, lonely = tile[SIDE // 2, SIDE // 2], tile[up, right]
    assert middle.tolist() == [0, 200, 0, 255]
    assert lonely[:3].tolist() == [90, 90, 90]
    assert 0 < lonely[3] < 255


def mosaic(density: Density, z: int) -> np.ndarray:
    """(SIDE · 2ᶻ, SIDE · 2ᶻ) which pixels of the whole map are painted, its tiles side by side."""
    lines = [[density.tile(z, x, y, SHADES)[..., 3] > 0 for x in range(2**z)] for y in range(2**z)]
    return np.block(lines)


def test_the_parts_of_a_tile_show_its_points_finer_and_nothing_else() -> None:
    density = made(20_000)  # each quarter has too many for dots
    fine = np.floor((density.points * (1, -1) + HALF) / (2 * HALF) * 2 * SIDE).astype(int)
    expected = np.zeros((2 * SIDE, 2 * SIDE), dtype=bool)
    expected[fine[:, 1], fine[:, 0]] = True
    assert (mosaic(density, 1) == expected).all()


def test_few_points_are_dots_and_go_on_in_the_next_tile() -> None:
    density = Density(np.array([[-1e-4, 0.5]], np.float32), np.array([0]))
    line = int((HALF - 0.5) / (2 * HALF) * 2 * SIDE)
    down, across = np.mgrid[: 2 * SIDE, : 2 * SIDE]
    round_it = (down - line) ** 2 + (across - (SIDE - 1)) ** 2 <= 5  # two pixels, and a bit
    assert round_it[:, SIDE:].any(), "the dot reaches over the edge"
    assert (mosaic(density, 1) == round_it).all()


@pytest.mark.parametrize("box", [(-0.2, -0.3, 0.4, 0.1), (-1, -1, 1, 1), (0.9, 0.9, 1, 1), (2, 2, 3, 3)])
def test_a_box_holds_what_all_comparisons_find(box: tuple[float, float, float, float]) -> None:
    density = made()
    left, bottom, right, top = box
    x, y = density.points.T
    slow = np.flatnonzero((x >= left) & (x <= right) & (y >= bottom) & (y <= top))
    assert density.inside(*box).tolist() == slow.tolist()


def test_the_nearest_point_is_found_if_it_is_near_enough() -> None:
    density = made()
    away = np.linalg.norm(density.points - (0.31, -0.2), axis=1)
    assert density.nearest(0.31, -0.2, 0.2) == int(away.argmin())
    assert density.nearest(0.31, -0.2, float(away.min()) / 2) is None


@pytest.mark.parametrize("tile", [(-1, 0, 0), (0, 1, 0), (2, 0, 4), (17, 0, 0)])
def test_there_are_no_other_tiles(tile: tuple[int, int, int]) -> None:
    with pytest.raises(BadParameter, match="tile"):
        made(10).tile(*tile, SHADES)


def test_points_outside_of_the_map_are_refused() -> None:
    for points in (np.array([[2, 0]]), np.array([[np.nan, 0]]), np.zeros((2, 2))):
        with pytest.raises(BadParameter, match="points"):
            Density(points.astype(np.float32), np.array([0]))
