"""A comparison that was measured: its table, its charts, its end and its exports."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from streamlit.testing.v1 import AppTest

from engine.comparisons.recipes.experiment import Experiment, ExperimentRow, create, pictures_digest, unmeasured
from engine.comparisons.recipes.leads import leads
from engine.comparisons.recipes.plan import ExperimentPlan, Training, report_tables
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.evaluation.single_queries import SingleQueries
from engine.workbench.cost import ExperimentCost
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import HOSTILE, job, labels, texts, visited
from tests.ui.pages.compare.conftest import visit
from ui.comparisons.state import exported, seen
from ui.pages.compare.charts import labels_of, spoken_precision
from ui.pages.compare.row import in_words, worst_tiles
from ui.pages.compare.state import EXPERIMENTS, names_of
from ui.pages.compare.table import table_data
from ui.session import opened as state
from ui.widgets.gallery import thumbnail_url


def plan(**changes: Any) -> ExperimentPlan:
    encoders = ("raw-pixels", "colour-histogram")
    return ExperimentPlan(**{"title": "First look", "collection": "shapes", "encoders": encoders, **changes})


def measured(experiment: Experiment, *precisions: float | str) -> list[ExperimentRow]:
    """Write a row for each of the first cells: a precision, or the text of an error."""
    found = []
    for number, (cell, value) in enumerate(zip(experiment.plan.cells(), precisions, strict=False)):
        if isinstance(value, str):
            row = unmeasured(cell, str(cell.recipe), error=value)
        else:
            worst = {"query": 1, "precision": 0.25, "answers": [2, 3, 99_999]}
            figures: dict[str, Any] = {"images": 12, "queries": 12, "precision": value, "chance": 0.45, "map": value}
            figures |= {"interval": (value - 0.1, value + 0.1), "milliseconds": 1.0 + number, "megabytes": 2.0}
            figures |= {"per_class": {"gold": value, "navy": value / 2}, "worst": (worst,)}
            figures["recall"] = None if cell.recipe.method == "exact" else 0.9
            row = ExperimentRow.from_dict(unmeasured(cell, str(cell.recipe)).as_dict() | figures)
        experiment.keep(row)
        found.append(row)
    return found


# ── an experiment ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stopped_experiment_shows_what_is_finished_and_goes_on(
    here: Workbench, started: list[tuple[str, dict[str, Any]]]
) -> None:
    experiment = create(here.home, plan(title=HOSTILE))
    measured(experiment, 0.75)
    job(here, "experiment", experiment.name, {"state": "stopped"})
    test = visit()
    assert HOSTILE in texts(test)
    assert "1 of 2 configurations measured" in texts(test)
    assert "Stopped. 1 configuration left to measure." in texts(test)
    test.button(key=f"experiment-go-on-{experiment.name}").click().run()
    assert started == [("experiment", {"name": experiment.name, "title": experiment.title})]


def test_a_first_visit_opens_the_newest_about_the_chosen_collection(here: Workbench) -> None:
    about = create(here.home, plan())
    newest = create(here.home, plan(title="Later", collection="few"))
    assert visit().session_state.experiment == about.name
    about.remove()
    assert visit().session_state.experiment == newest.name  # rather than none


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (None, "Interrupted. Finished results are kept; 2 configurations left to measure."),
        ({"state": "failed", "error": "The disk is full."}, "The disk is full."),
    ],
)
def test_the_end_of_an_experiment_is_announced(here: Workbench, result: dict[str, Any] | None, sentence: str) -> None:
    experiment = create(here.home, plan())
    job(here, "experiment", experiment.name, result)
    test = visit()
    assert sentence in texts(test)
    assert "Continue" in labels(test)


def test_a_running_experiment_can_be_stopped(here: Workbench) -> None:
    experiment = create(here.home, plan())
    measured(experiment, 0.75)
    folder = job(here, "experiment", experiment.name, None)
    with FileLock(folder / "lock"):
        test = visit()
        assert "Finished configurations appear below" in texts(test)
        assert test.button(key=f"experiment-stop-{folder.name}").label == "Stop"
        test.button(key=f"experiment-stop-{folder.name}").click().run()
        assert (folder / "stop").exists()


def test_failed_cells_can_be_tried_again(here: Workbench, started: list[tuple[str, dict[str, Any]]]) -> None:
    experiment = create(here.home, plan())
    measured(experiment, 0.75, "The memory ran out.")
    test = visit()
    assert "1 configuration failed; the table says why." in texts(test)
    next(button for button in test.button if button.label == "Try again").click().run()
    assert started == [("experiment", {"name": experiment.name, "title": experiment.title})]


def test_figures_of_other_pictures_say_so_and_can_be_measured_again(
    here: Workbench, started: list[tuple[str, dict[str, Any]]]
) -> None:
    experiment = create(here.home, plan())
    now = pictures_digest(state.images_of("shapes"))
    for row in measured(experiment, 0.75, 0.5):
        experiment.keep(replace(row, made_of=f"{now}-weights"))
    assert "have changed since this was measured" not in texts(visit())
    experiment.keep(replace(experiment.rows()[0], made_of="former pictures"))
    test = visit()
    assert "The pictures or their labels have changed since this was measured." in texts(test)
    next(button for button in test.button if button.label == "Measure again").click().run()
    assert started == [("experiment", {"name": experiment.name, "title": experiment.title})]


def test_a_row_opens_and_its_recipe_can_be_used(here: Workbench) -> None:
    experiment = create(here.home, plan(methods=("lsh(bits=8)",), metrics=("euclidean",)))
    row = measured(experiment, 0.75, 0.5)[0]
    test = visit(experiment_row=row.key, experiment=experiment.name)
    assert "Hardest: navy (0.38); easiest: gold (0.75)." in texts(test)
    assert "Pictures that have been deleted since are left out." not in texts(test)
    test.button(key="experiment-use").click().run()
    assert test.title[0].value.startswith("Find similar pictures in ")
    recipe: Recipe = test.session_state.recipe
    assert str(recipe) == "shapes/raw-pixels/max/euclidean/lsh(bits=8)/8"


def test_it_can_be_renamed_and_deleted(here: Workbench) -> None:
    experiment = create(here.home, plan())
    rows = measured(experiment, 0.75, 0.5)
    experiment.rename("Another name")
    assert [row.key for row in experiment.rows()] == [row.key for row in rows]
    test = visit(experiment="")
    assert "Another name" in texts(test)
    assert "highest: Raw pixels" in texts(test)
    test.button(key=f"experiment-open-{experiment.name}").click().run()
    test.session_state[f"experiment-more-{experiment.name}"] = True
    assert test.header[0].value == "Another name"
    experiment.remove()
    test.run()
    assert not test.exception
    assert "does not exist any more" in texts(test)


def test_a_link_opens_its_experiment_and_a_wrong_one_says_so(here: Workbench) -> None:
    older, newer = create(here.home, plan(title="Older")), create(here.home, plan(title="Newer"))
    test = AppTest.from_string(_ALONE, default_timeout=180)
    test.query_params["experiment"] = older.name
    assert test.run().header[0].value == "Older"
    test.button(key=f"experiment-open-{newer.name}").click().run()
    assert test.header[0].value == "Newer"
    test = AppTest.from_string(_ALONE, default_timeout=180)
    test.query_params["experiment"] = "../jobs"
    assert "The comparison “../jobs” does not exist any more." in texts(test.run())


def test_a_link_to_an_experiment_chooses_its_collection(here: Workbench) -> None:
    other = next(card.name for card in here.collections() if card.name != "shapes")
    test = visited("compare", collection=other)
    found = create(here.home, plan(title="Older"))
    assert test.sidebar.selectbox(key="collection").value == other
    test.query_params["experiment"] = found.name
    test.run()
    assert test.header[0].value == "Older"
    assert test.sidebar.selectbox(key="collection").value == "shapes"
    test.sidebar.selectbox(key="collection").select(other).run()
    assert test.sidebar.selectbox(key="collection").value == other  # a choice is left alone


_ALONE = """
import streamlit as st
from ui.pages.compare import page as compare

