"""Plans: what their cells are, the report's nine rows, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.comparisons.recipes.plan import ExperimentPlan, Training, report_tables
from engine.core.errors import BadParameter


def plan(**changes: Any) -> ExperimentPlan:
    given: dict[str, Any] = {
        "title": "Colours",
        "collection": "colours",
        "encoders": ("colour-histogram", "model-4@default"),
        "trainings": (Training("Model 1", {"model": 1, "size": 32}),),
        "embeddings": ("flatten", "max"),
        "methods": ("exact", "lsh(bits=8)"),
    }
    return ExperimentPlan(**given | changes)


def test_a_cell_for_every_combination_in_order() -> None:
    cells = plan().named("colours").cells()
    assert [str(cell.recipe) for cell in cells[:4]] == [
        f"colours/colour-histogram/{e}/cosine/{m}/8" for e in ("flatten", "max") for m in ("exact", "lsh(bits=8)")
    ]
    assert [cell.recipe.weights for cell in cells[::4]] == ["", "default", "colours-1"]
    assert len({cell.key for cell in cells}) == 12
    assert cells[-1].training is not None


def test_a_key_changes_with_what_is_measured_and_with_nothing_else() -> None:
    first = plan().cells()[0].key
    assert plan(title="Other", encoders=("colour-histogram",)).cells()[0].key == first
    keys = {plan(**change).cells()[0].key for change in ({"k": 5}, {"query": 3}, {"queries": 9}, {"seed": 1})}
    assert len(keys | {first}) == 5
    other = replace(plan().trainings[0], config={"model": 1, "size": 64})
    assert plan(trainings=(other,)).cells()[-1].key != plan().cells()[-1].key


def test_there_and_back() -> None:
    made = plan(query=3, queries=10).named("x")
    assert ExperimentPlan.from_dict(made.as_dict()) == made


def test_the_report_has_nine_rows_and_36_cells() -> None:
    made = report_tables("faces", size=160, sizes={4: 224}, epochs=3, batch=16)
    assert (len(made.cells()), made.repeats_the_report) == (36, True)
    sizes = {training.config["model"]: training.config["size"] for training in made.trainings}
    assert sizes == {1: 160, 2: 160, 3: 160, 4: 224}
    assert {training.config["batch"] for training in made.trainings} == {16}
    assert not replace(made, trainings=made.trainings[1:]).repeats_the_report


def test_the_nearest_size_that_fits_is_taken_and_said() -> None:
    notes = {t.config["model"]: (t.config["size"], t.note) for t in report_tables("faces", size=150).trainings}
    assert notes[2] == (160, "160 px, the nearest to 150 that it reconstructs exactly.")
    assert notes[4][1].endswith("the latent is 1×1: flatten and max pool give the same vector.")


@pytest.mark.parametrize(
    "change",
    [
        {"title": " "},
        {"title": None},
        {"collection": ""},
        {"encoders": (), "trainings": ()},
        {"encoders": "model-4"},
        {"encoders": (3,)},
        {"encoders": ("../x",)},
        {"trainings": ({"model": 1},)},
        {"embeddings": ()},
        {"metrics": ("manhattan",)},
        {"methods": ("lsh(",)},
        {"k": 0},
        {"k": True},
        {"queries": 0},
        {"query": -1},
        {"seed": -1},
        {"methods": tuple(f"lsh(bits={n})" for n in range(1, 500))},
    ],
)
def test_impossible_plans_get_one_sentence(change: dict[str, Any]) -> None:
    with pytest.raises(BadParameter, match=r"^The .* must be .*; got .*\.$"):
        plan(**change)


def test_odd_dictionaries_are_refused() -> None:
    for odd in ({"surprise": 1}, {"trainings": [3]}, {"trainings": [{"title": "x", "config": {"model": 9}}]}, {}):
        with pytest.raises(BadParameter):
            ExperimentPlan.from_dict({**plan().as_dict(), **odd} if odd else {})
