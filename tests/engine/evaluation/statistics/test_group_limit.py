"""A limit that few members exceed of a group that was not seen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t

from engine.core.errors import BadParameter
from engine.evaluation.statistics.group_limit import upper_limit_of_groups
from engine.evaluation.statistics.tolerance import upper_limit


def bound(values: np.ndarray, groups: np.ndarray, limit: float, confidence: float = 0.95) -> float:
    """The mean share beyond a limit and its bound, the slow way."""
    shares = np.array([(values[groups == group] > limit).mean() for group in np.unique(groups)])
    wide = t.ppf(confidence, len(shares) - 1) / np.sqrt(len(shares))
    return float(shares.mean() + wide * shares.std(ddof=1))


@pytest.mark.parametrize("confidence", [0.95, 0.975])
def test_it_is_the_lowest_value_beyond_which_every_limit_holds(confidence: float) -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(range(8), [40, 60, 80, 100, 120, 140, 160, 300])
    values = rng.standard_normal(1000) + rng.standard_normal(8)[groups]
    limit = upper_limit_of_groups(values, groups, confidence=confidence)
    higher = np.sort(values[values >= limit])
    assert max(bound(values, groups, one, confidence) for one in higher) <= 0.05
    assert bound(values, groups, np.sort(values[values < limit])[-1], confidence) > 0.05


def test_a_known_value() -> None:
    """Two of each hundred are beyond 98, in all four groups; with one more in one group it is 2.25 % ± 0.25 %."""
    values, groups = np.tile(np.arange(1.0, 101), 4), np.repeat(range(4), 100)
    assert upper_limit_of_groups(values, groups, share=0.0501) == 95
    assert upper_limit_of_groups(values, groups, share=0.0201) == 98
    values[0] = 99.5
    assert bound(values, groups, 98) == pytest.approx(0.0225 + 2.353363 * 0.0025)
    assert upper_limit_of_groups(values, groups, share=0.0284) == 98
    assert upper_limit_of_groups(values, groups, share=0.0283) == 99


def test_of_groups_that_were_not_seen_few_exceed_it_where_the_pooled_limit_fails() -> None:
    """Ten groups of a hundred, whose means differ by half as much as their members."""
    rng, size, tried = np.random.default_rng(0), (10, 100), 400
    exceeded = np.zeros((2, tried))
    for number in range(tried):
        values = (0.5 * rng.standard_normal((size[0], 1)) + rng.standard_normal(size)).ravel()
        groups = np.repeat(range(size[0]), size[1])
        limits = upper_limit(values, confidence=0.975), upper_limit_of_groups(values, groups, confidence=0.975)
        exceeded[:, number] = norm.sf(np.array(limits) / 1.25**0.5)  # of a new group, on average
    pooled, grouped = (exceeded > 0.05).mean(1)
    assert pooled > 0.15  # though its confidence is 97.5 % for members of the same groups
    assert grouped < 0.6 * pooled  # not 2.5 %: ten skewed shares are few for Student's t
    assert exceeded.mean(1)[1] <= 0.035


def test_one_group_says_nothing_about_others_and_bad_values_are_named() -> None:
    assert upper_limit_of_groups(np.arange(100), np.zeros(100)) == -np.inf
    assert upper_limit_of_groups([], []) == -np.inf
    assert upper_limit_of_groups([1.0, 1.0, 1.0], [0, 1, 1]) == 1
    with pytest.raises(BadParameter, match="limit of groups"):
        upper_limit_of_groups([1.0, np.nan], [0, 1])
