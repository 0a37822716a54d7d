"""What a 95 % interval decides by itself, if the figures behind it are no longer available."""

from __future__ import annotations

from engine.core.errors import BadParameter
from engine.evaluation.statistics.decision import Decision


def decision_of_interval(interval: tuple[float, float], cases: int = 0) -> Decision:
    """The decision on an effect of which only the 95 % interval is known; its middle counts as the effect.

    Source: Altman and Bland, "How to obtain the P value from a confidence interval", BMJ 2011 (normal approximation).

    Raises:
        BadParameter: an interval whose ends are exchanged or not finite.
    """
    from scipy.stats import norm

    low, high = interval
    if not -float("inf") < low <= high < float("inf"):
        raise BadParameter("interval", "a decision", "two finite numbers in ascending order", interval)
    middle, error = (low + high) / 2, (high - low) / (2 * float(norm.ppf(0.975)))
    p = 2 * float(norm.sf(abs(middle) / error)) if error else float(middle == 0)
    return Decision(middle, interval, p, cases)
