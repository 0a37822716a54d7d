"""The tests behind every verdict, against known values, SciPy and simulations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from engine.core.errors import BadParameter
from engine.evaluation.metrics import bootstrap_interval
from engine.evaluation.statistics.correlation import spearman
from engine.evaluation.statistics.decision import Decision, holm, p_text
from engine.evaluation.statistics.mcnemar import mcnemar
from engine.evaluation.statistics.paired import paired_difference, sign_flip
from engine.evaluation.statistics.proportion import at_most, clopper_pearson, mean_share_interval
from engine.evaluation.statistics.resampled import corrected_resampled_t
from engine.evaluation.statistics.shares import mean_shares


def alone(first: int, second: int, both: int, neither: int) -> tuple[list[int], list[int]]:
    """Items that only the first, only the second, both, and neither got right."""
    pairs = [(1, 0)] * first + [(0, 1)] * second + [(1, 1)] * both + [(0, 0)] * neither
    return [one for one, _ in pairs], [other for _, other in pairs]


def test_mcnemar_of_292_against_289_of_319_is_not_decided() -> None:
    found = mcnemar(*alone(18, 15, 274, 12))
    assert found.p == pytest.approx(0.728, abs=0.001)
    assert found.effect == pytest.approx(3 / 319)
    assert found.outcome == "not decided"


def test_mcnemar_of_a_clear_lead() -> None:
    assert mcnemar(*alone(30, 5, 200, 10)).outcome == "better"
    assert mcnemar(*alone(5, 30, 200, 10)).outcome == "worse"
    assert mcnemar([1, 1], [1, 1]) == Decision(0.0, (0.0, 0.0), 1.0, 2)


def test_exact_intervals_of_a_proportion() -> None:
    low, high = clopper_pearson(210, 210)
    assert (low, high) == (pytest.approx(0.0249 ** (1 / 210), abs=0.001), 1.0)
    assert 100 * low == pytest.approx(98.3, abs=0.05)
    assert at_most(0, 208) == pytest.approx(1 - 0.05 ** (1 / 208))
    assert 100 * at_most(0, 208) == pytest.approx(1.4, abs=0.05)
    assert clopper_pearson(5, 10) == pytest.approx((0.1871, 0.8129), abs=1e-4)


def test_forty_perfect_queries_do_not_prove_that_the_next_is() -> None:
    for share, interval in ((1.0, (0.025 ** (1 / 40), 1.0)), (0.0, (0.0, 1 - 0.025 ** (1 / 40)))):
        assert mean_share_interval(np.full(40, share)) == pytest.approx(interval)
    shares = np.repeat([0.5, 1.0], [10, 30])
    assert mean_share_interval(shares) == bootstrap_interval(shares)
    assert mean_share_interval(np.full(9, 0.5)) == (0.5, 0.5)
    with pytest.raises(BadParameter, match="at least 1"):
        mean_share_interval(np.array([]))


def test_the_corrected_t_test_by_hand() -> None:
    leads = np.array([0.02, 0.01, 0.03, 0.0, 0.02])
    found = corrected_resampled_t(leads, learned=80, asked=20)
    t = leads.mean() / np.sqrt((1 / 5 + 1 / 4) * leads.var(ddof=1))
    assert found.p == pytest.approx(2 * stats.t.sf(t, 4))
    plain = stats.ttest_1samp(leads, 0)
    assert found.p > plain.pvalue
    assert plain.pvalue < 0.05
    assert found.outcome == "not decided"


def test_sign_flips_against_scipy_and_by_hand() -> None:
    few = np.array([0.3, -0.1, 0.2, 0.4, 0.05, 0.2])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 6)).reshape(6, -1)
    assert sign_flip(few) == pytest.approx((np.abs(few @ signs) >= few.sum() - 1e-9).mean())
    many = np.random.default_rng(1).normal(0.2, 1, 60)
    theirs = stats.permutation_test((many,), np.mean, permutation_type="samples", n_resamples=4999, rng=0)
    assert sign_flip(many) == pytest.approx(theirs.pvalue, abs=0.02)
    assert sign_flip(np.zeros(9)) == 1.0


def test_paired_queries_tell_what_overlapping_intervals_do_not() -> None:
    rng = np.random.default_rng(0)
    hard = rng.uniform(0.6, 1, 300)
    first, second = hard + rng.normal(0.02, 0.05, 300), hard + rng.normal(0, 0.05, 300)
    half = 1.96 * hard.std() / np.sqrt(300)
    found = paired_difference(first, second)
    assert first.mean() - half < second.mean() + half  # their own intervals overlap
    assert found.outcome == "better"
    assert found.interval[0] <= found.effect <= found.interval[1]
    assert found.opposite.outcome == paired_difference(second, first).outcome == "worse"


def test_without_a_difference_one_decision_of_twenty_is_wrong() -> None:
    rng = np.random.default_rng(5)
    wrong = sum(paired_difference(*rng.integers(0, 9, (2, 40)) / 8, seed=draw).decided for draw in range(1000))
    assert wrong <= stats.binom.ppf(0.99, 1000, 0.05)  # a rate of one in twenty draws this many at most


def test_a_difference_of_three_hundredths_is_found_in_four_of_five_draws() -> None:
    rng = np.random.default_rng(6)
    found = 0
    for draw in range(30):
        easy = rng.uniform(0.3, 0.9, 1000)  # the same queries are hard for both
        first, second = rng.binomial(8, easy + 0.03) / 8, rng.binomial(8, easy) / 8
        found += paired_difference(first, second, seed=draw).outcome == "better"
    assert found >= 24


def test_six_pairs_need_a_correlation_of_886() -> None:
    order = [1, 2, 3, 4, 5, 6]
    enough, too_little = spearman(order, [1, 2, 3, 5, 6, 4]), spearman(order, [2, 1, 3, 4, 6, 5])
    assert enough is not None
    assert too_little is not None
    assert (enough.effect, enough.p) == (pytest.approx(29 / 35), pytest.approx(0.0583, abs=0.001))
    assert not enough.decided
    assert too_little.effect == pytest.approx(0.886, abs=0.001)
    assert too_little.p == pytest.approx(0.0333, abs=0.001)
    assert spearman(order, [1] * 6) is None


def test_the_interval_of_a_correlation() -> None:
    rng = np.random.default_rng(3)
    one = rng.normal(size=40)
    found = spearman(one, one + rng.normal(size=40))
    assert found is not None
    assert found.p == pytest.approx(stats.spearmanr(one, one)[1], abs=1e-3)
    assert 0 < found.interval[0] < found.effect < found.interval[1] < 1
    perfect = spearman([1, 2, 3, 4, 5], [1, 2, 3, 4, 5])
    assert perfect is not None
    assert perfect.interval[0] < 0.9
    assert perfect.interval[1] == pytest.approx(1)
    three = spearman([1, 2, 3], [1, 2, 3])
    assert three is not None
    assert not three.decided


def test_means_of_shares_are_judged_cautiously() -> None:
    found = mean_shares(0.395, 0.387, 64)
    assert found.outcome == "not decided"
    assert found.interval[1] == pytest.approx(0.008 + 1.96 * np.sqrt((0.395 * 0.605 + 0.387 * 0.613) / 64), abs=1e-4)
    assert mean_shares(0.6, 0.3, 64).outcome == "better"
    assert (mean_shares(1.0, 1.0, 9).p, mean_shares(1.0, 0.0, 9).p) == (1.0, 0.0)


def test_holm_by_hand() -> None:
    made = [Decision(1.0, (0.5, 1.5), p, 10) for p in (0.01, 0.04, 0.03, 0.005)]
    assert [one.p for one in holm(made)] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [one.outcome for one in holm(made)] == ["better", "not decided", "not decided", "better"]
    assert holm([]) == []


def test_decisions_in_words() -> None:
    found = Decision(0.019, (0.005, 0.031), 0.006, 319)
    assert found.text() == "+0.019 [+0.005, +0.031], p = .006"
    assert found.opposite.text() == "−0.019 [−0.031, −0.005], p = .006"
    assert found.within(0.05)
    assert not found.within(0.02)
    assert p_text(0.05) == "p = .050"


@pytest.mark.parametrize(
    "call",
    [
        lambda: paired_difference([], []),
        lambda: paired_difference([1.0], [1.0, 2.0]),
        lambda: paired_difference([np.nan], [1.0]),
        lambda: mcnemar([], []),
        lambda: corrected_resampled_t([0.1], 80, 20),
        lambda: corrected_resampled_t([0.1, 0.2], 0, 20),
        lambda: clopper_pearson(3, 2),
        lambda: clopper_pearson(0, 0),
        lambda: at_most(-1, 5),
        lambda: spearman([1, 2], [1, 2]),
        lambda: mean_shares(0.5, 0.5, 0),
        lambda: mean_shares(1.5, 0.5, 9),
    ],
)
def test_bad_input_is_named(call: object) -> None:
    with pytest.raises(BadParameter):
        call()  # type: ignore[operator]
