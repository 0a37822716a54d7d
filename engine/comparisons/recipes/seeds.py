"""Trainings that differ by their seed alone: the means of their rows, and how far a seed moves them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.comparisons.recipes.experiment import ExperimentRow
from engine.comparisons.recipes.plan import ExperimentPlan, Training
from engine.core.settings import check_whole
from engine.evaluation.statistics.repeats import mean_interval
from engine.training.seeds import MOST_SEEDS

SEEDS = 3  # of each training where several are asked for
_MARK = " · seed "
_AVERAGED = (
    *("precision", "chance", "map", "map_at_k", "recall", "milliseconds", "megabytes", "examined", "ceiling"),
    *("hit_1", "hit_5", "hit_10", "r_precision", "map_at_r", "ndcg", "knn", "probe"),
)


@dataclass(frozen=True)
class OverSeeds:
    """The precision of one configuration over several seeds: `mean` and the sample standard `deviation`.

    `interval` is the 95 % interval of the mean, for other seeds and other queries; `key` that of the first row.
    """

    key: str
    title: str
    embedding: str
    metric: str
    method: str
    seeds: int
    mean: float
    deviation: float
    interval: tuple[float, float]

    @property
    def choices(self) -> tuple[str, str, str, str]:
        """What was repeated: title, pooling, distance and method."""
        return self.title, self.embedding, self.metric, self.method


def with_seeds(training: Training, seeds: int = SEEDS) -> list[Training]:
    """The training with as many seeds, from its own on; the titles say which."""
    first = int(training.config.get("seed") or 0)
    return [
        Training(f"{training.title}{_MARK}{first + n}", {**training.config, "seed": first + n}, training.note)
        for n in range(seeds)
    ]


def repeated(plan: ExperimentPlan, seeds: int = SEEDS) -> ExperimentPlan:
    """The plan with each of its trainings repeated with as many seeds; BadParameter for none, or more than a few."""
    check_whole("number of seeds", "a comparison", seeds, 1, MOST_SEEDS)
    trainings = [one for training in plan.trainings for one in with_seeds(training, seeds)]
    return replace(plan, trainings=tuple(trainings)) if seeds > 1 else plan


def means_over_seeds(rows: Sequence[ExperimentRow]) -> list[ExperimentRow]:
    """The rows, with those of one configuration under several seeds as one, under the title without the seed.

    It has the means of all figures that every seed has, the interval of the mean precision for other seeds and other
    queries, and no single results: the rest is that of the first.
    """
    groups: dict[tuple[str, ...], list[ExperimentRow]] = {}
    for row in rows:
        title, mark, _ = row.title.partition(_MARK)
        parts = (title, row.embedding, row.metric, row.method) if mark else (row.key,)
        groups.setdefault(parts, []).append(row)
    return [_mean(found) if _MARK in found[0].title else found[0] for found in groups.values()]


def _mean(rows: Sequence[ExperimentRow]) -> ExperimentRow:
    first = rows[0]
    hits = [row.single["hits"] for row in rows if row.single]
    means: dict[str, Any] = {name: _mean_of([getattr(row, name) for row in rows]) for name in _AVERAGED}
    return replace(
        first,
        **means,
        title=first.title.partition(_MARK)[0],
        interval=_interval(rows),
        per_class={label: float(np.mean([row.per_class[label] for row in rows])) for label in _shared_labels(rows)},
        losses=_mean_losses([row.losses or {} for row in rows]),
        single={"query": first.single["query"], "hits": float(np.mean(hits)), "answers": []} if first.single else None,
        worst=(),
        single_queries="",
    )


def _shared_labels(rows: Sequence[ExperimentRow]) -> list[str]:
    return [label for label in rows[0].per_class if all(label in row.per_class for row in rows)]


def _mean_of(values: Sequence[float | None]) -> float | None:
    """The mean; None where one is not known."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def _mean_losses(losses: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """The mean of each loss; None where it is not known of all."""
    return {name: _mean_of([one.get(name) for one in losses]) for name in losses[0]}


def over_seeds(plan: ExperimentPlan, rows: Sequence[ExperimentRow]) -> list[OverSeeds]:
    """Each configuration whose training was repeated with other seeds, in the plan's order; measured rows only."""
    return [_summed(found) for found in seeded(plan, rows)]


def seeded(plan: ExperimentPlan, rows: Sequence[ExperimentRow]) -> list[list[ExperimentRow]]:
    """The measured rows of each configuration that has several seeds, in the plan's order."""
    kept = {row.key: row for row in rows if not row.error}
    groups: dict[tuple[str, ...], list[ExperimentRow]] = {}
    for cell in plan.cells():
        if cell.training is not None and cell.key in kept:
            recipe = cell.recipe
            same = (_without_seed(cell.training), recipe.embedding, recipe.metric, recipe.method_text)
            groups.setdefault(same, []).append(kept[cell.key])
    return [found for found in groups.values() if len(found) > 1]


def _summed(rows: Sequence[ExperimentRow]) -> OverSeeds:
    first, figures = rows[0], [row.precision for row in rows]
    choices = (first.title.partition(_MARK)[0], first.embedding, first.metric, first.method)
    return OverSeeds(
        first.key, *choices, len(rows), float(np.mean(figures)), float(np.std(figures, ddof=1)), _interval(rows)
    )


def _interval(rows: Sequence[ExperimentRow]) -> tuple[float, float]:
    """The 95 % interval of the mean precision, within the 0 to 1 of a share: with two seeds Student's t is 12.7."""
    low, high = mean_interval([row.precision for row in rows], [row.interval for row in rows])
    return max(0.0, low), min(1.0, high)


def _without_seed(training: Training) -> str:
    config = {name: value for name, value in training.config.items() if name not in ("seed", "name")}
    return json.dumps(config, sort_keys=True, default=str)
