"""Square root, centring and PCA to few values: against a plain singular value decomposition, and for odd input."""

from __future__ import annotations

import numpy as np
import pytest

from engine.encoders.vectors.centring import signed_roots
from engine.encoders.vectors.compression import fit_compression

CHANCE = np.random.default_rng(0)


def test_values_are_those_of_a_plain_singular_value_decomposition() -> None:
    vectors = (CHANCE.random((60, 9)) * np.arange(1, 10) ** 2).astype(np.float32)
    found = fit_compression(vectors)(vectors)
    roots = signed_roots(vectors).astype(np.float64)
    left, values, _ = np.linalg.svd(roots - roots.sum(0) / (len(roots) + 1), full_matrices=False)
    expected = left * (values / len(roots) ** 0.5) ** 0.75
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert found @ found.T == pytest.approx(expected @ expected.T, abs=1e-4)


def test_at_most_256_values_of_length_one() -> None:
    vectors = CHANCE.random((300, 400)).astype(np.float32)
    found = fit_compression(vectors)(vectors)
    assert found.shape == (300, 256)
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(300), abs=1e-5)


@pytest.mark.parametrize("count", [1, 2, 20])
def test_equal_vectors_stay_equal_and_keep_a_direction(count: int) -> None:
    vectors = np.tile(np.float32([3, 4, 0]), (count, 1))
    found = fit_compression(vectors)(vectors)
    assert np.abs(found) == pytest.approx(np.ones((count, 1)), abs=1e-5)


def test_vectors_without_anything_stay_zero() -> None:
    nothing = np.zeros((4, 5), np.float32)
    assert not fit_compression(nothing)(nothing).any()
