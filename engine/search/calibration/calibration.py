"""What distances mean in one collection under one encoder: how likely chance is, and whether any result is similar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.core.humanize import count_of, percent
from engine.evaluation.statistics.decision import Values
from engine.evaluation.statistics.lower_tail import LowerTail

Verdict = Literal["surely the same", "similar", "nothing similar here", "cannot tell"]
CONFIDENCE = ("percentile", "expected_by_chance", "probability")  # columns of a table of results
NEAREST = 5  # results whose mean distance decides whether anything is similar
OFTEN = 0.2  # a verdict is offered only if it is given to at least this share of the searches it is right for


@dataclass(frozen=True)
class Confidence:
    """How far the results of one query can be trusted, and why.

    Attributes:
        reason: one sentence. distances: of the results. calibration: the one it is based on.
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
    """The shares of queries that get each verdict: those with similar pictures (`present`) and without (`absent`)."""

    present: dict[Verdict, float]
    absent: dict[Verdict, float]


@dataclass(frozen=True)
class Calibration:
    """How to interpret the distances of a collection, for one encoder, embedding and metric.

    A score is the mean of the h nearest distances; row h − 1 of the arrays below is about scores of h distances. Each
    verdict is given to at most 5 % of the searches for which it is wrong. A verdict that is also rarely given where it
    is right would be uninformative: it is only offered if at least OFTEN of the searches for which it is right get it.
    If searches with and without similar pictures are equally likely, at most one in five given verdicts is then wrong.
    For each verdict by itself, both bounds hold together with a confidence of 95 %.

    Attributes:
        pictures: how many have a vector. labelled: whether labels were used.
        same_within: the distance up to which a result counts as the same, possibly altered picture; negative for none.
        pairs: the distribution of distances of random pairs.
        present: (NEAREST, p) scores of pictures that have similar ones in the collection.
        absent: (NEAREST, a) scores with the similar pictures left out.
        far, near: (NEAREST,) exceeded by at most 5 % of `present` scores; at most 5 % of `absent` scores are below.
        offered: (2, NEAREST) whether the verdicts "nothing similar here" and "similar" are offered.
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
        """How many pictures of the collection are expected within each of these distances by chance."""
        return np.asarray(self.pictures * self.pairs.share(distances))

    def judge(self, distances: Sequence[float], itself: int | None = None) -> Confidence:
        """The confidence of results at these distances, nearest first; `itself` is the index of the query, if any."""
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
        """The shares of verdicts over the pictures used for calibration, by their NEAREST results."""
        return Rates(self._shares(self.present), self._shares(self.absent))

    def withheld(self) -> list[str]:
        """A sentence for each verdict on five results that is not offered, with the reason."""
        verdicts: tuple[Verdict, Verdict] = ("nothing similar here", "similar")
        missing = [verdict for verdict, offered in zip(verdicts, self.offered[:, -1], strict=True) if not offered]
        return [self._why_withheld(verdict) for verdict in missing]

    def _why_withheld(self, verdict: Verdict) -> str:
        kinds = ("without", "with") if verdict == "nothing similar here" else ("with", "without")
        right, wrong = self._beyond_limit(verdict, -1)
        shares = f"{right} of searches {kinds[0]} similar pictures and, wrongly, to {wrong} of those {kinds[1]}"
        return f"“{verdict[0].upper()}{verdict[1:]}” is never given: it would be given to {shares}."

    @property
    def copies_found(self) -> float | None:
        """The share of altered copies that are recognised as the same picture; None if none were made."""
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
            return "to this encoder, most pictures of the collection look the same."
        if verdict == "surely the same":
            chance = self._by_chance(distances[0])
            return f"the nearest is as near as an altered version of the picture; by chance, {chance} would be."
        one = "a picture of the same label" if self.labelled else "a similar picture"
        if verdict == "nothing similar here":
            return f"the results are farther than those of at least 95 % of searches with {one} in the collection."
        if verdict == "similar":
            return f"the results are nearer than those of at least 95 % of searches without {one} in the collection."
        if not (np.isfinite(self.far[-1]) and np.isfinite(self.near[-1])):
            return "a verdict needs about seventy pictures with similar ones, and as many without."
        return self._undecided(distances, one)

    def _undecided(self, distances: Sequence[float], one: str) -> str:
        """Why results between the limits, or beyond one whose verdict is not offered, do not decide."""
        row, score = _score(distances)
        if score > self.far[row]:
            right, wrong = self._beyond_limit("nothing similar here", row)
            return f"results are this far in {right} of searches without {one} in the collection, in {wrong} with one."
        if score < self.near[row]:
            right, wrong = self._beyond_limit("similar", row)
            return f"results are this near in {right} of searches with {one} in the collection, in {wrong} without."
        return f"results at such distances occur with and without {one} in the collection."

    def _beyond_limit(self, verdict: Verdict, row: int) -> tuple[str, str]:
        """The shares of searches beyond the limit of a verdict: of those it is right for, and of the others."""
        if verdict == "similar":
            right, wrong = self.present[row] < self.near[row], self.absent[row] < self.near[row]
        else:
            right, wrong = self.absent[row] > self.far[row], self.present[row] > self.far[row]
        shares = [percent(beyond.mean()) if len(beyond) else "none" for beyond in (right, wrong)]
        return shares[0], shares[1]

    def _by_chance(self, distance: float) -> str:
        chance = float(self.expected(distance))
        return f"{chance:.2g} of {count_of(self.pictures, 'picture')}" if chance >= 0.001 else "fewer than 0.001"


def _score(distances: Sequence[float]) -> tuple[int, float]:
    """The row of the limits for this number of results, and the mean of the nearest distances."""
    nearest = distances[:NEAREST]
    return len(nearest) - 1, sum(nearest) / len(nearest)


def _finite(limits: Values) -> list[float | None]:
    """The limits for JSON, which has no infinity."""
    return [float(limit) if np.isfinite(limit) else None for limit in limits]
