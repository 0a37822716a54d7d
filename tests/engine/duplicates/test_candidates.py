"""Pairs worth comparing: those of a plain comparison of all hashes, however many are near each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.core.progress import Reporter
from engine.duplicates import candidates, perceptual_hash
from engine.duplicates.candidates import HASH_BITS, Pairs
from engine.duplicates.perceptual_hash import BYTES, INVERSE, ORIENTATIONS, oriented
from engine.duplicates.prints import Prints


def prints_of(hashes: NDArray[np.uint8]) -> Prints:
    count = len(hashes)
    none = np.zeros((count, 0, 2), np.float32), np.zeros((count, 0, 32), np.uint8)
    contents = [f"{number:04d}" for number in range(count)]
    return Prints(contents, hashes, np.zeros(count, np.int32), np.zeros((count, 2), np.float32), *none)


Found = dict[tuple[int, int], int]


def found_in(prints: Prints) -> Found:
    """The orientation of each pair."""
    pairs = candidates.candidates(prints, Reporter())
    rows: list[tuple[int, int]] = [(one, other) for one, other in pairs.rows.tolist()]
    assert rows == sorted(set(rows))
    return dict(zip(rows, pairs.orientations.tolist(), strict=True))


def slowly(hashes: NDArray[np.uint8]) -> Found:
    found: Found = {}
    for row in range(len(hashes)):
        bits = np.unpackbits(hashes[row + 1 :] ^ hashes[row, 0], axis=2).sum(axis=2)
        near = sorted((bits[other].min(), other) for other in range(len(bits)) if bits[other].min() <= HASH_BITS)
        for _, other in near[: candidates.MOST]:
            found[row, row + 1 + other] = int(bits[other].argmin())
    return found


@pytest.mark.parametrize("at_once", [1, 1 << 24])
def test_near_hashes_are_those_of_a_plain_comparison(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    rng = np.random.default_rng(3)
    hashes = np.repeat(rng.integers(0, 256, (6, len(ORIENTATIONS), BYTES), dtype=np.uint8), 5, axis=0)
    hashes ^= np.uint8(1) << rng.integers(0, 8, hashes.shape, dtype=np.uint8)
    monkeypatch.setattr(candidates, "_HITS_AT_ONCE", at_once)
    monkeypatch.setattr(candidates, "MOST", 3)
    found = found_in(prints_of(hashes))
    assert len(found) > 30
    assert found == slowly(hashes)


def test_blank_pages_cost_memory_for_a_few_of_them_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of 200 blank pages are near each other in all orientations."""
    monkeypatch.setattr(candidates, "_HITS_AT_ONCE", 16_000)
    most, nearest = [0], candidates.nearest

    def counted(row: int, found: NDArray[np.int64], *others: Any) -> dict[int, int]:
        most.append(found.size)
        return nearest(row, found, *others)

    monkeypatch.setattr(candidates, "nearest", counted)
    blank = np.zeros((200, len(ORIENTATIONS), BYTES), np.uint8)
    found = candidates.candidates(prints_of(blank), Reporter())
    assert len(found) == 140 * 60 + 60 * 59 // 2
    assert max(most) == 199 * len(ORIENTATIONS)


def test_of_many_pictures_the_nearest_by_hash_are_found_in_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all lists searched nothing is missed: each pair that one of both has among its nearest, either way round."""
    rng = np.random.default_rng(4)
    pictures = [rng.integers(0, 256, (32, 32), dtype=np.uint8) for _ in range(40)]
    turned = [oriented(picture, number % len(ORIENTATIONS)) for number, picture in enumerate(pictures)]
    prints = prints_of(np.stack([perceptual_hash.hashes(picture) for picture in [*pictures, *turned]]))
    everything = found_in(prints)
    monkeypatch.setattr(candidates, "_HASHES_BY_LISTS", 0)
    monkeypatch.setattr(candidates, "_HASH_LISTS", 8)
    monkeypatch.setattr(candidates, "_HASH_LISTS_SEARCHED", 8)
    assert found_in(prints) == everything
    copies = {(number, 40 + number): INVERSE[number % len(ORIENTATIONS)] for number in range(40)}
    assert {pair: everything[pair] for pair in copies} == copies
    prints.hashes[:] = prints.hashes[::-1]  # now every copy comes before its picture
    copies = {(39 - number, 79 - number): number % len(ORIENTATIONS) for number in range(40)}
    found = found_in(prints)
    assert {pair: found[pair] for pair in copies} == copies


def test_of_more_pictures_fewer_are_compared_with_each(monkeypatch: pytest.MonkeyPatch) -> None:
    blank = np.zeros((200, len(ORIENTATIONS), BYTES), np.uint8)
    for pairs, most in ((200 * 5, 5), (0, candidates.FEWEST)):
        monkeypatch.setattr(candidates, "_PAIRS", pairs)
        assert len(candidates.candidates(prints_of(blank), Reporter())) == (200 - most) * most + most * (most - 1) // 2


def test_pairs_of_pictures_that_are_gone_are_left_out() -> None:
    pairs = Pairs(np.array([[0, 1], [0, 2], [1, 2]], np.int32), np.array([3, -1, 5], np.int8))
    kept = pairs.among(np.array([True, False, True]))
    assert (kept.rows.tolist(), kept.orientations.tolist()) == ([[0, 2]], [-1])


def test_a_pair_near_by_hash_that_shares_features_keeps_its_orientation(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = np.random.default_rng(5).integers(0, 256, (3, len(ORIENTATIONS), BYTES), dtype=np.uint8)
    hashes[1, 4] = hashes[0, 0]
    monkeypatch.setattr(candidates, "sharing_features", lambda *_: np.array([1, 5], np.int64))  # (0, 1) and (1, 2)
    assert found_in(prints_of(hashes)) == {(0, 1): 4, (1, 2): -1}
