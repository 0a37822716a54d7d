"""Trainings repeated with other seeds: their titles, and their figures together."""

from __future__ import annotations

from statistics import mean, stdev

import pytest

from engine.comparisons.recipes.experiment import ExperimentRow, unmeasured
from engine.comparisons.recipes.plan import ExperimentPlan, Training
from engine.comparisons.recipes.report import seeds_line
from engine.comparisons.recipes.seeds import over_seeds, with_seeds

FIGURES = {"0": 0.8, "1": 0.84, "2": 0.79}


def planned() -> ExperimentPlan:
    first, other = (Training(f"Model {model}", {"model": model, "epochs": 3}) for model in (1, 2))
    return ExperimentPlan("T", "c", ("raw-pixels",), (*with_seeds(first), other)).named("t")


def measured(plan: ExperimentPlan) -> list[ExperimentRow]:
    return [
        unmeasured(cell, str(cell.recipe), queries=20, precision=FIGURES.get(cell.title.rpartition(" ")[2], 0.5))
        for cell in plan.cells()
    ]


def test_seeds_differ_in_nothing_else() -> None:
    found = with_seeds(Training("Model 1", {"model": 1, "seed": 7}))
    assert [one.title for one in found] == ["Model 1 · seed 7", "Model 1 · seed 8", "Model 1 · seed 9"]
    assert [one.config for one in found] == [{"model": 1, "seed": seed} for seed in (7, 8, 9)]


def test_only_trainings_that_differ_by_the_seed_are_summed_up() -> None:
    plan = planned()
    [found] = over_seeds(plan, measured(plan))
    assert (found.title, found.seeds) == ("Model 1", 3)
    assert found.mean == pytest.approx(mean(FIGURES.values()))
    assert found.deviation == pytest.approx(stdev(FIGURES.values()))
    assert seeds_line(found) == ["Model 1", "max", "cosine", "exact", "3", "0.810 ± 0.026"]


def test_one_seed_alone_has_no_deviation() -> None:
    plan = planned()
    rows = measured(plan)
    assert over_seeds(plan, rows[:2]) == []
    assert over_seeds(plan, []) == []
