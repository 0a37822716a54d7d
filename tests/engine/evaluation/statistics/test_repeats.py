"""The interval of a mean over seeds covers what other seeds and other queries would give."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, ttest_1samp
from scipy.stats import t as student

from engine.core.errors import BadParameter
from engine.evaluation.statistics.repeats import difference_over_seeds, mean_interval, shared_variance


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


def test_a_difference_over_seeds_that_share_nothing_is_that_of_student() -> None:
    leads = [0.02, 0.05, 0.03]
    found, expected = difference_over_seeds(leads, 0.0), ttest_1samp(leads, 0)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert found.cases == 3


def test_equal_differences_are_judged_by_what_they_share() -> None:
    found = difference_over_seeds([0.05, 0.05], 0.02**2)
    assert found.p == pytest.approx(2 * norm.sf(2.5))
    assert found.interval == pytest.approx((0.05 - 1.96 * 0.02, 0.05 + 1.96 * 0.02), abs=1e-5)
    assert difference_over_seeds([0.05, 0.05], 0.0).outcome == "better"
    assert difference_over_seeds([0.0, 0.0], 0.0).p == 1


def test_only_common_queries_are_shared() -> None:
    rng = np.random.default_rng(0)
    easy, noise = rng.standard_normal(4000), rng.standard_normal((2, 4000))
    asked = np.arange(4000)
    same = shared_variance([easy + noise[0], easy + noise[1]], [asked, asked])
    assert same == pytest.approx(1 / 4000, rel=0.1)  # the variance of the mean of what both found easy
    assert shared_variance([easy, easy], [asked, asked + 4000]) == 0
    half = shared_variance([easy[:2000], easy[1000:3000]], [asked[:2000], asked[1000:3000]])
    assert half == pytest.approx(1000 / 2000**2, rel=0.1)


def trained(rng: np.random.Generator, pool: int, seed_size: float, lead: float = 0.0) -> tuple[list, list]:
    """Leads on 64 queries out of a pool with three seeds: both kinds of training vary by seed, query, and both."""
    easier, leads, asked = rng.normal(0, 0.2, pool), [], []
    for _ in range(3):
        queries = rng.permutation(pool)[:64]
        found = lead + rng.normal(0, seed_size) + easier[queries] + rng.normal(0, 0.2, 64)
        leads.append(np.round(8 * found) / 8)
        asked.append(queries)
    return leads, asked


@pytest.mark.parametrize("pool", [64, 600])
@pytest.mark.parametrize("seed_size", [0.0, 0.03])
def test_without_a_difference_at_most_one_in_twenty_is_decided(pool: int, seed_size: float) -> None:
    rng, tried = np.random.default_rng(0), 1000
    decided = 0
    for _ in range(tried):
        leads, asked = trained(rng, pool, seed_size)
        decided += difference_over_seeds([one.mean() for one in leads], shared_variance(leads, asked)).decided
    assert decided / tried <= 0.05


def test_a_large_difference_is_found_with_three_seeds() -> None:
    rng, found = np.random.default_rng(0), 0
    for _ in range(200):
        leads, asked = trained(rng, 64, 0.01, lead=0.15)
        found += difference_over_seeds([one.mean() for one in leads], shared_variance(leads, asked)).outcome == "better"
    assert found / 200 > 0.8


def test_one_seed_decides_nothing_about_others() -> None:
    with pytest.raises(BadParameter, match="at least 2"):
        difference_over_seeds([0.3], 0.0)
