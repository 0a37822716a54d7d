"""The likeness of two pictures laid on each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image

from benchmarks import _plain_agreement as plain_agreement
from engine.duplicates import agreement
from engine.duplicates.agreement import BLOCK, likeness
from engine.duplicates.prints import _look
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


def test_half_of_the_blocks_never_prove_too_much() -> None:
    """With a least likeness either the same comes out or 0, and that only below it."""
    mixed = [np.where(np.arange(grey(0).shape[0])[:, None] < rows, grey(0), grey(1)) for rows in range(120, 240, 8)]
    pairs = [*hard_pairs(), *((grey(0), other) for other in mixed), *((grey(one), grey(2)) for one in range(3, 9))]
    skipped = 0
    for one, other in pairs:
        for enlarged in (1.0, 8.0):
            said = likeness(one, other, enlarged=enlarged)
            for least in (0.2, 0.5, 0.9):
                bounded = likeness(one, other, None, enlarged, least)
                assert bounded == said or (bounded == 0 and said < least)
                skipped += bounded == 0 < said
    assert skipped > 5


def enlarged_pairs(side: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pictures of so many pixels as they are compared: each with the next, and with blends of both at any exposure."""
    small = [scene(seed).resize((side, side * 3 // 4), Image.Resampling.BOX) for seed in range(12)]
    pairs = list(itertools.pairwise(small))
    for one, other in itertools.pairwise(small):
        pairs += [(one, Image.blend(one, other, share).point(lambda v: v * 0.8)) for share in (0.1, 0.2, 0.3, 0.5)]
    return [(_look(one).brightness, _look(other).brightness) for one, other in pairs]


@pytest.mark.parametrize("side", [24, 32, 64])
def test_an_estimate_gives_up_only_what_would_not_be_kept(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    enlarged, given_up = 256 / side, 0
    for one, other in enlarged_pairs(side):
        said = likeness(one, other, enlarged=enlarged)
        estimate = agreement._estimate(*agreement._equally_bright(one, other), enlarged)
        assert estimate == np.inf or estimate > min(said, 0.9) - agreement._MARGIN / 1.5
        for least in (0.3, 0.5, 0.8):
            with monkeypatch.context() as patch:
                patch.setattr(agreement, "_bound", lambda *_: np.inf)
                found = likeness(one, other, None, enlarged, least)
            assert found == said or (found == 0 and said < least)
            given_up += found == 0 < estimate < least
    assert given_up > 5


def test_nothing_is_given_up_where_few_blocks_are_textured() -> None:
    """One block more or less may decide there whether the others count."""
    flat = np.full((256, 256), 90, np.uint8)
    flat[96:160, 96:160] = _look(scene(0).resize((8, 8))).brightness[:64, :64]
    assert agreement._estimate(*agreement._equally_bright(flat, flat), 8.0) == np.inf


@pytest.mark.parametrize("seed", range(20))
def test_the_bound_holds_for_any_gain_of_contrast(seed: int) -> None:
    rng = np.random.default_rng(seed)
    own, others = rng.gamma(1, rng.choice([20, 60, 300]), (2, 64))
    common = rng.uniform(-1, 1, 64) ** (1 if seed % 2 else 3) * np.sqrt(own * others)
    moments = np.stack([own, others * rng.uniform(0.01, 5), common], axis=1).astype(np.float32)
    agreed = np.sort(agreement._agreement(*moments.T))
    assert agreed[: max(1, len(agreed) // 4)].mean() <= agreement._bound(moments[::2], len(moments)) + 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_the_highest_mean_is_that_over_all_choices_of_unsure_values(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sure, unsure = np.sort(rng.uniform(-1, 1, 3)), np.sort(rng.uniform(-1, 1, 5))
    means = []
    for chosen in itertools.product((False, True), repeat=5):
        values = np.sort([*sure, *unsure[list(chosen)], *[1.0] * 6])
        means.append(values[: max(1, len(values) // 4)].mean())
    assert agreement.loops().highest_mean(sure, unsure, 6) == pytest.approx(max(means))
