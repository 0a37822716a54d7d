"""The settings of runs against each other, over the seeds that each was trained with.

A run shows what its weights do; another seed gives others. Runs of two settings that were judged on the same pictures
are paired, mostly by their seed, which also draws the pictures, and the differences of the pairs decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean

from engine.collections.collection import Images
from engine.evaluation.statistics.decision import Decision, holm
from engine.evaluation.statistics.repeats import difference_over_seeds, shared_variance
from engine.evaluation.statistics.shares import variance_of_lead
from engine.runs.run import Run
from engine.training.judged import Judged, judged, knows_answers
from engine.training.seeds import of_the_same_settings, without_seed

_LEAST_SEEDS = 2
_Pair = tuple[Judged, Judged]


@dataclass(frozen=True)
class PlansCompared:
    """The settings of two of the runs, by their places, over `seeds` pairs of runs; `decision` is None for `reason`."""

    first: int
    second: int
    seeds: int
    decision: Decision | None
    reason: str = ""

    def sentence(self, titles: Sequence[str]) -> str:
        """Whether the settings of one search better, or why that is not decided; `titles` are of the runs."""
        one, other = titles[self.first], titles[self.second]
        if self.decision is None:
            return f"Whether the settings of {one} or those of {other} search better is not decided: {self.reason}"
        over, shown = f"over {self.seeds} seeds of each", self.decision
        if not shown.decided:
            return f"The settings of {one} or those of {other}: not decided {over} ({shown.text('+.3f')})."
        if shown.outcome == "worse":
            one, other, shown = other, one, shown.opposite
        return f"The settings of {one} search better than those of {other}, {over} ({shown.text('+.3f')})."


def compared_plans(runs: Sequence[Run], every: Sequence[Run], images: Images | None) -> tuple[PlansCompared, ...]:
    """The different settings of these runs against each other, with the finished ones of `every` that share them.

    Settings that were trained with a single seed are compared with none that were, too. p is corrected for the number
    of decisions.
    """
    settings = [without_seed(run) for run in runs]
    places = [place for place, own in enumerate(settings) if settings.index(own) == place]
    figures = {place: _judged(of_the_same_settings(runs[place], every), images) for place in places}
    asked = [pair for pair in combinations(figures, 2) if max(len(figures[place]) for place in pair) >= _LEAST_SEEDS]
    found = [_compared(first, second, figures[first], figures[second]) for first, second in asked]
    corrected = iter(holm([one.decision for one in found if one.decision is not None]))
    return tuple(one if one.decision is None else replace(one, decision=next(corrected)) for one in found)


def _judged(runs: Sequence[Run], images: Images | None) -> dict[int, Judged]:
    """The figures of runs by their seed, without those that were not measured or that know the answers."""
    found = {int(run.config.get("seed", 0)): judged(run, images) for run in runs if not knows_answers(run)}
    return {seed: one for seed, one in sorted(found.items()) if one is not None}


def _compared(first: int, second: int, ones: Mapping[int, Judged], others: Mapping[int, Judged]) -> PlansCompared:
    pairs = _paired(ones, others)
    if len(pairs) < _LEAST_SEEDS:
        common = {0: "no run", 1: "one run"}[len(pairs)]
        reason = f"{common} of each was judged on the same pictures, of labels that it did not learn."
        return PlansCompared(first, second, len(pairs), None, reason)
    return PlansCompared(first, second, len(pairs), _difference(pairs))


def _paired(ones: Mapping[int, Judged], others: Mapping[int, Judged]) -> list[_Pair]:
    """Runs judged on the same pictures by the same measure: those of equal seeds first, then in the order of seeds."""
    left, found = dict(others), list[_Pair]()
    for seed, one in sorted(ones.items(), key=lambda item: item[0] not in others):
        same = [key for key, other in left.items() if _same_questions(one, other)]
        if same:
            found.append((one, left.pop(seed if seed in same else same[0])))
    return found


def _same_questions(one: Judged, other: Judged) -> bool:
    return one.measure == other.measure and one.ids.tolist() == other.ids.tolist()


def _difference(pairs: Sequence[_Pair]) -> Decision:
    """Over seeds as a random effect, and pictures as one as far as the pairs were asked about the same."""
    differences = [one.kept - other.kept for one, other in pairs]
    leads = [one.single - other.single for one, other in pairs if one.single is not None and other.single is not None]
    if len(leads) == len(pairs):
        return difference_over_seeds(differences, shared_variance(leads, [one.ids for one, _ in pairs]))
    return difference_over_seeds(differences, _most_shared(pairs))


def _most_shared(pairs: Sequence[_Pair]) -> float:
    """The variance of a difference whose single results cannot be told, as if all pairs shared their pictures."""
    ones, others = (fmean(judged.kept for judged in side) for side in zip(*pairs, strict=True))
    return variance_of_lead(ones, others, min(len(one.ids) for one, _ in pairs))
