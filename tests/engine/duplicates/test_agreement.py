"""The likeness of two pictures laid on each other."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import _plain_agreement as plain_agreement
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


def hard_pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    """Copies over- and underexposed, shifted, noisy and covered; other pictures, pages and blanks; odd sizes."""
    rng = np.random.default_rng(0)
    one = grey(0)
    copies = [
        np.minimum(one * 1.7, 255).astype(np.uint8),
        (one * 0.4).astype(np.uint8),
        np.roll(one, 3, axis=1),
        np.clip(one + rng.normal(0, 20, one.shape), 0, 255).astype(np.uint8),
        np.where(np.arange(one.shape[1]) < 90, 0, one).astype(np.uint8),
        255 - one,
        grey(1),
        np.full_like(one, 255),
        np.zeros_like(one),
    ]
    text = [np.asarray(page_of_text(seed).convert("L").resize((256, 192))) for seed in (0, 1)]
    odd = [picture[:101, :67] for picture in (one, copies[2])]
    tiny = [rng.integers(0, 256, (8, 256), dtype=np.uint8) for _ in range(2)]
    return [(one, copy) for copy in copies] + [(copy, one) for copy in copies] + [tuple(text), tuple(odd), tuple(tiny)]


@pytest.mark.parametrize("enlarged", [1.0, 1.37, 8.0])
def test_the_compiled_loops_agree_with_the_plain_steps(enlarged: float) -> None:
    said = [likeness(*pair, enlarged=enlarged) for pair in hard_pairs()]
    assert np.ptp(said) > 0.9
    assert said == pytest.approx(
        [plain_agreement.likeness(*pair, enlarged=enlarged) for pair in hard_pairs()], abs=1e-5
    )


def test_they_agree_where_only_a_part_is_seen() -> None:
    for number, (one, other) in enumerate(hard_pairs()):
        seen = np.ones(one.shape, dtype=bool)
        seen[: one.shape[0] // 3, : 20 * number] = False
        assert likeness(one, other, seen) == pytest.approx(plain_agreement.likeness(one, other, seen), abs=1e-5)
