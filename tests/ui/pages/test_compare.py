"""The logic of the compare page, without a browser and without measuring: experiments are written as folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
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
from engine.core.storage import write_json
from engine.evaluation.single_queries import SingleQueries
from engine.workbench.cost import ExperimentCost
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import job, labels, texts, visited
from ui.comparisons.state import exported, seen
from ui.pages.compare.charts import labels_of, spoken_precision
from ui.pages.compare.row import in_words, worst_tiles
from ui.pages.compare.state import EXPERIMENTS, names_of
from ui.pages.compare.table import table_data
from ui.session import opened as state
from ui.widgets.gallery import thumbnail_url

HOSTILE = "<b>*x*</b> $1$"


@pytest.fixture
def here(bench: Workbench, small_home: Path) -> Iterator[Workbench]:
    """The pages' workbench, without experiments and their jobs when the test is over."""
    yield bench
    shutil.rmtree(small_home / "experiments", ignore_errors=True)
    for folder in (small_home / "jobs").glob("*-experiment"):
        shutil.rmtree(folder)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What the page wanted to start."""
    asked: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: asked.append((kind, arguments)))
    return asked


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


def visit(**session: Any) -> AppTest:
    """The compare page with these choices made."""
    return visited("compare", **{"collection": "shapes", **session})


# ── nothing there yet ────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_collection_the_page_says_what_to_do(empty_bench: Workbench) -> None:
    test = visit()
    assert "Nothing to compare yet" in texts(test)
    assert "Add pictures" in labels(test)


def test_without_labels_it_says_why_and_offers_a_collection_that_has_some(
    here: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ui.pages.compare import page as compare

    whole = state.images_of
    bare = lambda name: replace(whole(name), labels=[""] * 5) if name == "few" else whole(name)  # noqa: E731
    monkeypatch.setattr(compare, "images_of", bare)
    test = visit(collection="few")
    assert "No labels in Few" in texts(test)
    assert "experiment-start" not in [button.key for button in test.button]
    next(button for button in test.button if button.label == "Use Shapes").click().run()
    assert test.session_state.collection == "shapes"
    assert "Start comparison" in labels(test)


# ── starting ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_form_starts_what_it_promises(here: Workbench, started: list[tuple[str, dict[str, Any]]]) -> None:
    test = visit()
    test.multiselect(key="experiment-encoders").set_value(["raw-pixels", "colour-histogram"])
    test.multiselect(key="experiment-metrics").set_value(["cosine", "euclidean"])
    test.session_state["experiment-methods"] = ["exact", "lsh(bits=8, tables=2)"]
    test.run()
    assert "**8 configurations**" in texts(test)
    assert "2 encoders × 1 pooling × 2 distances × 2 methods" in texts(test)
    test.button(key="experiment-start").click().run()
    assert not test.exception
    (experiment,) = here.experiments()
    assert started == [("experiment", {"name": experiment.name, "title": experiment.title})]
    assert experiment.plan.methods == ("exact", "lsh(bits=8,tables=2)")
    assert experiment.plan.title == "Shapes: 8 configurations"
    assert test.session_state.experiment == experiment.name


def test_trainings_become_rows_of_the_plan(here: Workbench, started: list[tuple[str, dict[str, Any]]]) -> None:
    test = visit(**{"experiment-encoders": [], "experiment-models": ["1", "2"], "experiment-size": 96})
    test.session_state["experiment-schedules"] = ["none", "plateau"]
    test.session_state["experiment-all"] = False
    test.session_state["experiment-queries"] = 5
    test.session_state["experiment-title"] = HOSTILE
    test.run()
    assert "4 encoders of these will be trained first" in texts(test)
    assert "4 trainings of unknown duration" in texts(test)
    test.button(key="experiment-start").click().run()
    (experiment,) = here.experiments()
    assert [training.title for training in experiment.plan.trainings] == [
        "Model 1 · constant",
        "Model 1 · reduce on plateau",
        "Model 2 · constant",
        "Model 2 · reduce on plateau",
    ]
    assert {training.config["size"] for training in experiment.plan.trainings} == {96}
    assert experiment.plan.queries == 5
    assert experiment.title == HOSTILE
    assert HOSTILE in texts(test)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"experiment-encoders": []}, "The encoders of a comparison must be at least one, or a training; got 'none'."),
        ({"experiment-metrics": []}, "The metrics of a comparison must be at least one; got 'none'."),
        ({"experiment-methods": ["lsh(bits"]}, "must be written like lsh or lsh(tables=20,bits=8)"),
        ({"experiment-models": ["4"], "experiment-size": 97}, "The input size of Model 4 must be one it reconstructs"),
        ({"experiment-models": ["4"], "experiment-epochs": 0}, "The epochs of the training must be a whole number"),
        ({"experiment-all": False, "experiment-queries": 0}, "The number of queries of a comparison must be"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(here: Workbench, change: dict[str, Any], sentence: str) -> None:
    test = visit(**change)
    assert sentence in texts(test)
    assert test.button(key="experiment-start").disabled


def test_a_method_that_does_not_exist_is_refused_at_the_start(here: Workbench, started: list[Any]) -> None:
    test = visit(**{"experiment-encoders": ["raw-pixels"], "experiment-methods": ["magic"]})
    test.button(key="experiment-start").click().run()
    assert test.error
    assert not started
    assert not here.experiments()


def test_one_button_repeats_the_reports_tables(here: Workbench, started: list[tuple[str, dict[str, Any]]]) -> None:
    test = visit(**{"report-size": 96, "report-epochs": 2})
    assert "9 trainings, 18 epochs × 12 pictures in all, then 36 configurations." in texts(test)
    test.button(key="report-start").click().run()
    (experiment,) = here.experiments()
    assert experiment.plan.repeats_the_report
    assert len(started) == 1
    assert {training.config["epochs"] for training in experiment.plan.trainings} == {2}


def test_the_reports_tables_with_three_seeds(here: Workbench, started: list[tuple[str, dict[str, Any]]]) -> None:
    test = visit(**{"report-size": 96, "report-epochs": 2, "report-three-seeds": True})
    assert "27 trainings, 54 epochs × 12 pictures in all, then 108 configurations." in texts(test)
    test.button(key="report-start").click().run()
    (experiment,) = here.experiments()
    assert experiment.plan.repeats_the_report
    assert {training.config["seed"] for training in experiment.plan.trainings} == {0, 1, 2}


def test_impossible_numbers_for_the_reports_tables_are_refused(here: Workbench) -> None:
    test = visit(**{"report-epochs": 0})
    assert "The epochs of the training must be a whole number from 1 to 10000; got 0." in texts(test)
    assert test.button(key="report-start").disabled


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
    assert ExperimentCost(60, 0).sentence() == "About 60 s on this computer."
    assert ExperimentCost(60, 2).sentence() == ("About 60 s on this computer, plus 2 trainings of unknown duration.")


def test_a_command_line_experiment_counts_as_running(here: Workbench) -> None:
    experiment = create(here.home, plan(trainings=(Training("T", {"model": 2}),)))
    assert seen(EXPERIMENTS, experiment).state == "planned"
    with experiment.measuring():
        assert seen(EXPERIMENTS, experiment).state == "running"
    assert Home(here.home.root).experiments == here.home.experiments


# ── the quick comparison ─────────────────────────────────────────────────────────────────────────────────────────────


def test_which_encoder_sees_the_collection_best(here: Workbench, started: list[tuple[str, dict[str, Any]]]) -> None:
    test = visited("compare", collection="shapes")
    test.button(key="quick").click().run()
    assert started == [("quick", {"collection": "shapes"})]


def test_what_the_quick_comparison_found(here: Workbench, small_home: Path) -> None:
    rows = [
        {"encoder": "raw-pixels", "title": "Raw pixels", "embedding": "max-sqrt", "figure": 0.9, "interval": (0.8, 1.0),
         "behind": (0.0, 0.0), "decided": False},
        {"encoder": "hog", "title": "Edges", "embedding": "max", "figure": 0.5, "interval": (0.4, 0.6),
         "behind": (0.2, 0.5), "decided": True},
        {"encoder": "glcm", "title": "Texture", "embedding": "max", "figure": 0.5, "interval": (0.4, 0.6),
         "behind": (0.1, 0.5), "decided": False},
    ]  # fmt: skip
    value = {"rows": rows, "pictures": 12, "seconds": 3.0, "labelled": True, "judged_by": "precision@8",
             "left_out": [("SIFT", "It has to be prepared first."), ("A", "No time."), ("B", "No time.")]}  # fmt: skip
    folder = small_home / "jobs" / "20990101-000000-000000-quick"
    folder.mkdir(parents=True)
    write_json(
        folder / "config.json",
        {"kind": "quick", "title": "Quick", "started": 0.0, "arguments": {"collection": "shapes"}},
    )
    write_json(folder / "result.json", {"state": "done", "value": value})
    try:
        test = visited("compare", collection="shapes")
        found = test.dataframe[0].value
        assert found["Encoder"].tolist() == ["Raw pixels", "Edges", "Texture"]
        assert found["Behind the best"].tolist() == ["", "0.200 – 0.500", "not decided"]
        assert "Not measured: SIFT. It has to be prepared first." in texts(test)
        assert "Not measured: A, B. No time." in texts(test)
        test.button(key="quick-use").click().run()
        assert str(test.session_state.recipe) == "shapes/raw-pixels/max-sqrt/cosine/exact/8"
    finally:
        shutil.rmtree(folder)
