"""Trainings that differ by their seed alone: the mean of their rows, and how far a seed moves it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.comparisons.recipes.experiment import ExperimentRow
from engine.comparisons.recipes.plan import ExperimentPlan, Training

SEEDS = 3  # of each training where several are asked for
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
