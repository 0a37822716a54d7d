"""Linear CKA: known values, and what it must not depend on."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.errors import BadParameter
from engine.evaluation.cka import linear_cka


def vectors(seed: int, shape: tuple[int, int] = (60, 10)) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def test_the_same_vectors_turned_scaled_and_moved_are_the_same() -> None:
    one = vectors(0)
    turn, _ = np.linalg.qr(vectors(1, (10, 10)))
    assert linear_cka(one, one) == pytest.approx(1)
    assert linear_cka(one, 3 * one @ turn + 5) == pytest.approx(1)
    assert linear_cka(one, vectors(2)) == pytest.approx(linear_cka(vectors(2), one))


def test_unrelated_vectors_of_many_dimensions_are_about_0() -> None:
    found = [linear_cka(vectors(seed, (60, 500)), vectors(seed + 100, (60, 500))) or 0.0 for seed in range(20)]
    assert abs(np.mean(found)) < 0.02  # the plain estimate would be above .8


def test_it_is_the_unbiased_estimate_of_its_definition() -> None:
    """The average over all choices of four different pictures, as Song et al. define the estimate."""
    one, other = vectors(3, (6, 3)), vectors(4, (6, 2))

    def hsic(first: np.ndarray, second: np.ndarray) -> float:
        k, m, n = first @ first.T, second @ second.T, range(6)
        four = [(a, b, c, d) for a in n for b in n for c in n for d in n if len({a, b, c, d}) == 4]
        return float(np.mean([k[a, b] * (m[a, b] + m[c, d] - 2 * m[a, c]) for a, b, c, d in four]))

    expected = hsic(one, other) / np.sqrt(hsic(one, one) * hsic(other, other))
    assert linear_cka(one, other) == pytest.approx(expected)


def test_vectors_that_are_all_equal_arrange_nothing() -> None:
    assert linear_cka(np.ones((9, 3)), vectors(0, (9, 3))) is None


@pytest.mark.parametrize("shapes", [((3, 2), (3, 2)), ((9, 2), (8, 2)), ((9,), (9,))])
def test_shapes_are_checked(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(BadParameter, match="shapes"):
        linear_cka(np.zeros(shapes[0]), np.zeros(shapes[1]))
