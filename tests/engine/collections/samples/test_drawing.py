"""The pen and its curves, against values worked out by hand."""

import numpy as np
import pytest
from PIL import Image

from engine.collections.samples.art_planes import _kept, _split
from engine.collections.samples.drawing import Pen, circle, finished, furry, hsv, lit, mirrored, mix, shade, smooth


def area(points: np.ndarray) -> float:
    x, y = points.T
    return abs(float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum())) / 2


RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.mark.parametrize(("hue", "rgb"), [(0, RED), (1 / 3, GREEN), (2 / 3, BLUE), (1.0, RED)])
def test_pure_hues(hue: float, rgb: tuple[int, ...]) -> None:
    assert hsv(hue, 1, 1) == pytest.approx(rgb, abs=1)


def test_grey_has_no_hue() -> None:
    assert hsv(0.37, 0, 0.5) == (127, 127, 127)


def test_mix_and_shade() -> None:
    assert mix((0, 100, 200), (100, 0, 200), 0.25) == (25, 75, 200)
    assert shade((100, 100, 100), 1) == (255, 255, 255)
    assert shade((100, 100, 100), -0.5) == (50, 50, 50)


def test_the_curve_goes_through_its_points() -> None:
    points = np.array([(0.0, 0.0), (1, 0), (1.5, 1), (0, 2)])
    assert smooth(points, 5)[::5] == pytest.approx(points)


def test_an_outline_from_its_half_is_symmetric() -> None:
    outline = mirrored([(0, -1), (1, 0), (0.5, 0.5), (0, 1)])
    flipped = {(round(-x, 9) + 0.0, y) for x, y in outline.tolist()}
    assert flipped == {(round(x, 9) + 0.0, y) for x, y in outline.tolist()}


def test_fur_only_adds() -> None:
    outline = circle(40)
    longer = np.linalg.norm(furry(outline, np.random.default_rng(1), 0.2), axis=1)
    assert (longer >= 1 - 1e-9).all()
    assert (longer <= 1.2 + 1e-9).all()
    assert (longer[1::2] > 1.03).all()


def test_a_pen_turns_scales_and_moves() -> None:
    pen = Pen(Image.new("RGB", (200, 200)), scale=0.25, centre=(0.5, 0.5), turn=np.pi / 2, lean=(0.2, 0.0))
    assert pen.place([(1, 0)]) == pytest.approx(np.array([[100, 150]]))
    assert pen.place([(1, 0)], depth=1.0) == pytest.approx(np.array([[100, 160]]))


def test_what_is_drawn_inside_stays_inside() -> None:
    image = Image.new("RGB", (100, 100), (255, 255, 255))
    pen = Pen(image)
    with pen.inside([(0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6)]):
        pen.ellipse(0.5, 0.5, 0.4, 0.4, (255, 0, 0))
    assert image.getpixel((50, 50)) == (255, 0, 0)
    for place in ((35, 50), (65, 50), (50, 35), (50, 65)):
        assert image.getpixel(place) == (255, 255, 255)


def test_edges_are_smooth_when_finished() -> None:
    canvas = Image.new("RGB", (768, 768), (255, 255, 255))
    Pen(canvas).ellipse(0.5, 0.5, 0.3, 0.3, (0, 0, 0))
    levels = np.unique(np.asarray(finished(canvas))[..., 0])
    assert len(levels) >= 8


def test_a_neutral_light_changes_nothing_and_a_dim_one_darkens() -> None:
    picture = Image.new("RGB", (256, 256), (200, 100, 50))
    assert lit(picture, Image.new("L", (96, 96), 128)).getpixel((10, 10)) == (200, 100, 50)
    assert lit(picture, Image.new("L", (96, 96), 64)).getpixel((10, 10)) == (100, 50, 25)


def test_a_cut_square_keeps_its_half() -> None:
    square = np.array([(0.0, 0.0), (1, 0), (1, 1), (0, 1)])
    half = _kept(square, square[:, 0] - 0.5)
    assert area(half) == pytest.approx(0.5)
    assert half[:, 0].min() == pytest.approx(0.5)


@pytest.mark.parametrize("seed", range(5))
def test_facets_cover_the_canvas_without_overlap(seed: int) -> None:
    square = np.array([(0.0, 0.0), (1, 0), (1, 1), (0, 1)])
    planes = _split(np.random.default_rng(seed), square, 6)
    assert len(planes) > 10
    assert sum(area(plane) for plane in planes) == pytest.approx(1.0)
