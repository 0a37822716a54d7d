"""Several runs side by side: the settings in which they differ, and which of them searches better.

Every run is judged by its kept weights on the pictures of its probe. Where runs were judged on the same pictures and
single results can be told, two runs are compared picture by picture, and the p-values are corrected for the number of
pairs; it is about these weights, not about another seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Images
from engine.core.errors import BadParameter
from engine.evaluation.statistics.decision import Decision, holm
from engine.evaluation.statistics.paired import paired_difference
from engine.evaluation.statistics.proportion import clopper_pearson, mean_share_interval
from engine.evaluation.statistics.shares import mean_shares
from engine.runs.epochs import kept_event
from engine.runs.run import Run
from engine.training.config import canonical_settings

MOST = 8  # runs at once
_BY_LABELS = "precision@8"
_ROUNDED = 1e-6  # a noted mean that differs by more is of other labels
_MISSING = "–"


@dataclass(frozen=True)
class Judged:
    """How a run searches with its kept weights.

    Attributes:
        measure: precision@8, or the share of altered copies found. untrained, kept: its means. interval: 95 %.
        ids: (p,) the pictures it was judged on. single: (p,) their precisions, None if they can no longer be told.
        epoch: whose weights are kept.
    """

    measure: str
    untrained: float
    kept: float
    interval: tuple[float, float]
    ids: NDArray[np.int64]
    single: NDArray[np.float64] | None
    epoch: int


@dataclass(frozen=True)
class ComparedRuns:
    """The runs with the settings that differ, (name, value of each run), and their figures, None where not measured.

    Attributes:
        pairs: (place, place, difference of the first from the second), corrected for the number of pairs.
        not_paired: why there are none, "" if there are.
    """

    runs: tuple[Run, ...]
    settings: tuple[tuple[str, tuple[Any, ...]], ...]
    figures: tuple[Judged | None, ...]
    pairs: tuple[tuple[int, int, Decision], ...]
    not_paired: str

    def sentences(self, titles: Sequence[str]) -> list[str]:
        """What is decided between each two, or why nothing is; `titles` are those under which the runs are shown."""
        if self.not_paired:
            return [self.not_paired]
        return [self._sentence(titles[first], titles[second], decision) for first, second, decision in self.pairs]

    @staticmethod
    def _sentence(one: str, other: str, decision: Decision) -> str:
        if not decision.decided:
            return f"{one} or {other}: not decided ({decision.text('+.3f')})."
        better, worse = (one, other) if decision.outcome == "better" else (other, one)
        shown = decision if decision.outcome == "better" else decision.opposite
        return f"{better} searches better than {worse} ({shown.text('+.3f')})."


def compared_runs(runs: Sequence[Run], images: Images | None) -> ComparedRuns:
    """The comparison of two to eight different runs on one collection.

    Args:
        images: of the collection, whose labels tell single results; None if it is gone.

    Raises:
        BadParameter: one run, too many, one twice, or runs on different collections. Corrupt: a run is damaged.
    """
    _check(runs)
    figures = tuple(judged(run, images) for run in runs)
    reason = _not_comparable(runs, figures)
    pairs = () if reason else tuple(_pairs([one for one in figures if one is not None]))
    return ComparedRuns(tuple(runs), tuple(_differing([run.config for run in runs])), figures, pairs, reason)


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


def judged(run: Run, images: Images | None) -> Judged | None:
    """The figures of a run's kept weights; None where retrieval was not measured."""
    measured = [event for event in run.events() if event.get("retrieval") is not None]
    kept, probe = kept_event(measured, run.card.get("best_epoch")), run.probe()
    if kept is None or probe is None or not len(probe.ids):
        return None
    mean, epoch = float(kept["retrieval"]), int(kept["epoch"])
    single = _single(run, epoch, mean, images)
    interval = _interval(mean, len(probe.ids), single, probe.measure)
    return Judged(probe.measure, float(measured[0]["retrieval"]), mean, interval, probe.ids, single, epoch)


def _interval(mean: float, count: int, single: NDArray[np.float64] | None, measure: str) -> tuple[float, float]:
    if single is not None:
        return mean_share_interval(single)
    if measure != _BY_LABELS:
        return clopper_pearson(round(mean * count), count)
    half = mean_shares(mean, 0.0, count).interval[1] - mean  # wider than that of precisions: they are no 0 or 1
    return max(0.0, mean - half), min(1.0, mean + half)


def _single(run: Run, epoch: int, mean: float, images: Images | None) -> NDArray[np.float64] | None:
    """(p,) precision@8 of each query picture; None if labels have changed, or pictures or samples are missing."""
    probe, watched = run.probe(), run.watched(epoch)
    if images is None or probe is None or watched is None or watched.neighbours is None:
        return None
    if probe.measure != _BY_LABELS or len(watched.neighbours) != len(probe.ids):
        return None
    labels = dict(zip(images.ids.tolist(), images.labels, strict=True))
    pairs = zip(probe.ids.tolist(), watched.neighbours.tolist(), strict=True)
    found = np.array([np.mean([labels.get(id) == labels.get(own, "") for id in near]) for own, near in pairs])
    return found if abs(found.mean() - mean) < _ROUNDED else None


def _not_comparable(runs: Sequence[Run], figures: Sequence[Judged | None]) -> str:
    """Why a test cannot compare the figures, "" if it can."""
    there = [one for one in figures if one is not None]
    if len(there) < len(figures):
        return "Retrieval was not measured in every run, so which searches better is not decided."
    if len({one.measure for one in there}) > 1:
        return "The runs were measured by different measures, so which searches better is not decided."
    if any(map(_knows_answers, runs)):
        return (
            "At least one run learned the labels of pictures that it is judged by, so which searches better is not "
            "decided. Hold pictures out of the training (validation share) to tell."
        )
    if any(not np.array_equal(one.ids, there[0].ids) for one in there):
        return (
            "The runs were measured on different pictures (seed, max. pictures or probe differ), so which searches "
            "better is not decided here: Compare measures their encoders on the same ones."
        )
    return ""


def _knows_answers(run: Run) -> bool:
    """Whether it learned labels, those of pictures that it is judged by among them."""
    return run.learned_labels and any(note["kind"] == "asked" and note.get("seen") for note in run.notes())


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
