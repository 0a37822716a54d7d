"""Distances without rounding: equal vectors are equal under every metric, and different ones stay different."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from engine.core.distances import METRICS, euclidean, pairwise_distances, pairwise_distances_float64
from engine.core.errors import BadParameter

RNG = np.random.default_rng(0)
BASE = RNG.random(3000).astype(np.float32)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("offset", [0, 1000])
def test_equal_rows_are_at_zero_and_others_as_scipy_says(name: str, offset: float) -> None:
    rows = np.float32(offset) + np.concatenate([np.repeat(BASE[None], 4, 0), RNG.random((3, 3000)).astype(np.float32)])
    found = pairwise_distances_float64(rows, name)
    expected = cdist(rows.astype(np.float64), rows.astype(np.float64), name)
    assert (found[:4, :4] == 0).all()
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-12)
    assert (found[4:, :4] > 0).all()


@pytest.mark.parametrize("offset", [0, -100, 3000])
def test_a_common_offset_changes_no_distance(offset: float) -> None:
    rows = (np.float32(offset) + RNG.normal(size=(200, 64))).astype(np.float32)
    asked = rows[:3] + np.float32(0.5)
    exact = cdist(asked.astype(np.float64), rows.astype(np.float64))
    assert euclidean(asked, rows) == pytest.approx(exact, rel=1e-5)
    assert euclidean(asked, rows[:1]) == pytest.approx(exact[:, :1], rel=1e-5)
    assert euclidean(asked, rows[:0]).shape == (3, 0)
    all_pairs = cdist(rows.astype(np.float64), rows.astype(np.float64))
    assert pairwise_distances(rows, "euclidean") == pytest.approx(all_pairs, rel=1e-5)


def test_scaled_rows_are_equal_under_cosine_only() -> None:
    scaled = np.stack([BASE * np.float32(by) for by in (0.1, 0.3, 7.0)])
    assert (pairwise_distances_float64(scaled, "cosine") == 0).all()
    assert (pairwise_distances_float64(scaled, "euclidean")[np.triu_indices(3, 1)] > 1).all()


def test_rows_of_zeros() -> None:
    rows = np.zeros((3, 4), np.float32)
    rows[2, 0] = 1
    assert pairwise_distances_float64(rows, "cosine").tolist() == [[0, 0, 1], [0, 0, 1], [1, 1, 0]]
    assert pairwise_distances_float64(rows, "euclidean").tolist() == [[0, 0, 1], [0, 0, 1], [1, 1, 0]]
    with pytest.raises(BadParameter, match="metric"):
        pairwise_distances_float64(rows, "taxicab")


@settings(max_examples=50)
@given(
    st.lists(st.floats(-1e6, 1e6, width=32, allow_subnormal=False), min_size=1, max_size=8),
    st.sampled_from(sorted(METRICS)),
)
def test_the_last_bit_is_no_distance(row: list[float], name: str) -> None:
    one = np.array(row, np.float32)
    other = one.copy()
    other[np.abs(one).argmax()] = np.nextafter(other[np.abs(one).argmax()], np.float32(0))
    assert pairwise_distances_float64(np.stack([one, other]), name)[0, 1] == 0
