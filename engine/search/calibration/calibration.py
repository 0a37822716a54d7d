"""What distances mean in one collection under one encoder: how likely chance is, and whether anything is similar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.core.humanize import count_of
from engine.evaluation.statistics.decision import Values
from engine.evaluation.statistics.lower_tail import LowerTail

Verdict = Literal["surely the same", "similar", "nothing similar here", "cannot tell"]
CONFIDENCE = ("percentile", "expected_by_chance", "probability")  # columns of a table of results
NEAREST = 5  # results that decide whether anything is similar
OFTEN = 0.2  # of the searches that deserve a verdict get it at least, else nobody is told it


@dataclass(frozen=True)
class Confidence:
    """How far the results of one query can be trusted, and why.

    Attributes:
        reason: one sentence. distances: of the results. calibration: what it rests on.
    """

    verdict: Verdict
    reason: str
    distances: tuple[float, ...]
    calibration: Calibration = field(repr=False, compare=False)

    @property
    def labelled(self) -> bool:
        """Whether the calibration is by labels."""
        return self.calibration.labelled

    @cached_property
    def percentiles(self) -> tuple[float, ...]:
        """Of each result, the share of random pairs of pictures that are as near."""
        return tuple(self.calibration.pairs.share(self.distances).tolist())

    @cached_property
    def expected(self) -> tuple[float, ...]:
        """Of each result, how many pictures of the collection are that near by chance."""
        return tuple(self.calibration.expected(self.distances).tolist())

    @cached_property
    def alike(self) -> tuple[float, ...]:
        """Of each result, the probability that it has the query's label; empty without labels."""
        known = self.calibration
        return tuple(np.interp(self.distances, known.distances, known.alike).tolist()) if len(known.distances) else ()

    def sentence(self) -> str:
        """The verdict and its reason, as "Nothing similar here: …"."""
        return f"{self.verdict[0].upper()}{self.verdict[1:]}: {self.reason}"

    def cells(self) -> list[list[str]]:
        """Of each result the cells under CONFIDENCE; without labels the last one is empty."""
        alike = [f"{chance:.4f}" for chance in self.alike] or [""] * len(self.percentiles)
        columns = zip(self.percentiles, self.expected, alike, strict=True)
        return [[f"{share:.6g}", f"{expected:.6g}", chance] for share, expected, chance in columns]

    def as_dict(self) -> dict[str, Any]:
        """For an export."""
        return {
            "verdict": self.verdict,
            "sentence": self.sentence(),
            "by_labels": self.labelled,
            "percentiles": list(self.percentiles),
            "expected_by_chance": list(self.expected),
            "probabilities": list(self.alike),
        }


@dataclass(frozen=True)
class Rates:
    """The shares of queries that get each verdict: of those with similar pictures in the collection, and without."""

    present: dict[Verdict, float]
    absent: dict[Verdict, float]


