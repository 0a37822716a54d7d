"""The likeness of two pictures laid on each other."""

from __future__ import annotations

import numpy as np

from engine.duplicates.agreement import BLOCK, likeness
from tests.engine.duplicates.scenes import page_of_text, scene


def grey(seed: int) -> np.ndarray:
    return np.asarray(scene(seed).convert("L"))


def test_a_picture_agrees_with_itself_at_any_exposure_and_contrast() -> None:
    picture = grey(0)
    assert likeness(picture, picture) == 1.0
    assert likeness(picture, np.minimum(picture * 1.4, 255).astype(np.uint8)) > 0.95
    assert likeness(picture, (picture * 0.7).astype(np.uint8)) > 0.95


def test_two_pictures_are_not_and_neither_is_a_negative() -> None:
    assert likeness(grey(0), grey(1)) < 0.2
    assert likeness(grey(0), 255 - grey(0)) == 0.0


def test_it_is_symmetric() -> None:
    noisy = np.clip(grey(0) + np.random.default_rng(0).normal(0, 12, grey(0).shape), 0, 255).astype(np.uint8)
    assert np.isclose(likeness(grey(0), noisy), likeness(noisy, grey(0)), atol=0.02)


def test_other_words_on_the_same_page_are_seen() -> None:
    one, other = (np.asarray(page_of_text(seed).convert("L").resize((256, 192))) for seed in (0, 1))
    assert likeness(one, other) < 0.85 < likeness(one, one)


def test_a_quarter_that_differs_decides() -> None:
    """The mean of the quarter that agrees least: one that is another picture leaves nothing of the likeness."""
    one, other = grey(0), grey(1)
    mixed = one.copy()
    mixed[: 3 * BLOCK + BLOCK] = other[: 3 * BLOCK + BLOCK]  # 4 of 15 rows of blocks
    assert likeness(one, mixed) < 0.35


def test_nothing_is_said_of_too_small_an_overlap() -> None:
    seen = np.zeros(grey(0).shape, dtype=bool)
    seen[: 3 * BLOCK, : 3 * BLOCK] = True
    assert likeness(grey(0), grey(0), seen) == 0.0
    seen[: 4 * BLOCK, : 5 * BLOCK] = True
    assert likeness(grey(0), grey(0), seen) == 1.0
