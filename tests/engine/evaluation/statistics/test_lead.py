"""The exact paired test, and whether the highest of many rows leads: by hand, by SciPy and by simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from engine.core.errors import BadParameter
from engine.evaluation.statistics import paired
from engine.evaluation.statistics.lead import lead
from engine.evaluation.statistics.paired import paired_difference, sign_flip


def every_sign(differences: np.ndarray) -> float:
    """p by trying all choices of signs, one after the other."""
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product((-1, 1), repeat=len(differences))]
    return float(np.mean(np.array(sums) >= abs(differences.sum()) - 1e-9))


@pytest.mark.parametrize("seed", range(4))
def test_whole_steps_are_tested_exactly(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    leads = rng.choice([-3, -2, -1, 1, 2, 3, 4], 14) / 8
    assert sign_flip(leads) == pytest.approx(every_sign(leads), abs=1e-12)
    monkeypatch.setattr(paired, "_FINEST", 0)  # drawn instead
    assert sign_flip(leads) == pytest.approx(every_sign(leads), abs=0.02)


def test_wins_alone_are_the_sign_test() -> None:
    leads = np.array([1.0] * 40 + [-1.0] * 17)
    assert sign_flip(leads) == pytest.approx(stats.binomtest(40, 57).pvalue, rel=1e-9)


def test_p_of_a_large_difference_is_not_limited_by_draws() -> None:
    assert sign_flip(np.full(60, 0.125)) == pytest.approx(2**-59, rel=0.5, abs=1e-15)


@pytest.mark.parametrize("queries", [40, 300])
def test_the_level_holds_over_many_draws(queries: int) -> None:
    rng = np.random.default_rng(11)
    draws = 3000
    wrong = sum(sign_flip(np.diff(rng.integers(0, 9, (2, queries)) / 8, axis=0)[0]) < 0.05 for _ in range(draws))
    assert wrong <= stats.binom.ppf(0.99, draws, 0.05)
    assert wrong >= stats.binom.ppf(0.01, draws, 0.03)  # and the test is not blind


def rows_of(rng: np.random.Generator, leads: list[float], queries: int = 300) -> list[np.ndarray]:
    hard = rng.uniform(0.3, 0.8, queries)
    return [rng.binomial(8, np.clip(hard + lead, 0, 1)) / 8 for lead in leads]


def test_a_row_that_is_better_than_all_others_leads() -> None:
    found = lead(rows_of(np.random.default_rng(0), [0, 0.15, 0, -0.1]))
    assert (found.first, found.equals, found.clear, found.undecided) == (1, (), True, [])
    assert set(found.against) == {0, 2, 3}


def test_rows_without_a_difference_are_called_different_in_one_of_twenty_comparisons() -> None:
    rng = np.random.default_rng(4)
    wrong = 0
    for _ in range(200):
        found = lead(rows_of(rng, [0] * 5, 100))
        wrong += any(one.decided for one in found.against.values())
    assert wrong <= stats.binom.ppf(0.99, 200, 0.05)


def test_p_is_corrected_for_all_pairs() -> None:
    rows = rows_of(np.random.default_rng(2), [0, 0.06, 0.02])
    found = lead(rows)
    alone = {place: paired_difference(rows[found.first], rows[place]).p for place in found.against}
    low, high = sorted(alone, key=alone.__getitem__)
    assert found.against[low].p == pytest.approx(min(1, 3 * alone[low]))
    assert found.against[high].p == pytest.approx(min(1, max(3 * alone[low], 2 * alone[high])))


def test_rows_that_are_the_same_count_once() -> None:
    one, other = rows_of(np.random.default_rng(1), [0.2, 0])
    found = lead([other, one, one, other])
    assert (found.first, found.equals, found.clear) == (1, (2,), True)
    assert found.against[0].p == paired_difference(one, other).p  # of one pair
    same = lead([one, one])
    assert (same.equals, same.clear, same.against) == ((1,), False, {})


@pytest.mark.parametrize("rows", [[], [[0.5], [0.5, 1.0]], [[np.nan], [0.5]]])
def test_bad_rows_are_named(rows: list[list[float]]) -> None:
    with pytest.raises(BadParameter):
        lead(rows)
