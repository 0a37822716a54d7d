"""Several runs side by side: the settings in which they differ, and which of them searches better.

Every run is judged by its kept weights on the pictures of its probe. Where runs were judged on the same pictures and
single results can be told, two runs are compared picture by picture, and the p-values are corrected for the number of
pairs; that is about these weights. What holds for other seeds is told by the runs that differ in their seed alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from engine.collections.collection import Images
from engine.core.errors import BadParameter
from engine.evaluation.statistics.decision import Decision, holm
from engine.evaluation.statistics.paired import paired_difference
from engine.evaluation.statistics.shares import mean_shares
from engine.runs.run import Run
from engine.training.config import canonical_settings
from engine.training.judged import Judged, judged, not_comparable
from engine.training.plans_compared import PlansCompared, compared_plans

MOST = 8  # runs at once
_MISSING = "–"


@dataclass(frozen=True)
class ComparedRuns:
    """The runs with the settings that differ, (name, value of each run), and their figures, None where not measured.

    Attributes:
        pairs: (place, place, difference of the first from the second), corrected for the number of pairs.
        not_paired: why there are none, "" if there are. plans: settings against settings, over several seeds.
    """

    runs: tuple[Run, ...]
    settings: tuple[tuple[str, tuple[Any, ...]], ...]
    figures: tuple[Judged | None, ...]
    pairs: tuple[tuple[int, int, Decision], ...]
    not_paired: str
    plans: tuple[PlansCompared, ...] = ()

    def sentences(self, titles: Sequence[str]) -> list[str]:
        """What is decided between each two, or why nothing is; `titles` are those under which the runs are shown."""
        of_runs = [self._sentence(titles[first], titles[second], decision) for first, second, decision in self.pairs]
        return [*filter(None, [self.not_paired]), *of_runs, *(one.sentence(titles) for one in self.plans)]

    @staticmethod
    def _sentence(one: str, other: str, decision: Decision) -> str:
        if not decision.decided:
            return f"{one} or {other}: not decided ({decision.text('+.3f')})."
        better, worse = (one, other) if decision.outcome == "better" else (other, one)
        shown = decision if decision.outcome == "better" else decision.opposite
        return f"{better} searches better than {worse} ({shown.text('+.3f')})."


def compared_runs(runs: Sequence[Run], images: Images | None, every: Sequence[Run] = ()) -> ComparedRuns:
    """The comparison of two to eight different runs on one collection.

    Args:
        images: of the collection, whose labels tell single results; None if it is gone. every: all runs there are,
            newest first, of which those that share the settings of a run with other seeds are taken in.

    Raises:
        BadParameter: one run, too many, one twice, or runs on different collections. Corrupt: a run is damaged.
    """
    _check(runs)
    figures = tuple(judged(run, images) for run in runs)
    reason = not_comparable(runs, figures)
    pairs = () if reason else tuple(_pairs([one for one in figures if one is not None]))
    plans = compared_plans(runs, every or runs, images)
    return ComparedRuns(tuple(runs), tuple(_differing([run.config for run in runs])), figures, pairs, reason, plans)


def _check(runs: Sequence[Run]) -> None:
    names = [run.name for run in runs]
    if not 2 <= len(set(names)) == len(names) <= MOST:
        raise BadParameter("runs", "a comparison", f"two to {MOST} different ones", ", ".join(names) or "none")
    made_of = {(run.trained_on, run.card.get("collection", {}).get("fingerprint")) for run in runs}
    if len({name for name, _ in made_of}) > 1:
        found = ", ".join(f"{run.title} on {run.trained_on or 'an unknown one'}" for run in runs)
        raise BadParameter("runs", "a comparison", "all on one collection: figures of others cannot be compared", found)
    if len(made_of) > 1:
        wanted = "all on the same pictures: the collection has changed between them"
        raise BadParameter("runs", "a comparison", wanted, ", ".join(names))


def _pairs(figures: Sequence[Judged]) -> list[tuple[int, int, Decision]]:
    places = list(combinations(range(len(figures)), 2))
    decisions = [_difference(figures[first], figures[second]) for first, second in places]
    return [(*pair, decision) for pair, decision in zip(places, holm(decisions), strict=True)]


def _difference(first: Judged, second: Judged) -> Decision:
    if first.single is not None and second.single is not None:
        return paired_difference(first.single, second.single)
    return mean_shares(first.kept, second.kept, len(first.ids))


def _differing(configs: Sequence[dict[str, Any]]) -> list[tuple[str, tuple[Any, ...]]]:
    """The settings whose values differ between the runs, those of the schedule one by one."""
    flat = [_flat(canonical_settings(config)) for config in configs]
    names = dict.fromkeys(name for config in flat for name in config)
    rows = [(name, tuple(config.get(name, _MISSING) for config in flat)) for name in names]
    return [(name, values) for name, values in rows if len(set(map(str, values))) > 1]


def _flat(config: dict[str, Any]) -> dict[str, Any]:
    """The settings in one level; one of the schedule called like another, such as patience, follows its name."""
    own = {name: value for name, value in config.items() if name != "options"}
    options = dict(config.get("options") or {})
    return own | {f"{config['schedule']} {name}" if name in own else name: value for name, value in options.items()}
