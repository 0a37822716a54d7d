"""Metrics: known values, slow versions, limits."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from engine.core.errors import BadParameter
from engine.evaluation.metrics import average_precision, bootstrap_interval, precision_at_k

RANKED = np.array([[1, 0, 1, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]], dtype=bool)


def test_known_values() -> None:
    assert precision_at_k(RANKED, 4).tolist() == [0.75, 0, 0]
    assert precision_at_k(RANKED, 5).tolist() == [0.6, 0.2, 0]
    found = average_precision(RANKED, np.array([3, 1, 0]))
    assert found == pytest.approx([(1 + 2 / 3 + 3 / 4) / 3, 0.2, 0])
    assert average_precision(RANKED[:1], np.array([6])) == pytest.approx([(1 + 2 / 3 + 3 / 4) / 6])


def test_average_precision_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    relevant = rng.random((20, 50)) < 0.3
    theirs = [average_precision_score(row, -np.arange(50)) for row in relevant]
    assert average_precision(relevant, relevant.sum(1)) == pytest.approx(theirs)


def test_the_interval_holds_the_mean_and_narrows() -> None:
    rng = np.random.default_rng(0)
    few, many = rng.random(50), rng.random(5000)
    for values in (few, many):
        low, high = bootstrap_interval(values)
        assert low < values.mean() < high
        assert high - low == pytest.approx(2 * 1.96 * values.std() / len(values) ** 0.5, rel=0.15)
    assert bootstrap_interval(few) == bootstrap_interval(few)
    assert bootstrap_interval(np.ones(9)) == (1, 1)


@pytest.mark.parametrize("k", [0, 6])
def test_a_k_that_cannot_be(k: int) -> None:
    with pytest.raises(BadParameter):
        precision_at_k(RANKED, k)


def test_wrong_shapes() -> None:
    with pytest.raises(BadParameter):
        precision_at_k(RANKED[0], 1)
    with pytest.raises(BadParameter):
        bootstrap_interval(np.array([]))