@dataclass(frozen=True)
class Calibration:
    """How distances of a collection are read, for one encoder, embedding and metric.

    A score is the mean of the h nearest distances; it is in row h − 1 of what follows. Each verdict is wrong for at
    most 5 % of the searches that do not deserve it. Where it is also right for few, it tells nothing: it is offered
    only where at least OFTEN of those that deserve it get it, so that, with and without similar pictures being as
    likely, it is wrong for at most one in five of those who are told it. Both bounds of a verdict hold together with a
    confidence of 95 %, each verdict taken by itself.

    Attributes:
        pictures: with a vector. labelled: whether labels were used.
        same_within: the distance up to which a result is the same picture, altered at most; negative for none.
        pairs: the distances of random pairs.
        present: (NEAREST, p): scores of pictures that have similar ones in the collection.
        absent: (NEAREST, a): likewise, with the similar ones taken out.
        far, near: (NEAREST,) what at most 5 % of pictures with similar ones exceed, and of those without fall below.
        offered: (2, NEAREST) whether "nothing similar here" and "similar" are said.
        altered: (m,) ascending distances of altered copies to their originals; m = 0 if none were made.
        distances, alike: (j,) the probability that a result at a distance has the query's label; j = 0 without labels.
    """

    pictures: int
    labelled: bool
    same_within: float
    pairs: LowerTail
    present: Values
    absent: Values
    far: Values
    near: Values
    offered: NDArray[np.bool_]
    altered: Values
    distances: Values
    alike: Values

    def expected(self, distances: ArrayLike) -> Values:
        """How many pictures of the collection are expected to be as near as each of these distances by chance."""
        return np.asarray(self.pictures * self.pairs.share(distances))

    def judge(self, distances: Sequence[float], itself: int | None = None) -> Confidence:
        """The confidence of results at these distances, nearest first; `itself` is the place of the query, if any."""
        others = [one for place, one in enumerate(distances) if place != itself]
        verdict = self.verdict(others)
        return Confidence(verdict, self._reason(verdict, others), tuple(distances), self)

    def verdict(self, distances: Sequence[float]) -> Verdict:
        """What (k,) ascending distances of results say about the collection."""
        if not len(distances) or not self.pairs.informative:
            return "cannot tell"
        if distances[0] <= self.same_within:
            return "surely the same"
        row, score = _score(distances)
        if score > self.far[row]:
            return "nothing similar here" if self.offered[0, row] else "cannot tell"
        return "similar" if score < self.near[row] and self.offered[1, row] else "cannot tell"

    def rates(self) -> Rates:
        """The shares of verdicts over the pictures that were calibrated on, by their NEAREST results."""
        return Rates(self._shares(self.present), self._shares(self.absent))

    def withheld(self) -> list[str]:
        """Why a verdict on five results is never told, as sentences; none where both are."""
        verdicts: tuple[Verdict, Verdict] = ("nothing similar here", "similar")
        found = [verdict for verdict, said in zip(verdicts, self.offered[:, -1], strict=True) if not said]
        return [self._withheld(verdict) for verdict in found]

    def _withheld(self, verdict: Verdict) -> str:
        kinds = ("without", "with") if verdict == "nothing similar here" else ("with", "without")
        right, wrong = self._told(verdict, -1)
        told = f"it would be of {right} of searches {kinds[0]} similar pictures and, wrongly, of {wrong} {kinds[1]}"
        return f"“{verdict[0].upper()}{verdict[1:]}” is never told: {told}."

    @property
    def copies_found(self) -> float | None:
        """The share of altered copies that are told to be the same picture; None if none were made."""
        return float(np.mean(self.altered <= self.same_within)) if len(self.altered) else None

    def as_dict(self) -> dict[str, Any]:
        """The error rates, the limits and the curves, for an export."""
        rates = self.rates()
        return {
            "pictures": self.pictures,
            "by_labels": self.labelled,
            "with_similar_pictures": rates.present,
            "without_similar_pictures": rates.absent,
            "same_within": self.same_within,
            "altered_copies_found": self.copies_found,
            "nothing_beyond": _finite(self.far),
            "similar_within": _finite(self.near),
            "nothing_is_said": self.offered[0].tolist(),
            "similar_is_said": self.offered[1].tolist(),
            "probability_of_the_label": [self.distances.tolist(), self.alike.tolist()],
        }

    def _shares(self, scores: Values) -> dict[Verdict, float]:
        last, (says_nothing, says_similar) = scores[-1], self.offered[:, -1]
        nothing = float(np.mean(says_nothing & (last > self.far[-1]))) if len(last) else 0.0
        similar = float(np.mean(says_similar & (last <= self.far[-1]) & (last < self.near[-1]))) if len(last) else 0.0
        return {"similar": similar, "nothing similar here": nothing, "cannot tell": 1 - similar - nothing}

    def _reason(self, verdict: Verdict, distances: Sequence[float]) -> str:
        if not len(distances):
            return "there are no results."
        if not self.pairs.informative:
            return "this encoder sees most pictures of the collection as equal."
        if verdict == "surely the same":
            return f"as near as an altered version of the picture; by chance {self._by_chance(distances[0])} would be."
        one = "a picture of the same label" if self.labelled else "a similar picture"
        if verdict == "nothing similar here":
            return f"the results are farther than those of at least 95 % of searches with {one} in the collection."
        if verdict == "similar":
            return f"the results are nearer than those of at least 95 % of searches without {one} in the collection."
        if not (np.isfinite(self.far[-1]) and np.isfinite(self.near[-1])):
            return "that takes some seventy pictures with similar ones, and as many without."
        return self._undecided(distances, one)

    def _undecided(self, distances: Sequence[float], one: str) -> str:
        """Why results between the limits, or beyond one whose verdict is not offered, tell nothing."""
        row, score = _score(distances)
        if score > self.far[row]:
            right, wrong = self._told("nothing similar here", row)
            return f"as far are those of {right} of searches without {one} in the collection, and of {wrong} with one."
        if score < self.near[row]:
            right, wrong = self._told("similar", row)
            return f"as near are those of {right} of searches with {one} in the collection, and of {wrong} without one."
        return f"results as near as these come with and without {one} in the collection."

    def _told(self, verdict: Verdict, row: int) -> tuple[str, str]:
        """The shares of searches that a verdict is right for and that are beyond its limit, and of the others."""
        if verdict == "similar":
            right, wrong = self.present[row] < self.near[row], self.absent[row] < self.near[row]
        else:
            right, wrong = self.absent[row] > self.far[row], self.present[row] > self.far[row]
        shares = [f"{100 * told.mean():.0f} %" if len(told) else "none" for told in (right, wrong)]
        return shares[0], shares[1]

    def _by_chance(self, distance: float) -> str:
        chance = float(self.expected(distance))
        return f"{chance:.2g} of {count_of(self.pictures, 'picture')}" if chance >= 0.001 else "fewer than 0.001"


def _score(distances: Sequence[float]) -> tuple[int, float]:
    """The row of the limits for so many results, and the mean of the nearest."""
    nearest = distances[:NEAREST]
    return len(nearest) - 1, sum(nearest) / len(nearest)


def _finite(limits: Values) -> list[float | None]:
    """The limits for JSON, which knows no infinity."""
    return [float(limit) if np.isfinite(limit) else None for limit in limits]
