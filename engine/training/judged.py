"""How a run searches with its kept weights, and whether two runs were judged by the same pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Images
from engine.evaluation.statistics.proportion import clopper_pearson, mean_share_interval
from engine.evaluation.statistics.shares import mean_shares
from engine.runs.epochs import kept_event
from engine.runs.run import Run

_BY_LABELS = "precision@8"
_ROUNDED = 1e-6  # a noted mean that differs by more is of other labels


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


def not_comparable(runs: Sequence[Run], figures: Sequence[Judged | None]) -> str:
    """Why a test cannot compare the figures, "" if it can."""
    there = [one for one in figures if one is not None]
    if len(there) < len(figures):
        return "Retrieval was not measured in every run, so which searches better is not decided."
    if len({one.measure for one in there}) > 1:
        return "The runs were measured by different measures, so which searches better is not decided."
    if any(map(knows_answers, runs)):
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


def knows_answers(run: Run) -> bool:
    """Whether it learned labels, those of pictures that it is judged by among them."""
    return run.learned_labels and any(note["kind"] == "asked" and note.get("seen") for note in run.notes())
