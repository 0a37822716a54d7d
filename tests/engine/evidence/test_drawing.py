"""Heat over pictures and lines between them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from engine.evidence.drawing import HUE, heat, png, side_by_side, stacked
from engine.evidence.evidence import evidence
from engine.evidence.places import places_of


def test_the_strongest_place_is_the_most_opaque_and_nothing_below_zero_shows() -> None:
    drawn = np.asarray(heat(np.array([[1.0, 0.0], [-1.0, 0.0]]), (40, 40), 1.0))
    assert drawn[2, 2, 3] > 150
    assert drawn[38, 2, 3] == 0
    assert drawn[38, 38, 3] == 0
    assert tuple(drawn[2, 2, :3]) == HUE


def test_a_contour_runs_between_strong_and_weak() -> None:
    drawn = np.asarray(heat(np.array([[1.0, 0.0]]), (60, 30), 1.0))
    white = (drawn[..., :3] == 255).all(-1)
    assert white.any(1).all()
    assert not white[:, :5].any()


def test_nothing_strong_leaves_the_picture_as_it_is() -> None:
    assert not np.asarray(heat(np.zeros((2, 2)), (10, 10), 0.0))[..., 3].any()


def test_both_pictures_stand_side_by_side_at_one_height_with_lines() -> None:
    latent = np.zeros((1, 2, 2), np.float32)
    latent[0, 0, 0] = 1
    found = evidence(places_of(latent, "max"), places_of(latent, "max"), "cosine")
    pictures = Image.new("RGB", (200, 100), "navy"), Image.new("RGB", (100, 100), "navy")
    sheet = side_by_side(found, *pictures, height=120)
    assert sheet.size == (240 + 24 + 120, 120)
    assert sheet.getpixel((240 + 12, 30)) == HUE  # the line crosses the gap
    assert stacked([sheet, sheet]).size == (384, 264)
    assert png(sheet).startswith(b"\x89PNG")
