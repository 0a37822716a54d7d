"""What the form of the training page checks before it starts anything."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.errors import BadParameter, NameTaken
from engine.jobs.job import WAITING
from engine.workbench.cost import training_seconds
from engine.workbench.workbench import Workbench
from tests.ui.pages.train.conftest import RECONSTRUCT, autoencoder_page, fake_job, fake_run, page, texts
from ui.pages.train import fields


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("epochs", 0, "The epochs of the training must be a whole number from 1"),
        ("epochs", None, "The epochs of the training must be"),
        ("rate", -1.0, "The rate of the training must be a number from"),
        ("batch", 100_000, "The batch of the training must be"),
        ("validation", 1.5, "The validation share of the training must be"),
        ("limit", 3, "The limit of pictures of the training must be"),
        ("noise", 7.0, "The noise of the training must be"),
        ("patience", -2, "The patience of the training must be"),
    ],
)
def test_impossible_numbers_are_one_sentence(
    bench: Workbench, started: list[Any], field: str, value: Any, says: str
) -> None:
    test = autoencoder_page()
    test.number_input(key=f"train-{field}").set_value(value).run()
    assert [error.value.replace("\\", "").startswith(says) for error in test.error] == [True]
    assert test.button(key="train-start").disabled
    assert not started


def test_a_size_that_cannot_be_redrawn_names_the_nearest(bench: Workbench) -> None:
    test = autoencoder_page()
    test.selectbox(key="train-model").set_value(1).run()
    test.selectbox(key="train-size").set_value(fields.OTHER).run()
    test.number_input(key="train-other_size").set_value(50).run()
    assert "The nearest are 32 or 64." in texts(test)


def test_a_number_of_the_schedule_is_checked_too(bench: Workbench) -> None:
    test = page()
    test.selectbox(key="train-schedule").set_value("plateau").run()
    test.number_input(key="train-plateau.factor").set_value(3.0).run()
    assert "The factor of the schedule plateau must be" in texts(test)


def test_too_few_pictures_say_how_many_it_takes(bench: Workbench) -> None:
    test = page("few")
    assert "must be at least 16; got 5." in texts(test)
    assert test.button(key="train-start").disabled


def test_only_sizes_that_the_model_redraws_are_offered(bench: Workbench) -> None:
    test = autoencoder_page()
    test.selectbox(key="train-model").set_value(1).run()
    test.selectbox(key="train-size").set_value(96).run()
    test.selectbox(key="train-model").set_value(4).run()
    assert "96 · quick" not in test.selectbox(key="train-size").options
    assert test.selectbox(key="train-size").value == 160
    assert not test.error


def test_what_was_typed_outlives_a_page_change(bench: Workbench) -> None:
    test = page()
    test.number_input(key="train-epochs").set_value(77).run()
    test.selectbox(key="train-schedule").set_value("plateau").run()
    test.number_input(key="train-plateau.patience").set_value(9).run()
    test.selectbox(key="train-schedule").set_value("none").run()
    test.session_state["away"] = True
    assert "another page" in texts(test.run())
    test.session_state["away"] = False
    test.run()
    assert test.number_input(key="train-epochs").value == 77
    test.selectbox(key="train-schedule").set_value("plateau").run()
    assert test.number_input(key="train-plateau.patience").value == 9


def test_a_taken_name_is_said_before_anything_starts(bench: Workbench) -> None:
    fake_run(bench, "mine")
    fake_run(bench, "ours-seed-1")
    with pytest.raises(NameTaken, match="'mine' already exists"):
        fields.check_seeds(fields.config_of(fields.DEFAULTS | {"name": "Mine"}), 1)
    with pytest.raises(NameTaken, match="'ours-seed-1' already exists"):
        fields.check_seeds(fields.config_of(fields.DEFAULTS | {"name": "Ours"}), 2)
    fields.check_seeds(fields.config_of(fields.DEFAULTS | {"name": "Mine"}), 2)
    with pytest.raises(BadParameter, match="number of seeds"):
        fields.check_seeds(fields.config_of(fields.DEFAULTS), 99)
    with fake_job(bench, "20260102-000000-000", WAITING, config={"name": "queued"}), pytest.raises(NameTaken):
        fields.check_seeds(fields.config_of(fields.DEFAULTS | {"name": "Queued"}), 1)
    with pytest.raises(BadParameter, match="name of a run"):
        fields.config_of(fields.DEFAULTS | {"name": "***"})


def test_the_time_is_known_from_an_earlier_run_of_the_same_work(bench: Workbench) -> None:
    fake_run(bench, "earlier")  # half a second an epoch of 20 pictures
    config = fields.config_of(RECONSTRUCT | {"model": 1, "size": 0, "other_size": 32, "epochs": 6})
    seconds, run = training_seconds(bench.home, config, images=40) or (0.0, None)
    assert seconds == pytest.approx(6 * 0.5 * 2)
    assert run is not None
    assert training_seconds(bench.home, config | {"size": 64}, images=40) is None
    assert training_seconds(bench.home, config | {"contrast": 0.0}, images=40) is None


def test_a_double_click_starts_one_training(bench: Workbench, started: list[Any]) -> None:
    test = page()
    test.button(key="train-start").click().run()
    test.button(key="train-start").click().run()
    assert len(started) == 1
