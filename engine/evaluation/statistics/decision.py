"""Whether figures decide about a difference: better, worse, or not decided; every verdict is made from this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.core.errors import BadParameter

ALPHA = 0.05  # the share of decisions that are wrong where there is no difference
Outcome = Literal["better", "worse", "not decided"]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Decision:
    """An effect with its interval and p-value, and whether it is decidedly above or below zero.

    Attributes:
        effect: a difference (the first minus the second), or a correlation. interval: its 95 % interval.
        p: two-sided, corrected if there are several decisions. cases: what it is from (queries, items, trainings …).
    """

    effect: float
    interval: tuple[float, float]
    p: float
    cases: int

    @property
    def outcome(self) -> Outcome:
        """ "better" or "worse" only if both p and the interval exclude that there is no effect."""
        low, high = self.interval
        if not (self.p < ALPHA and (low > 0 or high < 0)):  # also where any of them is NaN
            return "not decided"
        return "better" if self.effect > 0 else "worse"

    @property
    def decided(self) -> bool:
        """Whether the difference is decided in either direction."""
        return self.outcome != "not decided"

    @property
    def opposite(self) -> Decision:
        """The same decision about the second against the first."""
        low, high = self.interval
        return replace(self, effect=-self.effect, interval=(-high, -low))

    def within(self, margin: float) -> bool:
        """Whether the whole interval is within ±`margin`: an effect that is too small to matter is ruled out or in."""
        low, high = self.interval
        return -margin < low and high < margin

    def text(self, shown: str = "+.3f", scale: float = 1.0, unit: str = "") -> str:
        """The effect with interval and p, as "+0.019 [+0.005, +0.031], p = .006"."""
        effect, low, high = (f"{scale * value:{shown}}".replace("-", "−") for value in (self.effect, *self.interval))
        return f"{effect}{unit} [{low}, {high}], {p_text(self.p)}"


def p_text(p: float) -> str:
    """A p-value as it is written: "p = .73", "p = .006", "p < .001".

    >>> p_text(0.728), p_text(0.0064), p_text(0.0001), p_text(1.0)
    ('p = .73', 'p = .006', 'p < .001', 'p = 1')
    """
    if p < 0.001:
        return "p < .001"
    return "p = " + (f"{p:.2f}" if p >= 0.0995 else f"{p:.3f}").lstrip("0").replace("1.00", "1")


def compare_intervals(first: tuple[float, float], second: tuple[float, float]) -> Outcome:
    """Whether the first figure is larger ("better") or smaller than the second, by 95 % intervals that do not overlap.

    This is conservative: if there is no difference, it decides for one in less than 1 % of all cases.
    """
    if first[0] > second[1]:
        return "better"
    return "worse" if first[1] < second[0] else "not decided"


def holm(decisions: Sequence[Decision], *, pairs: int = 0) -> list[Decision]:
    """The decisions with p-values corrected for their number, in the same order.

    Args:
        pairs: the number of possible decisions, if these were chosen from more by the same figures.

    Source: Holm, "A simple sequentially rejective multiple test procedure", 1979.
    """
    count, largest, corrected = max(len(decisions), pairs), 0.0, list(decisions)
    for rank, place in enumerate(sorted(range(len(decisions)), key=lambda place: decisions[place].p)):
        largest = max(largest, min(1.0, (count - rank) * decisions[place].p))
        corrected[place] = replace(decisions[place], p=largest)
    return corrected


def checked_values(values: ArrayLike, thing: str, least: int = 1) -> Values:
    """(n,) finite values, at least `least` of them, else BadParameter."""
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or len(found) < least:
        raise BadParameter("number of values", thing, f"at least {least}, in one row", found.shape)
    if not np.isfinite(found).all():
        raise BadParameter("values", thing, "finite numbers", "NaN or Inf")
    return found


def checked_pairs(first: ArrayLike, second: ArrayLike, thing: str, least: int = 1) -> tuple[Values, Values]:
    """Two rows of finite values of the same length, else BadParameter."""
    one, other = checked_values(first, thing, least), checked_values(second, thing, least)
    if len(one) != len(other):
        raise BadParameter("number of values", thing, f"the same for both, {len(one)}", len(other))
    return one, other
