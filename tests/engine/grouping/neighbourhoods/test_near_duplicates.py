"""Near-duplicates: the groups against a naive version, the threshold against what it promises, and bad input."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.distances import metric as known_metric
from engine.core.errors import BadParameter, Stopped
from engine.core.humanize import small_share
from engine.core.progress import Reporter
from engine.grouping.neighbourhoods.near_duplicates import (
    NearDuplicateGroup,
    Share,
    checked_threshold,
    exact_distances,
    highest,
    near_duplicate_groups,
    share_within,
    suggest,
)
from engine.grouping.neighbourhoods.nearest_lists import LISTED, NearestLists, measure, random_pairs
from engine.indexes import make_index

METRICS = ("cosine", "euclidean")


def near(vectors: np.ndarray, metric: str = "cosine", ids: np.ndarray | None = None) -> NearestLists:
    ids = np.arange(len(vectors)) if ids is None else ids
    index = make_index("exact", metric).build(ids, vectors)
    return measure(ids, vectors, metric, index.search, Reporter())


def crowd(count: int, copies: int, *, seed: int = 0, width: int = 24, noise: float = 0.01) -> np.ndarray:
    """`count` vectors apart from each other; the first `copies` of them come once more, slightly moved, at the end."""
    rng = np.random.default_rng(seed)
    apart = rng.standard_normal((count, width))
    again = apart[:copies] + noise * rng.standard_normal((copies, width))
    return np.concatenate([apart, again]).astype(np.float32)


def naive(vectors: np.ndarray, metric: str, threshold: float, order: np.ndarray) -> set[tuple[int, frozenset[int]]]:
    """The rule word by word: whoever comes first and is free keeps all free ones within the threshold."""
    free, found = set(range(len(vectors))), set()
    for row in order.tolist():
        if row not in free:
            continue
        free.discard(row)
        far = exact_distances(vectors, row, np.arange(len(vectors)), metric)
        members = frozenset(other for other in free if far[other] <= threshold)
        free -= members
        if members:
            found.add((row, members))
    return found


def as_set(groups: list[NearDuplicateGroup]) -> set[tuple[int, frozenset[int]]]:
    return {(group.keeper, frozenset(group.copies)) for group in groups}


# ── the lists ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("metric", METRICS)
def test_the_lists_hold_the_nearest_others_and_never_the_image_itself(metric: str) -> None:
    vectors = crowd(60, 10)
    ids = np.arange(70) * 3 + 5
    found = near(vectors, metric, ids)
    far = known_metric(metric).between(vectors, vectors)
    np.fill_diagonal(far, np.inf)
    assert found.rows.shape == (70, LISTED)
    assert not (found.rows == np.arange(70)[:, None]).any()
    assert np.allclose(found.distances, np.sort(far, axis=1)[:, :LISTED], atol=1e-3)
    assert np.allclose(found.pairs, np.sort(far[np.triu_indices(70, 1)]), atol=1e-3)


def test_where_more_are_equal_than_a_list_holds_no_image_is_its_own_neighbour() -> None:
    found = near(np.ones((3 * LISTED, 4), np.float32))
    assert not (found.rows == np.arange(3 * LISTED)[:, None]).any()
    assert (found.distances == 0).all()


def test_the_sample_of_pairs_is_bounded_and_the_same_each_time() -> None:
    vectors = crowd(1500, 0, width=4)
    pairs = random_pairs(vectors, "cosine")
    assert len(pairs) == 1000 * 999 // 2
    assert (np.diff(pairs) >= 0).all()
    assert (pairs == random_pairs(vectors, "cosine")).all()


def test_lists_come_back_from_disk_as_they_were(tmp_path: object) -> None:
    found = near(crowd(30, 3))
    found.save(tmp_path)
    back = NearestLists.load(tmp_path)
    assert all((getattr(found, name) == getattr(back, name)).all() for name in ("ids", "rows", "distances", "pairs"))


def test_bad_ids_are_refused_and_a_stop_is_obeyed() -> None:
    vectors = crowd(5, 0)
    index = make_index("exact", "cosine").build(np.arange(5), vectors)
    for ids in (np.arange(5)[::-1], np.zeros(5, np.int64), np.arange(4), np.arange(0)):
        with pytest.raises(BadParameter, match="ids"):
            measure(ids, vectors, "cosine", index.search, Reporter())
    with pytest.raises(BadParameter, match="metric"):
        measure(np.arange(5), vectors, "hamming", index.search, Reporter())

    def stop(_: object) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        measure(np.arange(5), vectors, "cosine", index.search, Reporter(listen=stop))


# ── the groups ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_known_row_of_pictures_makes_no_chain() -> None:
    """0, 1, 2 and 3 stand a step apart: with a reach of one step 0 keeps 1, and 2 keeps 3; never all four."""
    line = np.array([[0.0, 0], [1, 0], [2, 0], [3, 0], [50, 0], [0, 90]], np.float32)
    groups = near_duplicate_groups(near(line, "euclidean"), line, "euclidean", 1.0, np.arange(6))
    assert groups == [NearDuplicateGroup(0, (1,), (1.0,)), NearDuplicateGroup(2, (3,), (1.0,))]


def test_the_order_says_who_is_kept() -> None:
    line = np.array([[0.0, 0], [1, 0], [2, 0], [50, 0], [0, 90]], np.float32)
    groups = near_duplicate_groups(near(line, "euclidean"), line, "euclidean", 1.0, np.array([1, 0, 2, 3, 4]))
    assert groups == [NearDuplicateGroup(1, (0, 2), (1.0, 1.0))]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(METRICS), st.floats(0, 0.9), st.integers(2, 90))
def test_groups_are_those_of_the_naive_version(seed: int, metric: str, share: float, count: int) -> None:
    rng = np.random.default_rng(seed)
    middles = rng.standard_normal((max(1, count // 30), 3))  # groups of about 30, more than a list holds
    spread = rng.choice([0.0, 0.02, 0.3])
    vectors = (middles[rng.integers(0, len(middles), count)] + spread * rng.standard_normal((count, 3))).astype("f4")
    found, order = near(vectors, metric), rng.permutation(count)
    threshold = share * highest(found)
    groups = near_duplicate_groups(found, vectors, metric, threshold, order)
    assert as_set(groups) == naive(vectors, metric, threshold, order)
    everyone = [id for group in groups for id in (group.keeper, *group.copies)]
    assert len(everyone) == len(set(everyone))
    for group in groups:
        assert all(far <= threshold for far in group.distances)
        assert list(group.distances) == sorted(group.distances)
    assert [group.distances[0] for group in groups] == sorted(group.distances[0] for group in groups)


def test_all_equal_pictures_are_one_group() -> None:
    vectors = np.ones((500, 8), np.float32)
    [group] = near_duplicate_groups(near(vectors), vectors, "cosine", 0.0, np.arange(500)[::-1])
    assert group.keeper == 499
    assert len(group.copies) == 499
    assert set(group.distances) == {0.0}


def test_vectors_are_only_read_where_a_list_is_too_short() -> None:
    vectors = crowd(200, 20)
    found = near(vectors)
    expected = near_duplicate_groups(found, vectors, "cosine", suggest(found).threshold, np.arange(220))
    none = np.full((220, 24), np.nan, np.float32)
    assert near_duplicate_groups(found, none, "cosine", suggest(found).threshold, np.arange(220)) == expected


@pytest.mark.parametrize("threshold", [-0.1, float("nan"), float("inf"), 1.99, True, "much"])
def test_a_threshold_out_of_range_is_refused(threshold: object) -> None:
    found = near(crowd(50, 5))
    with pytest.raises(BadParameter, match="threshold"):
        checked_threshold(found, threshold)
    with pytest.raises(BadParameter, match="threshold"):
        near_duplicate_groups(found, crowd(50, 5), "cosine", threshold, np.arange(55))


# ── the threshold ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("count", "copies"), [(1200, 0), (1200, 60), (1200, 600), (100, 60), (40, 5), (12, 3)])
def test_the_suggestion_finds_all_copies_and_hardly_anything_else(metric: str, count: int, copies: int) -> None:
    """Chance may bring one pair together, not more."""
    vectors = crowd(count, copies)
    found = near(vectors, metric)
    groups = near_duplicate_groups(found, vectors, metric, suggest(found).threshold, np.arange(len(vectors)))
    called = {copy for group in groups for copy in group.copies}
    assert called >= set(range(count, count + copies))
    assert len(called) <= copies + 1


def test_the_suggestion_is_where_chance_brings_half_a_pair_together() -> None:
    """In the plane the number of pairs within r grows as r²: what is promised can be counted."""
    near_by_chance = []
    for seed in range(20):
        found = near(np.random.default_rng(seed).uniform(0, 1, (400, 2)).astype(np.float32), "euclidean")
        near_by_chance.append((found.pairs <= suggest(found).threshold).sum())
    assert 0.1 <= np.mean(near_by_chance) <= 2


def test_the_suggestion_says_so_where_nothing_can_be_said() -> None:
    for vectors, reason in (
        (np.eye(1, 4), "fewer than three"),
        (np.eye(2, 4), "fewer than three"),
        (np.ones((9, 4)), "equal"),
    ):
        suggestion = suggest(near(vectors.astype(np.float32)))
        assert suggestion.threshold == 0
        assert reason in suggestion.reason
    assert suggest(near(np.eye(9, dtype=np.float32))).threshold <= 0.5  # all at the same distance: no copies


def test_one_picture_has_no_neighbour_and_no_copy() -> None:
    alone = near(np.ones((1, 4), np.float32))
    assert np.isinf(alone.nearest).all()
    assert near_duplicate_groups(alone, np.ones((1, 4)), "cosine", 0.0, np.arange(1)) == []


def test_the_shares_are_counted() -> None:
    found = near(crowd(99, 1))
    share = share_within(found, suggest(found).threshold)
    assert share.images == 2 / 100
    assert share.pairs == 1 / (100 * 99 / 2)
    assert share.sentence().endswith(
        "2\xa0% of the pictures have another one this near; expected by chance: 0.02\xa0% of pairs."
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0\xa0%"),
        (1, "100\xa0%"),
        (0.124, "12\xa0%"),
        (0.0123, "1.2\xa0%"),
        (1e-4, "0.01\xa0%"),
        (3.4e-8, "0.0000034\xa0%"),
    ],
)
def test_small_shares_keep_two_digits(value: float, shown: str) -> None:
    assert small_share(value) == shown


def test_no_random_pair_this_near_is_not_called_none_at_all() -> None:
    assert "expected by chance: less than 0.01\xa0% of pairs" in Share(0.1, 0.5, 0.0, 10_000).sentence()
    assert Share(0.0, 0.0, 0.0, 0).sentence() == ""


@pytest.mark.parametrize("metric", METRICS)
def test_distances_are_those_of_exact_search(metric: str) -> None:
    vectors = np.concatenate([crowd(40, 8), np.zeros((2, 24), np.float32)])
    found = near(vectors, metric)
    make: Callable[[int], np.ndarray] = lambda row: exact_distances(vectors, row, found.rows[row], metric)  # noqa: E731
    assert np.allclose([make(row) for row in range(50)], found.distances, atol=1e-6)


def test_vectors_without_a_direction_are_equal_to_each_other_and_to_no_other():
    vectors = np.array([[0, 0], [1, 0], [0, 0], [0, 3]], np.float32)
    assert exact_distances(vectors, 0, np.array([1, 2, 3]), "cosine").tolist() == [1, 0, 1]
    assert exact_distances(vectors, 1, np.array([0, 3]), "cosine").tolist() == [1, 1]
    assert known_metric("cosine").between(vectors, vectors)[0].tolist() == [0, 1, 0, 1]
