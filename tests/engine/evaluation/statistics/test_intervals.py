"""What is left of a test when only its interval was kept."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.errors import BadParameter
from engine.evaluation.statistics.decision import Decision
from engine.evaluation.statistics.intervals import decision_of_interval
from engine.evaluation.statistics.paired import paired_difference


def test_the_example_of_the_source() -> None:
    found = decision_of_interval((np.log(0.65), np.log(0.81)))  # a relative risk; Altman and Bland give p < .001
    assert found.p < 0.001
    assert found.outcome == "worse"


@pytest.mark.parametrize("lead", [0.0, 0.02, 0.05])
def test_it_agrees_with_the_paired_test(lead: float) -> None:
    leads = lead + 0.2 * np.random.default_rng(1).standard_normal(400)
    tested = paired_difference(leads, np.zeros(400))
    assert decision_of_interval(tested.interval).p == pytest.approx(tested.p, abs=0.03)


def test_an_interval_around_nothing_and_one_without_width() -> None:
    assert decision_of_interval((-0.1, 0.1)).p == pytest.approx(1)
    assert decision_of_interval((0.0, 0.0)).outcome == "not decided"
    assert decision_of_interval((0.1, 0.1)).outcome == "better"
    for wrong in ((0.2, 0.1), (float("nan"), 0.1), (0.0, float("inf"))):
        with pytest.raises(BadParameter, match="interval of a decision"):
            decision_of_interval(wrong)


@pytest.mark.parametrize(
    "decision",
    [
        Decision(0.1, (0.05, 0.15), np.nan, 9),
        Decision(0.1, (np.nan, np.nan), 0.01, 9),
        Decision(np.nan, (np.nan, np.nan), np.nan, 9),
    ],
)
def test_what_is_no_number_decides_nothing(decision: Decision) -> None:
    assert decision.outcome == decision.opposite.outcome == "not decided"
