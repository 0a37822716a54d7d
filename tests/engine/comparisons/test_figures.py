"""How well encoders were measured to see a collection, from jobs and comparisons on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.comparisons.figures import Figure, encoder_figures
from engine.comparisons.recipes.experiment import create, unmeasured
from engine.comparisons.recipes.plan import ExperimentPlan
from engine.core.home import Home
from engine.core.storage import write_json

PRECISION = "precision@8"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def quick_job(home: Home, number: int, figures: dict[str, float], judged_by: str = PRECISION, **value: Any) -> None:
    folder = home.jobs / f"20990101-00000{number}-000-quick"
    write_json(folder / "config.json", {"kind": "quick", "title": "", "arguments": {}, "started": 0.0})
    found = [{"encoder": name, "embedding": "avg", "figure": figure} for name, figure in figures.items()]
    result = {"collection": "shapes", "judged_by": judged_by, "rows": found} | value
    write_json(folder / "result.json", {"state": "done", "value": result})


def compared(home: Home, collection: str, figures: dict[str, float]) -> None:
    experiment = create(home, ExperimentPlan("Compared", collection, tuple(figures), embeddings=("max",)))
    for cell in experiment.plan.cells():
        row = unmeasured(cell, str(cell.recipe), queries=5, precision=figures[cell.recipe.encoder])
        experiment.keep(row)


def test_nothing_was_measured(home: Home) -> None:
    assert encoder_figures(home, "shapes") == {}


def test_the_best_row_of_the_newest_quick_comparison(home: Home) -> None:
    quick_job(home, 1, {"raw-pixels": 0.9})
    assert encoder_figures(home, "shapes") == {"raw-pixels": Figure(0.9, PRECISION, "avg")}
    quick_job(home, 2, {"raw-pixels": 0.5, "hog": 0.4})
    quick_job(home, 3, {"raw-pixels": 1.0}, collection="others")
    assert {name: found.value for name, found in encoder_figures(home, "shapes").items()} == {
        "raw-pixels": 0.5,
        "hog": 0.4,
    }


def test_comparisons_fill_the_gaps_if_they_judge_alike(home: Home) -> None:
    compared(home, "shapes", {"hog": 0.7, "raw-pixels": 0.8})
    compared(home, "others", {"glcm": 0.9})
    assert encoder_figures(home, "shapes")["hog"] == Figure(0.7, PRECISION, "max")
    quick_job(home, 1, {"raw-pixels": 0.3})
    found = encoder_figures(home, "shapes")
    assert {name: figure.value for name, figure in found.items()} == {"raw-pixels": 0.3, "hog": 0.7}
    quick_job(home, 2, {"raw-pixels": 0.6}, "altered pictures found")
    assert list(encoder_figures(home, "shapes")) == ["raw-pixels"], "the two measures cannot be compared"


@pytest.mark.parametrize("broken", [{"rows": [{}]}, {"rows": None}, {"rows": [{"encoder": "hog", "figure": "high"}]}])
def test_a_damaged_result_is_passed_over(home: Home, broken: dict[str, Any]) -> None:
    quick_job(home, 2, {}, **broken)
    assert encoder_figures(home, "shapes") == {}
