"""Limits that few members of a population exceed."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.errors import BadParameter
from engine.evaluation.statistics.tolerance import lower_limit, upper_limit


def test_fifty_nine_values_are_needed() -> None:
    """The classical number for 95 % with confidence 95 %: 0.95⁵⁹ < 0.05."""
    values = np.arange(58.0)
    assert upper_limit(values) == np.inf
    assert lower_limit(values) == -np.inf
    assert upper_limit(np.arange(59.0)) == 58
    assert lower_limit(np.arange(59.0)) == 0
    assert upper_limit([]) == np.inf


def test_the_limit_holds_in_nearly_all_samples() -> None:
    rng = np.random.default_rng(0)
    exceeded = [1 - upper_limit(rng.random(400)) for _ in range(1000)]
    assert np.mean(np.array(exceeded) > 0.05) <= 0.065
    assert np.mean(exceeded) > 0.03


def test_bad_values_are_named() -> None:
    with pytest.raises(BadParameter, match="tolerance limit"):
        upper_limit([1.0, np.nan])
