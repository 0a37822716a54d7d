"""The form of a comparison: what it offers, refuses and starts, and the quick comparison."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.core.storage import write_json
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import HOSTILE, labels, texts, visited
from tests.ui.pages.compare.conftest import visit
from ui.session import opened as state

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
