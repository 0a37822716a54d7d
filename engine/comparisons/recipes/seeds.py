"""Trainings that differ by their seed alone: the means of their rows, and how far a seed moves them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.comparisons.recipes.experiment import ExperimentRow
from engine.comparisons.recipes.plan import ExperimentPlan, Training
from engine.core.settings import check_whole

SEEDS = 3  # of each training where several are asked for
MOST_SEEDS = 20
_MARK = " · seed "


@dataclass(frozen=True)
class OverSeeds:
    """The precision of one configuration over several seeds: `mean` and the sample standard `deviation`."""

    title: str
    embedding: str
    metric: str
    method: str
    seeds: int
    mean: float
    deviation: float


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

    It has the means of precision, of the lowest losses and of the hits for one picture; the rest is that of the first.
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
    return replace(
        first,
        title=first.title.partition(_MARK)[0],
        precision=float(np.mean([row.precision for row in rows])),
        losses=_mean_losses([row.losses or {} for row in rows]),
        single={**first.single, "hits": float(np.mean(hits))} if first.single else None,
    )


def _mean_losses(losses: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """The mean of each loss; None where it is not known of all."""
    found: dict[str, float | None] = {}
    for name in losses[0]:
        values = [value for one in losses if (value := one.get(name)) is not None]
        found[name] = float(np.mean(values)) if len(values) == len(losses) else None
    return found


def over_seeds(plan: ExperimentPlan, rows: Sequence[ExperimentRow]) -> list[OverSeeds]:
    """Each configuration whose training was repeated with other seeds, in the plan's order; measured rows only."""
    kept = {row.key: row for row in rows if not row.error}
    groups: dict[tuple[str, ...], list[ExperimentRow]] = {}
    for cell in plan.cells():
        if cell.training is not None and cell.key in kept:
            recipe = cell.recipe
            same = (_without_seed(cell.training), recipe.embedding, recipe.metric, recipe.method_text)
            groups.setdefault(same, []).append(kept[cell.key])
    return [_summed(found) for found in groups.values() if len(found) > 1]


def _summed(rows: Sequence[ExperimentRow]) -> OverSeeds:
    first, figures = rows[0], [row.precision for row in rows]
    choices = (first.title.partition(_MARK)[0], first.embedding, first.metric, first.method)
    return OverSeeds(*choices, len(rows), float(np.mean(figures)), float(np.std(figures, ddof=1)))


def _without_seed(training: Training) -> str:
    config = {name: value for name, value in training.config.items() if name not in ("seed", "name")}
    return json.dumps(config, sort_keys=True, default=str)
