"""Grouping pictures by their vectors: whitening, k-means without empty groups, fair batches, and NMI."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.training.objectives.pseudo_labels import Whitening, centres, evenly, kmeans, nearest, nmi, refilled
from tests.engine.rounding import of_sums


def chance(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def islands(groups: int, each: int, d: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points in tight heaps far from each other, and which heap each belongs to."""
    middles = 20 * chance(seed).standard_normal((groups, d))
    labels = np.repeat(np.arange(groups), each)
    return (middles[labels] + 0.1 * chance(seed + 1).standard_normal((len(labels), d))).astype(np.float32), labels


# ── whitening ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_whitened_directions_are_uncorrelated_and_of_variance_one() -> None:
    vectors = (chance().standard_normal((300, 6)) @ chance(1).standard_normal((6, 6)) + 7).astype(np.float32)
    whitening = Whitening.of(vectors, 4)
    white = (vectors - whitening.mean) @ whitening.directions
    spread = np.linalg.svd(vectors - vectors.mean(0), compute_uv=False)
    bound = of_sums(300, float((spread[0] / spread[3]) ** 2))  # rounding among the widest, seen in the narrowest
    assert np.allclose(np.cov(white.T, bias=True), np.eye(4), atol=bound)
    assert np.allclose(np.linalg.norm(whitening(vectors), axis=1), 1, atol=1e-5)


def test_the_first_directions_are_those_of_a_plain_singular_value_decomposition() -> None:
    vectors = (chance().standard_normal((50, 8)) * np.arange(8, 0, -1)).astype(np.float32)
    centred = vectors - vectors.mean(0)
    plain = np.linalg.svd(centred, full_matrices=False)[2][:3]
    found = Whitening.of(vectors, 3).directions.T
    alike = np.abs((plain * found / np.linalg.norm(found, axis=1, keepdims=True)).sum(1))
    assert np.allclose(alike, 1, atol=1e-4)


def test_vectors_that_do_not_differ_are_whitened_to_zeros() -> None:
    same = np.ones((20, 4), np.float32)
    assert not Whitening.of(same, 2)(same).any()
    flat = np.zeros((20, 4), np.float32)
    flat[:, 0] = np.arange(20)
    assert np.isfinite(Whitening.of(flat, 3)(flat)).all()


# ── k-means ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_heaps_that_lie_apart_are_found() -> None:
    points, heaps = islands(6, 20)
    labels, middles = kmeans(points, 6, chance())
    assert nmi(labels, heaps) == pytest.approx(1)
    bound = of_sums(20, float(np.abs(points).max()))
    assert np.allclose(middles, [points[labels == label].mean(0) for label in range(6)], atol=bound)


def test_each_point_is_in_the_group_of_its_nearest_middle() -> None:
    points = chance().standard_normal((200, 3)).astype(np.float32)
    labels, middles = kmeans(points, 7, chance(1))
    slow = [min(range(7), key=lambda group: float(((point - middles[group]) ** 2).sum())) for point in points]
    assert np.mean(labels == slow) > 0.99  # the last step of Lloyd's iteration may be missing
    assert nearest(points, middles).tolist() == slow


def test_the_same_stream_of_chance_gives_the_same_groups_to_the_bit() -> None:
    points = chance().standard_normal((300, 8)).astype(np.float32)
    one, other = kmeans(points, 12, chance(3)), kmeans(points, 12, chance(3))
    assert np.array_equal(one[0], other[0])
    assert np.array_equal(one[1], other[1])


def test_no_group_stays_empty_and_only_one_full_group_gives_for_each() -> None:
    points = chance().standard_normal((60, 4)).astype(np.float32)
    before = np.where(np.arange(60) < 40, 0, 3)
    after = refilled(points, before, 5, chance())
    assert sorted(set(after.tolist())) == [0, 1, 2, 3, 4]
    for empty in (1, 2, 4):
        givers = set(before[after == empty].tolist())
        assert len(givers) == 1
    assert np.array_equal(refilled(points, after, 5, chance()), after)


def test_a_group_is_parted_by_a_plane_through_its_middle() -> None:
    points = chance().standard_normal((80, 3)).astype(np.float32)
    after = refilled(points, np.zeros(80, np.int64), 2, chance())
    normal = points[after == 1].mean(0) - points[after == 0].mean(0)
    sides = (points - points.mean(0)) @ normal
    assert np.mean((sides > 0) == (after == 1)) > 0.8
    assert 15 < (after == 1).sum() < 65


def test_equal_points_cannot_be_parted_and_do_no_harm() -> None:
    points = np.ones((30, 4), np.float32)
    labels, middles = kmeans(points, 5, chance())
    assert len(set(labels.tolist())) < 5
    assert np.isfinite(middles).all()
    assert np.array_equal(nearest(points, middles), labels)


def test_middles_are_means() -> None:
    points = chance(4).standard_normal((40, 3)).astype(np.float32)
    labels = chance(5).integers(0, 6, 40)
    slow = [points[labels == group].mean(0) for group in range(6)]
    assert np.allclose(centres(points, labels, 6), slow, atol=of_sums(40, float(np.abs(points).max())))


# ── fair batches ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("sizes", [(1, 2, 30), (10, 10, 10), (97, 1), (5,), (1,) * 7, (200, 3, 3, 3, 44)])
def test_each_group_comes_equally_often_and_its_members_in_turns(sizes: tuple[int, ...]) -> None:
    labels = chance().permutation(np.repeat(np.arange(len(sizes)), sizes))
    order = evenly(labels, chance(1))
    assert len(order) == len(labels)
    groups = np.bincount(labels[order], minlength=len(sizes))
    assert groups.max() - groups.min() <= 1
    for group in range(len(sizes)):
        times = [int((order == member).sum()) for member in np.flatnonzero(labels == group)]
        assert max(times) - min(times) <= 1  # a naive draw with replacement would not hold this


def test_over_epochs_nobody_of_a_large_group_is_left_out() -> None:
    labels = np.repeat([0, 1], [90, 10])
    seen = {int(row) for epoch in range(12) for row in evenly(labels, chance(epoch))}
    assert seen == set(range(100))
    assert evenly(labels, chance(5)).tolist() == evenly(labels, chance(5)).tolist()
    assert evenly(labels, chance(5)).tolist() != evenly(labels, chance(6)).tolist()


# ── NMI ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nmi_of_known_groupings() -> None:
    assert nmi([0, 0, 1, 1], [5, 5, 2, 2]) == pytest.approx(1)
    assert nmi([0, 0, 1, 1], [0, 1, 0, 1]) == pytest.approx(0)
    # two groups of two against one of three and one alone: I = ln 2 − 3/4 · H(1/3), by hand
    information = math.log(2) - 0.75 * -(1 / 3 * math.log(1 / 3) + 2 / 3 * math.log(2 / 3))
    entropies = (math.log(2) + -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))) / 2
    assert nmi(["a", "a", "b", "b"], [0, 0, 0, 1]) == pytest.approx(information / entropies)
