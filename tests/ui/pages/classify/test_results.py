"""A classification that was measured: its models, its errors and its exports."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.classification import measures
from engine.classification.results import FoldRow, Prediction, create
from engine.classification.task import items_digest, labels_of
from engine.collections.labelling import write_labels
from engine.encoders.combination import Pair, keep
from engine.workbench.workbench import Workbench
from tests import shop as small_shop
from tests.classified import keep_all
from tests.ui.app_pages import HOSTILE
from tests.ui.pages.classify.conftest import CLASSES, classified, opened, plan, texts, things
from ui.comparisons.state import exported, seen
from ui.pages.classify import charts
from ui.pages.classify import source as classify_source
from ui.pages.classify import state as classify_state
from ui.pages.classify.cards import cards_data, give_label
from ui.pages.classify.conditions import lost_columns, lost_rows
from ui.pages.classify.confusion import arranged
from ui.pages.classify.details import confidence_sentence, errors_sentence, learned_sentence
from ui.pages.classify.mistakes import WHO
from ui.pages.classify.results import columns_of, table_lines
from ui.pages.classify.state import CLASSIFICATIONS, best_of, best_sentence, outdated, shortened
from ui.shared import titles
from ui.widgets.results_table import table_data


def test_results_are_listed_and_opened(here: Workbench) -> None:
    found = classified(here, title=HOSTILE, conditions=("picture=missing",))
    at = opened()
    assert "**Late fusion: 95.0\xa0% (75.1–99.9\xa0%) accuracy, but no lead over picture only is decided" in texts(at)
    assert "Robustness" in [one.value for one in at.subheader]
    assert at.selectbox(key="classification-is").value == "Bags"
    assert at.selectbox(key="classification-called").value == HOSTILE
    assert any("1 item of Bags predicted as" in one.value for one in at.markdown)
    at.session_state["classification_row"] = "picture"
    at.run()
    assert "Picture only" in [one.value for one in at.subheader]
    told = {
        "Errors": "**4 errors** of 20 items",
        "By class": "Click a row for the errors of a class",
        "Calibration": "Mean confidence **84.0\xa0%**",
        "Learning curves": "Each trained on about 12 items",
        "Confusion matrix": "Rows: true class; columns: predicted class",
    }
    for part, sentence in told.items():
        at.button_group(key="classification-part").set_value(part).run()
        assert not at.exception, part
        assert not at.error, part
        assert sentence in texts(at)
    at.session_state["classification-class"] = HOSTILE
    at.button_group(key="classification-part").set_value("By class").run()
    assert "4 were predicted as another class: Caps 4" in texts(at)
    assert at.query_params["classification"] == found.name


def test_a_link_chooses_the_collection_of_its_classification(here: Workbench) -> None:
    at = opened("bare")
    found = classified(here)
    at.query_params["classification"] = found.name
    at.run()
    assert at.sidebar.selectbox(key="collection").value == "shop"


def test_a_complaint_is_shown_above_the_results(here: Workbench) -> None:
    classified(here)
    at = opened("shop", complaint="Not possible")
    assert "Not possible" in [one.value for one in at.warning]
    assert "**Late fusion: 95.0\xa0%" in texts(at)
    assert not at.run().warning


def test_results_outlive_their_collection(here: Workbench) -> None:
    classified(here)
    here.remove("shop")
    at = opened("bare")
    assert "**Late fusion: 95.0\xa0%" in texts(at)
    assert "The collection has been deleted" in texts(at)
    assert not at.error


def test_a_classifier_is_made_of_the_best_or_the_opened(here: Workbench, started: list[Any]) -> None:
    found = classified(here)
    at = opened()
    at.session_state["classification_row"] = "picture"
    at.run()
    keys = [button.key for button in at.button if button.label == "Make a classifier"]
    assert keys == [f"classification-keep-{where}-{found.name}" for where in ("best", "opened")]
    at.button(key=keys[1]).click().run()
    assert [(kind, asked["name"], asked["fusion"]) for kind, asked in started] == [
        ("classifier", found.name, "picture")
    ]
    assert at.session_state["classify-view"] == "Classifiers"


def test_wrong_ones_are_filtered_by_who_was_right(here: Workbench) -> None:
    classified(here)
    at = opened(**{"classification-part": "Errors"})
    assert any("1 error" in one.value for one in at.markdown)
    shown = at.selectbox(key="classification-wrong-who").options
    assert "only the picture was correct (1)" in shown
    at.selectbox(key="classification-wrong-who").select("neither was correct").run()
    assert any("0 errors" in one.value for one in at.markdown)


def test_a_class_and_the_folds_in_words(here: Workbench) -> None:
    rows = classified(here).rows()
    assert errors_sentence("a*", ["b", "c", "b"]) == r"Of **a\*** 3 were predicted as another class: b 2, c 1."
    assert errors_sentence("a", []) == "All **a** were predicted correctly."
    assert "The dots mark the epochs 1, 1" in learned_sentence(rows[:2])
    assert "validation items: 60\xa0%, 60\xa0%" in learned_sentence(rows[2:])
    assert "overconfident (p" in confidence_sentence([0.95] * 40, [1.0, 0.0] * 20)
    assert "underconfident (p" in confidence_sentence([0.55] * 40, [1.0] * 39 + [0.0])
    assert "is not decided" in confidence_sentence([0.95] * 4, [1.0, 0.0, 1.0, 1.0])
    assert "no gap of 5 percentage points" in confidence_sentence([0.9] * 1000, ([1.0] * 9 + [0.0]) * 100)


def test_the_table_has_a_line_for_each_model_condition_and_failure(here: Workbench) -> None:
    found = classified(here, conditions=("picture=missing",))
    failed = replace(found.rows()[0], error="It broke.")
    found.keep(failed)
    view = seen(CLASSIFICATIONS, found)
    clean = table_data(table_lines(view, "clean"), columns_of(best_of(view)), "model", "t")["rows"]
    assert [(line["name"], line.get("error", "")) for line in clean] == [
        ("Picture only", ""), ("Late fusion", ""), ("Picture only", "It broke."),
    ]  # fmt: skip
    assert "1 of 2 folds" in clean[0]["note"]
    assert clean[1]["cells"][0]["text"] == "0.950"
    assert clean[1]["cells"][0]["sub"] == "± 0.071"
    assert not any(cell["best"] for line in clean[:2] for cell in line["cells"][:5]), "no lead is decided"
    assert len(table_lines(view, "all")) == 5
    lines = found.table()
    lost = lost_columns(lines)[1]
    assert lost.more(lost_rows(lines)[0])["sub"] == "+0.0"


def test_the_matrix_is_cut_and_ordered() -> None:
    counts = np.array([[5, 0, 1], [0, 7, 0], [3, 0, 2]])
    names, shown = arranged(["a", "b", "c"], counts, only=True, by_confusion=True)
    assert (names, shown.tolist()) == (["a", "c"], [[5, 1], [3, 2]])
    names, _ = arranged(["a", "b", "c"], counts, only=False, by_confusion=False)
    assert names == ["a", "b", "c"]
    assert arranged(["a", "b", "c"], counts, only=False, by_confusion=True, most=1)[0] == ["a"]
    assert measures.confused("abc", counts) == [(3, "c", "a"), (1, "a", "c")]
    assert (
        "14 of 18 are correct. Most confused: c predicted as a, 3 times; a predicted as c, 1 time"
        in charts.spoken_confusion("abc", counts)
    )


def test_cards_tell_three_predictions_and_leave_out_what_is_gone(here: Workbench) -> None:
    images = here.collection("shop").images()
    said = (("Caps", 0.995), ("Bags", 0.004))
    answer = Prediction(int(images.ids[0]), "Bags", (("Bags", 0.7),), said, said)
    (card,) = cards_data(images, "shop", [answer, replace(answer, id=10_000)])
    assert [side["title"] for side in card["sides"]] == [
        "Predicted from the picture",
        "Predicted from the text",
        "Predicted from both",
    ]
    assert [(bar["percent"], bar["own"]) for bar in card["sides"][1]["bars"]] == [
        (">\xa099\xa0%", False),
        ("<\xa01\xa0%", True),
    ]
    assert len(card["text"]) == 160
    assert card["text"].endswith("…")
    alone = replace(answer, picture=None)
    assert [side["title"] for side in cards_data(images, "shop", [alone])[0]["sides"]] == ["Predicted from the text"]
    assert shortened("a\n b", 9) == "a b"


def test_the_label_of_an_error_is_changed_from_its_card_and_back(here: Workbench) -> None:
    collection = here.collection("shop")
    id, label = int(collection.images().ids[0]), collection.images().labels[0]
    wrong = Prediction(id, label, (("Hats", 0.9),), None, (("Hats", 0.9),))

    def now() -> str | None:
        (card,) = cards_data(here.collection("shop").images(), "shop", [wrong], labelled=True)
        return card.get("now")

    assert now() == label
    give_label("shop", id, "Hats")
    assert now() == "Hats"
    give_label("shop", id, label)
    assert now() == label
    images = collection.images()
    assert "now" not in cards_data(images, "shop", [wrong])[0], "the classes are those of another column"
    right = replace(wrong, fused=((label, 0.9),))
    assert "now" not in cards_data(images, "shop", [right], labelled=True)[0]


def test_who_was_right() -> None:
    right, wrong = (("a", 1.0),), (("b", 1.0),)
    found = {
        name: [fits(Prediction(1, "a", picture, text, wrong)) for picture in (right, wrong) for text in (right, wrong)]
        for name, fits in WHO.items()
    }
    assert found == {
        "all": [True] * 4,
        "only the picture was correct": [False, True, False, False],
        "only the text was correct": [False, False, True, False],
        "both were correct": [True, False, False, False],
        "neither was correct": [False, False, False, True],
    }


def test_changed_labels_are_noticed(here: Workbench) -> None:
    found = create(here.home, plan())
    collection = here.collection("shop")
    made_of = items_digest(collection, labels_of(collection, found.plan)) + "-weights"
    keep_all(found, CLASSES, things(here), {}, made_of)
    assert outdated(seen(CLASSIFICATIONS, found)) == ""
    write_labels(collection, {int(collection.images().ids[0]): "Caps"}, "a test")
    assert "have changed since" in outdated(seen(CLASSIFICATIONS, found))


def test_collections_whose_files_look_alike_are_distinguished(here: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classify_state, "catalogue_stamp", lambda folder: ("the same size", "the same time"))
    shop_digest = classify_state._digest(plan())
    assert classify_state._digest(replace(plan(), collection="bare")) != shop_digest


def test_exports_and_the_list(here: Workbench) -> None:
    found = classified(here)
    view = seen(CLASSIFICATIONS, found)
    lines = list(csv.reader(io.StringIO(exported(view, "csv").decode("utf-8-sig"))))
    assert [line[0] for line in lines] == ["model", "Picture only", "Late fusion"]
    assert b"Most confused" in exported(view, "html")
    assert len(json.loads(exported(view, "json"))["rows"]) == 4
    assert best_sentence(view) == "highest: Late fusion, **95.0\xa0%** accuracy (75.1–99.9\xa0%, no lead decided)"
    assert best_sentence(seen(CLASSIFICATIONS, create(here.home, plan(title="empty")))) == ""


def test_an_unknown_or_damaged_one_is_told(here: Workbench) -> None:
    at = opened(classification="gone")
    assert any("does not exist any more" in one.value for one in at.warning)
    found = classified(here)
    rows: list[FoldRow] = found.rows()
    next((found.folder / "cells").glob("late-*")).write_text("{}")
    assert len(found.rows()) == len(rows) - 1
    at = opened(classification=found.name)
    assert "So far: " in texts(at)


def test_encoders_that_were_taught_the_labels_are_not_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, recipe = small_shop.shop(tmp_path / "home")
    keep(bench.home, Pair(("colour-histogram", ""), ("fused", recipe.weights)))
    keep(bench.home, Pair(("colour-histogram", ""), ("hog", "")))
    for module in (classify_source, titles):
        monkeypatch.setattr(module, "workbench", lambda: bench)
    offered = classify_source.picture_encoders("shop")
    assert {"colour-histogram", "colour-histogram+hog"} <= set(offered)
    assert not [name for name in offered if "fused" in name]
