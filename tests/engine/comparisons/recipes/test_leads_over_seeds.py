"""Which of several repeated trainings is best: decided over their seeds and the same queries, or not decided."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.comparisons.recipes.experiment import Experiment, create, unmeasured
from engine.comparisons.recipes.leads_over_seeds import leads_over_seeds
from engine.comparisons.recipes.plan import ExperimentPlan, Training
from engine.comparisons.recipes.report import seeds_verdict, to_html
from engine.comparisons.recipes.seeds import repeated
from engine.core.home import Home
from engine.evaluation.single_queries import SingleQueries

QUERIES = 200


def experiment(home: Path, *means: float, spread: float = 0.1, other_queries: bool = False) -> Experiment:
    """Trainings with three seeds each, whose precision is about these means and differs by seed by `spread` / 10."""
    trainings = tuple(Training(f"Model {model}", {"model": model}) for model in range(1, len(means) + 1))
    plan = repeated(ExperimentPlan("T", "c", (), trainings)).named("t")
    made = create(Home(home), plan)
    rng = np.random.default_rng(0)
    easier = rng.normal(0, 0.1, QUERIES)
    for cell in plan.cells():
        mean = means[int(cell.title.removeprefix("Model ")[0]) - 1]
        found = mean + easier + rng.normal(0, spread / 10) + rng.normal(0, spread, QUERIES)
        precisions = np.clip(np.round(8 * found), 0, 8) / 8
        ids = np.arange(QUERIES) + (other_queries and mean == means[0])
        queries = SingleQueries(ids, np.zeros((QUERIES, 8), dtype=np.int64), {"precision": precisions})
        figures = {"queries": QUERIES, "precision": float(precisions.mean()), "made_of": "pictures-encoder"}
        made.keep(made.keep_measured(unmeasured(cell, str(cell.recipe), **figures), queries))
    return made


def test_the_best_over_all_seeds_is_named(tmp_path: Path) -> None:
    made = experiment(tmp_path, 0.5, 0.7, 0.4)
    found = leads_over_seeds(made, made.rows())
    assert found.decided
    assert [one.cases for one in found.against.values()] == [3, 3]
    told = seeds_verdict(made, made.rows())
    assert told.startswith("Model 2 · max · cosine · exact: precision@8 0.6")
    assert "on average over 3 seeds, better than each of the 2 other configurations (p " in told
    assert told in to_html(made)


def test_seeds_that_differ_more_than_the_trainings_decide_nothing(tmp_path: Path) -> None:
    made = experiment(tmp_path, 0.5, 0.53, spread=0.4)
    assert not leads_over_seeds(made, made.rows()).decided
    assert seeds_verdict(made, made.rows()).startswith("Which configuration is best is not decided: ")


@pytest.mark.parametrize("measured", [4, 5])
def test_what_is_still_being_measured_is_compared_from_two_seeds_on(tmp_path: Path, measured: int) -> None:
    made = experiment(tmp_path, 0.5, 0.7)
    rows = made.rows()[:measured]
    found = leads_over_seeds(made, rows)
    assert [one.cases for one in found.against.values()] == ([2] if measured == 5 else [])
    assert bool(seeds_verdict(made, rows)) == (measured == 5)


def test_other_queries_are_refused(tmp_path: Path) -> None:
    made = experiment(tmp_path, 0.7, 0.5, other_queries=True)
    found = leads_over_seeds(made, made.rows())
    assert not found.against
    assert len(found.refused) == 1
