"""Every way to alter a picture: nothing at strength 0, the same every time, and stronger and stronger."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from engine.core.errors import BadParameter
from engine.evidence.alterations import ALTERATIONS, alteration
from tests.engine.duplicates.scenes import scene

TINY = Image.fromarray(np.arange(27, dtype=np.uint8).reshape(3, 3, 3))


@pytest.mark.parametrize("name", list(ALTERATIONS))
def test_strength_0_leaves_the_picture_as_it_is_and_strength_is_deterministic(name: str) -> None:
    way, picture = ALTERATIONS[name], scene(3).convert("RGB")
    assert np.array_equal(way(picture, 0), picture)
    assert np.array_equal(way(picture, 0.4), way(picture, 0.4))
    assert not np.array_equal(way(picture, 0.4).resize(picture.size), picture)


@pytest.mark.parametrize("name", list(ALTERATIONS))
@pytest.mark.parametrize("strength", [0.01, 0.5, 1])
@pytest.mark.parametrize("picture", [TINY, TINY.convert("L"), Image.new("RGB", (1, 1)), Image.new("RGB", (90, 1))])
def test_the_smallest_pictures_and_grey_ones_can_be_altered(name: str, strength: float, picture: Image.Image) -> None:
    altered = ALTERATIONS[name](picture, strength)
    assert altered.mode == "RGB"
    assert min(altered.size) >= 1


@pytest.mark.parametrize("name", sorted(set(ALTERATIONS) - {"rotate"}))
def test_a_stronger_alteration_changes_more(name: str) -> None:
    picture = scene(5).convert("RGB")
    plain = np.asarray(picture, dtype=float)
    changed = [np.abs(np.asarray(ALTERATIONS[name](picture, s).resize(picture.size), float) - plain).mean()
               for s in (0.1, 0.5, 1)]  # fmt: skip
    assert changed == sorted(changed)


def test_half_a_turn_is_exact_and_a_quarter_keeps_all_of_the_picture() -> None:
    picture = scene(2).convert("RGB").resize((60, 40))
    way = alteration("rotate")
    assert np.array_equal(way(picture, 1), picture.rotate(180))
    assert np.array_equal(way(picture, 0.5), picture.transpose(Image.Transpose.ROTATE_90))


def test_amounts_are_known_values() -> None:
    white = Image.new("RGB", (100, 50), "white")
    assert alteration("scale")(white, 0.2).size == (50, 25)
    assert alteration("crop")(white, 4 / 9).size == (60, 30)
    covered = np.asarray(alteration("occlude")(Image.fromarray(np.tile(np.uint8([[[0], [200]]]), (50, 50, 3))), 1))
    assert (covered == 100).mean() == pytest.approx(0.9, abs=0.02)
    grey = np.asarray(alteration("grey")(Image.new("RGB", (2, 2), "red"), 1))
    assert (grey == grey[..., :1]).all()
    assert np.asarray(alteration("darker")(white, 0.25)).max() == 127
    noise = np.asarray(alteration("noise")(Image.new("RGB", (200, 200), (128,) * 3), 0.1), float) - 128
    assert noise.std() == pytest.approx(12.8, rel=0.03)
    assert alteration("jpeg").in_words(0.5) == "quality 10"
    assert alteration("rotate").in_words(0) == "unaltered"


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan"), "1", True, None])
def test_a_strength_outside_its_range_is_refused(strength: object) -> None:
    with pytest.raises(BadParameter, match="strength"):
        alteration("blur")(TINY, strength)  # type: ignore[arg-type]


def test_an_unknown_alteration_is_named() -> None:
    with pytest.raises(BadParameter, match="one of rotate, scale"):
        alteration("melt")
