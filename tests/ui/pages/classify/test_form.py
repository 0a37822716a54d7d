"""The form of a classification: what it offers, refuses and starts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.classification.corruptions import USUAL
from engine.classification.plan import FUSIONS
from engine.classification.training.cost import Speed
from engine.collections.labelling import write_labels
from engine.runs.listing import run as training_run
from engine.workbench.cost import classification_cost
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import HOSTILE
from tests.ui.pages.classify.conftest import classified, opened, texts, things

# ── nothing to learn from ────────────────────────────────────────────────────────────────────────────────────────────


def test_without_any_collection_products_are_offered(empty_bench: Workbench, started: list[Any]) -> None:
    at = opened()
    assert [header.value for header in at.header] == ["Nothing to classify yet"]
    at.button(key="classify-empty-0").click().run()
    assert started == [("sample", {"name": "products"})]


def test_without_labels_another_collection_is_offered(here: Workbench) -> None:
    at = opened("bare")
    assert "Too few labels in Bare" in [header.value for header in at.header]
    at.button(key="classify-no-labels-0").click().run()
    assert at.session_state.collection == "shop"
    assert "Too few labels in Bare" not in [header.value for header in at.header]
    assert "**25 trainings**" in texts(at)


def test_without_texts_only_the_picture_learns(bench: Workbench, started: list[Any]) -> None:
    at = opened("shapes")
    assert "have no texts" in texts(at)
    assert "1 model × 5 folds" in texts(at)
    assert not [one for one in at.button_group if one.key == "classify-fusions"]
    at.button(key="classify-start").click().run()
    found = bench.classifications()[0]
    assert found.plan.fusions == ("picture",)
    assert started[-1] == ("classification", {"name": found.name, "title": found.title})
    found.remove()


# ── the form ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_form_plans_and_starts_once(here: Workbench, started: list[Any]) -> None:
    at = opened()
    assert "**25 trainings**" in texts(at)
    assert "20 items of 3 classes" in texts(at)
    at.button(key="classify-preset-noisy").click().run()
    at.number_input(key="classify-epochs").set_value(4).run()
    at.selectbox(key="classify-picture").select("colour-histogram").run()
    at.multiselect(key="classify-labels").select("Bags").select("Caps").run()
    at.text_input(key="classify-title").input(HOSTILE).run()
    assert "10 items of 2 classes" in texts(at)
    at.button(key="classify-start").click().run()
    (found,) = here.classifications()
    asked = found.plan
    assert (asked.title, asked.fusions, asked.conditions, asked.labels) == (
        HOSTILE,
        tuple(FUSIONS),
        USUAL,
        ("Bags", "Caps"),
    )
    assert asked.settings == {"epochs": 4, "rate": 0.001, "batch": 32, "patience": 8, "missing": 0.2}
    assert (asked.picture, asked.text, asked.folds, asked.column) == ("colour-histogram", "tf-idf", 5, "")
    assert len(started) == 1
    assert at.session_state.classification == found.name


def test_encoders_are_fine_tuned_where_that_is_asked(
    here: Workbench, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = opened()
    at.selectbox(key="classify-picture").select("colour-histogram").run()
    at.selectbox(key="classify-fine_tune").select("picture").run()
    assert at.number_input(key="classify-epochs").value == 5  # each takes long
    assert "often twenty to a hundred times" in at.warning[0].value
    at.button(key="classify-start").click().run()
    assert "network of torchvision" in at.error[0].value
    at.button_group(key="classify-fusions").set_value(["text"]).run()
    assert "must be none, for the fusion text" in at.error[0].value.replace("\\", "")
    assert at.button(key="classify-start").disabled
    at.button_group(key="classify-fusions").set_value(["picture"]).run()
    shipped = training_run(here.home, "default")
    at.selectbox(key="classify-picture").select(f"{shipped.encoder}@default").run()
    monkeypatch.setattr(Workbench, "fine_tuning_speed", lambda *_: Speed(head=0.001, picture=0.1))
    at.button(key="classify-measure-speed").click().run()
    assert "times as long as with encoders that stay as they are" in at.warning[0].value
    at.button(key="classify-start").click().run()
    (found,) = here.classifications()
    assert (found.plan.settings["fine_tune"], found.plan.settings["encoder_rate"]) == ("picture", 0.00003)


def test_what_cannot_be_is_said_before_the_start(here: Workbench) -> None:
    at = opened()
    at.number_input(key="classify-folds").set_value(6).run()
    assert "as many as there are items with the label" in texts(at)
    assert at.button(key="classify-start").disabled
    at.button(key="classify-preset-all").click().run()
    assert not at.button(key="classify-start").disabled
    at.number_input(key="classify-epochs").set_value(0).run()
    assert "epochs" in at.error[0].value
    at.number_input(key="classify-epochs").set_value(3).run()
    at.button_group(key="classify-fusions").set_value([]).run()
    assert "models" in at.error[0].value
    at.button_group(key="classify-fusions").set_value(["picture"]).run()
    at.selectbox(key="classify-text").select("bert-base-uncased").run()
    assert not at.error  # a picture needs no encoder of texts
    at.button_group(key="classify-fusions").set_value(["late"]).run()
    assert "BERT is not downloaded yet" in at.error[0].value


def test_labels_that_are_too_rare_are_left_out_by_a_click(here: Workbench) -> None:
    every = things(here)
    caps = [id for id, label in every if label == "Caps"]
    write_labels(here.collection("shop"), dict.fromkeys(caps[2:], "Bags"), "a test")
    at = opened()
    assert "at most 2, as many as there are items with the label 'Caps'" in texts(at).replace("\\", "")
    assert at.button(key="classify-rare").label == "Leave out 1 rare label"
    at.button(key="classify-rare").click().run()
    assert at.multiselect(key="classify-labels").value == [HOSTILE, "Bags"]
    assert not at.button(key="classify-start").disabled


def test_classes_come_from_another_column(here: Workbench, started: list[Any]) -> None:
    at = opened()
    at.selectbox(key="classify-column").select("season").run()
    assert "20 items of 2 classes" in texts(at)
    at.button(key="classify-start").click().run()
    assert here.classifications()[0].plan.column == "season"


def test_time_is_estimated_from_earlier_trainings_of_the_same(here: Workbench) -> None:
    found = classified(here)
    rows = found.rows()
    known = classification_cost(here.home, found.plan, 100, [(found.plan, rows)], 0)
    assert known.measured
    # 2 s for 12 things and 1 epoch; 45 things of 100, 30 epochs, 2 models and 2 folds
    assert known.seconds == pytest.approx(6 + 2 / 12 * 45 * 30 * 4)
    other = classification_cost(here.home, replace(found.plan, picture="hog"), 100, [(found.plan, rows)], 400)
    assert not other.measured
    assert other.embedding == pytest.approx(400 / 60)
    assert "a rough estimate" in other.sentence()