st.session_state.recipe = None  # a page change would empty the address
compare.page()
"""


def test_exports_hold_what_was_measured(here: Workbench) -> None:
    experiment = create(here.home, plan())
    measured(experiment, 0.75, "It failed.")
    view = seen(EXPERIMENTS, experiment)
    facts = json.loads(exported(view, "json"))
    assert [row["precision"] for row in facts["rows"]] == [0.75, 0.0]
    assert ExperimentPlan.from_dict(facts["plan"]) == experiment.plan
    assert b"0.75" in exported(view, "csv")
    assert b"First look" in exported(view, "html")
    measured(experiment, 0.25)  # the first cell, measured anew
    assert json.loads(exported(seen(EXPERIMENTS, experiment), "json"))["rows"][0]["precision"] == 0.25


def test_the_reports_tables_stand_beside_ours(here: Workbench) -> None:
    experiment = create(here.home, report_tables("shapes", size=96, epochs=1))
    measured(experiment, *(0.3 + 0.01 * number for number in range(36)))
    test = visit()
    losses, hits = test.table
    assert list(hits.value.columns) == [
        "training", "flatten, cosine", "flatten, Euclidean", "max pool, cosine", "max pool, Euclidean",
    ]  # fmt: skip
    assert list(hits.value["flatten, cosine"])[:2] == ["0.300 · – (6)", "0.340 · – (7)"]
    assert list(hits.value["flatten, cosine"])[-1] == "**0.620** · – (7)"
    assert losses.value["MSE"].iloc[0] == "– (0.00662)"
    assert "Max pool with cosine is the best pair. **Not decided**: " in texts(test)
    test.segmented_control(key=f"experiment-tab-{experiment.name}").set_value("By label").run()
    assert not test.exception


# ── small parts ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_table_marks_the_best_and_leaves_out_what_says_nothing(here: Workbench) -> None:
    experiment = create(here.home, plan(methods=("exact", "lsh")))
    rows = measured(experiment, 0.5, 0.75, "No memory.")
    data = table_data(rows, names_of(rows), "Results", rows[1].key)
    assert [column["title"] for column in data["columns"]] == [
        "configuration", "precision@8", "mAP", "recall", "candidates scanned", "ms per query", "MB", "pictures",
    ]  # fmt: skip
    first, second, third = data["rows"]
    assert not any(cell["best"] for cell in second["cells"])
    assert [cell["best"] for cell in first["cells"]] == [False, False, False, False, True, False, False]
    assert first["cells"][2]["text"] == "–"  # exact search has no recall against itself
    assert (first["name"], first["sub"]) == ("Raw pixels", "Exact")
    assert [line["picked"] for line in data["rows"]] == [False, True, False]
    assert third["error"] == "No memory."
    assert second["cells"][1]["text"] == "–"  # an approximate method has no ranking of a thousand
    newer = [replace(row, map_at_k=0.5) for row in rows]
    assert "mAP@8" in [column["title"] for column in table_data(newer, names_of(newer), "Results")["columns"]]
    few = [replace(row, ceiling=0.625) for row in rows]
    assert "here at most 0.625 can be reached" in table_data(few, names_of(few), "Results")["columns"][1]["help"]
    plain = table_data(rows[:1], names_of(rows[:1]), "Results")
    assert "recall" not in [column["title"] for column in plain["columns"]]
    assert not any(cell["best"] for cell in plain["rows"][0]["cells"])  # one row alone is not the best of anything


def test_the_most_precise_is_marked_only_if_that_is_decided(here: Workbench) -> None:
    experiment = create(here.home, plan())
    rng = np.random.default_rng(0)
    low = rng.integers(0, 5, 40)
    rows = []
    for cell, hits in zip(experiment.plan.cells(), (low, low + 2), strict=True):
        single = SingleQueries(np.arange(40), np.zeros((40, 8), dtype=np.int64), {"precision": hits / 8})
        row = unmeasured(cell, str(cell.recipe), queries=40, precision=single.means["precision"], made_of="x-y")
        rows.append(experiment.keep_measured(row, single))
        experiment.keep(rows[-1])
    test = visit(experiment=experiment.name)
    assert "Colour histogram: precision" in texts(test)
    assert "better than the other configuration (p < .001)." in texts(test)
    test.session_state.experiment_row = rows[0].key
    test.run()
    test.selectbox(key=f"beside-{rows[0].key}").select_index(0).run()
    assert "p < .001: worse." in texts(test)
    found = leads(experiment, rows)
    data = table_data(rows, names_of(rows), "Results", leads=found)
    assert data["columns"][2]["title"] == "against the highest"
    assert [line["cells"][0]["best"] for line in data["rows"]] == [False, True]
    assert [line["cells"][1]["text"] for line in data["rows"]] == ["-0.250", "–"]
    undecided = leads(experiment, [rows[0], replace(rows[1], made_of="z-y")])
    data = table_data(rows, names_of(rows), "Results", leads=undecided)
    assert not any(line["cells"][0]["best"] for line in data["rows"])
    assert data["rows"][0]["cells"][1]["sub"] == "not compared"


def test_the_worst_queries_become_tiles(here: Workbench) -> None:
    images = state.images_of("shapes")
    ids = images.ids.tolist()
    tiles = worst_tiles("shapes", images, {"query": ids[0], "answers": [ids[1], ids[2], 99_999]})
    assert [tile.id for tile in tiles] == ids[:3]
    assert [tile.rank for tile in tiles] == [None, 1, 2]
    assert [tile.same for tile in tiles[1:]] == [images.labels[row] == images.labels[0] for row in (1, 2)]
    assert tiles[0].src == thumbnail_url("shapes", ids[0], images.hashes[0])
    assert worst_tiles("shapes", images, {"query": 99_999, "answers": ids}) == []


def test_charts_are_told_in_words(here: Workbench) -> None:
    rows = measured(create(here.home, plan()), 0.75, 0.5)
    assert spoken_precision(rows, ["A", "B"]) == (
        "Precision of 2 configurations with 95 % intervals. Highest is A: 0.750 (0.650 to 0.850), the last B with "
        "0.500; the chance level is 0.450."
    )
    assert labels_of(rows) == ["navy", "gold"]
    assert in_words(rows[0]).startswith("On average 6.0 of the 8 results have the query's label")


def test_the_cost_is_described_in_words() -> None:
    assert ExperimentCost(60, 0).sentence() == "About 60\xa0s on this computer."
    assert ExperimentCost(60, 2).sentence() == ("About 60\xa0s on this computer, plus 2 trainings of unknown duration.")


def test_a_command_line_experiment_counts_as_running(here: Workbench) -> None:
    experiment = create(here.home, plan(trainings=(Training("T", {"model": 2}),)))
    assert seen(EXPERIMENTS, experiment).state == "planned"
    with experiment.measuring():
        assert seen(EXPERIMENTS, experiment).state == "running"
    assert Home(here.home.root).experiments == here.home.experiments
