"""Trainings repeated with other seeds: their titles, and their figures together."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import mean, stdev

import pytest

from engine.comparisons.recipes.experiment import ExperimentRow, unmeasured
from engine.comparisons.recipes.findings import TITLES, table
from engine.comparisons.recipes.plan import ExperimentPlan, Training, report_tables
from engine.comparisons.recipes.report import report_hits, seeds_line
from engine.comparisons.recipes.seeds import means_over_seeds, over_seeds, repeated, with_seeds
from engine.core.errors import BadParameter

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
    assert seeds_line(found) == ["Model 1", "max", "cosine", "exact", "3", "0.810 ± 0.026", "0.744–0.876"]


def test_two_seeds_far_apart_leave_no_share_beyond_0_and_1() -> None:
    plan = planned()
    seeded = [row for row in measured(plan) if " · seed " in row.title][:2]
    rows = [replace(row, precision=precision) for row, precision in zip(seeded, (0.2, 0.9), strict=True)]
    [found] = over_seeds(plan, rows)
    assert found.interval == means_over_seeds(rows)[0].interval == (0.0, 1.0)


def test_one_seed_alone_has_no_deviation() -> None:
    plan = planned()
    rows = measured(plan)
    assert over_seeds(plan, rows[:2]) == []
    assert over_seeds(plan, []) == []


def test_every_training_of_a_plan_is_repeated() -> None:
    plan = report_tables("faces", seed=4)
    found = repeated(plan, 2)
    assert [one.title for one in found.trainings[:3]] == [
        "Model 1 · none · seed 4",
        "Model 1 · none · seed 5",
        "Model 2 · none · seed 4",
    ]
    assert found.repeats_the_report
    assert repeated(plan, 1) == plan
    for seeds in (0, 1000):
        with pytest.raises(BadParameter, match="number of seeds"):
            repeated(plan, seeds)


def test_the_tables_of_the_original_study_have_the_means_over_seeds() -> None:
    plan = repeated(report_tables("faces"), 3).named("t")
    rows = [
        unmeasured(cell, str(cell.recipe), precision=0.5 + 0.01 * n, losses={"mse": 0.1 * n, "ssim": None},
                   single={"query": 1, "hits": n})
        for cell in plan.cells() if (n := int(cell.title.rpartition(" ")[2])) < 3
    ]  # fmt: skip
    found = table(rows)
    assert len(found) == 36
    one = found["Model 2 · reduce on plateau", "max", "cosine"]
    assert one.precision == pytest.approx(0.51)
    assert one.losses == {"mse": pytest.approx(0.1), "ssim": None}
    assert one.single == {"query": 1, "hits": 1.0, "answers": []}
    assert [line[0] for line in report_hits(rows)[1:]] == list(TITLES)
    assert one.interval == pytest.approx((0.51 - 0.024841, 0.51 + 0.024841), abs=1e-5)  # 4.303 · .01 / √3, no queries
    assert (one.single_queries, one.worst) == ("", ())
    half = means_over_seeds([rows[0], replace(rows[1], single=None)])
    assert [row.title for row in half] == ["Model 1 · none"] * 2  # of two configurations


def test_a_mean_has_no_figure_of_the_first_seed_alone() -> None:
    first, other = [row for row in measured(planned()) if " · seed " in row.title][:2]
    first, other = replace(first, map=0.2, knn=0.4, per_class={"a": 0.2}), replace(other, map=0.4, per_class={"a": 0.6})
    [found] = means_over_seeds([replace(first, interval=(0.75, 0.85)), replace(other, interval=(0.80, 0.88))])
    assert (found.map, found.knn, found.per_class) == (pytest.approx(0.3), None, {"a": pytest.approx(0.4)})
    half = math.hypot(12.7062 * 0.02, (0.05 + 0.04) / 2)  # 0.02 = the deviation .0283 / √2
    assert found.interval == pytest.approx((0.82 - half, 1.0), abs=1e-4)  # no precision is above 1


def test_rows_without_seeds_stay_as_they_are() -> None:
    rows = [row for row in measured(planned()) if " · seed " not in row.title]
    assert means_over_seeds(rows) == rows
