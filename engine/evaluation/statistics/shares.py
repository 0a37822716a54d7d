"""Two mean shares over equally many cases of which only the means are known."""

from __future__ import annotations

import math

from engine.core.errors import BadParameter
from engine.evaluation.statistics.decision import Decision


def mean_shares(first: float, second: float, cases: int) -> Decision:
    """How the mean of `first` differs from that of `second`; both are means of `cases` shares from 0 to 1.

    Nothing of that mean varies more than shares that are 0 or 1, so the answer is cautious; the same cases asked of
    both would tell more (see `paired_difference`). Source: the normal approximation to the binomial distribution.

    Raises:
        BadParameter: no cases, or a mean that is no share.
    """
    from scipy.stats import norm

    if cases < 1:
        raise BadParameter("number of cases", "a comparison of shares", "at least 1", cases)
    for mean in (first, second):
        if not 0 <= mean <= 1:
            raise BadParameter("mean", "a comparison of shares", "from 0 to 1", mean)
    lead, error = first - second, math.sqrt(variance_of_lead(first, second, cases))
    half = float(norm.ppf(0.975)) * error
    p = 2 * float(norm.sf(abs(lead) / error)) if error else float(lead == 0)
    return Decision(lead, (lead - half, lead + half), p, cases)


def variance_of_lead(first: float, second: float, cases: int) -> float:
    """The most that the difference of two means of `cases` shares can vary, which do not depend on each other."""
    return (first * (1 - first) + second * (1 - second)) / cases
