"""The interval of a mean over seeds covers what other seeds and other queries would give."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from engine.core.errors import BadParameter
from engine.evaluation.statistics.repeats import mean_interval


def test_without_queries_it_is_that_of_student() -> None:
    figures = [0.8, 0.84, 0.79]
    expected = student.interval(0.95, 2, np.mean(figures), np.std(figures, ddof=1) / 3**0.5)
    assert mean_interval(figures, [(one, one) for one in figures]) == pytest.approx(expected)


def test_equal_seeds_keep_the_interval_over_the_queries() -> None:
    assert mean_interval([0.5, 0.5], [(0.4, 0.6), (0.4, 0.6)]) == pytest.approx((0.4, 0.6))
    assert mean_interval([0.5], [(0.3, 0.6)]) == (0.3, 0.6)


@pytest.mark.parametrize(("seed_size", "query_size"), [(0.02, 0.02), (0.002, 0.02), (0.02, 0.002)])
def test_it_covers_the_truth_in_19_of_20_cases(seed_size: float, query_size: float) -> None:
    rng, covered, tried = np.random.default_rng(0), 0, 2000
    for _ in range(tried):
        figures = query_size * rng.standard_normal() + seed_size * rng.standard_normal(3)
        half = 1.96 * query_size
        low, high = mean_interval(figures, [(one - half, one + half) for one in figures])
        covered += low <= 0 <= high
    assert covered / tried >= 0.94


def test_bad_input_is_named() -> None:
    with pytest.raises(BadParameter, match="number of values of a mean over seeds"):
        mean_interval([], [])
    with pytest.raises(BadParameter, match="number of intervals of a mean over seeds"):
        mean_interval([0.5, 0.6], [(0.4, 0.6)])
    with pytest.raises(BadParameter, match="finite numbers"):
        mean_interval([0.5, np.nan], [(0.4, 0.6)] * 2)
