"""What the form of the training page offers and starts."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from engine.core.errors import BadParameter
from engine.core.storage import write_json
from engine.training.config import TrainingConfig, with_defaults
from engine.training.split import split
from engine.workbench.workbench import Workbench
from tests.ui.pages.train.conftest import PICTURES, autoencoder_page, fake_run, page, texts
from ui.pages.train import fields


def test_one_click_learns_from_the_pictures(bench: Workbench, started: list[Any]) -> None:
    test = page()
    assert test.button(key="train-start").label == "Learn from my pictures"
    assert "two processor cores" in texts(test)
    test.button(key="train-start").click().run()
    kind, arguments = started[0]
    assert (kind, arguments["collection"]) == ("train", "shapes")
    config = arguments["config"]
    assert (config["objective"], config["network"], config["keep"]) == ("contrastive", "small-resnet", "recognition")
    usual = TrainingConfig.from_dict(with_defaults({}, PICTURES)).as_dict()
    assert usual | {"options": config["options"]} == config, "as the command line does"


def test_labels_are_learned_with_several_seeds(bench: Workbench, started: list[Any]) -> None:
    test = page()
    assert "No labels needed." in texts(test)
    test.radio(key="train-learns").set_value("labels").run()
    assert "No labels needed." not in texts(test)
    test.selectbox(key="train-label_loss").set_value("triplet").run()
    test.selectbox(key="train-triplet.mining").set_value("batch-hard").run()
    test.selectbox(key="train-optimizer").set_value("sgd").run()
    test.number_input(key="train-momentum").set_value(0.8)
    test.number_input(key="train-crops").set_value(1)
    test.number_input(key="train-seeds").set_value(2)
    test.text_input(key="train-name").set_value("Mine").run()
    test.button(key="train-start").click().run()
    configs = [arguments["config"] for _, arguments in started]
    assert [(one["seed"], one["name"]) for one in configs] == [(0, "mine-seed-0"), (1, "mine-seed-1")]
    config = configs[0]
    assert (config["objective"], config["settings"]) == ("triplet", {"margin": 0.2, "mining": "batch-hard"})
    assert (config["optimizer"], config["momentum"], config["crops"], config["validation"]) == ("sgd", 0.8, 1, 0.2)
    assert config["keep"] == "retrieval"


def test_labels_of_held_out_pictures_alone_are_too_few() -> None:
    config = fields.config_of(fields.DEFAULTS | {"learns": "labels", "validation": 0.5})
    labels = [""] * 40
    for number, row in enumerate(split(40, TrainingConfig.from_dict(config))[1]):
        labels[row] = "ab"[number % 2]
    with pytest.raises(BadParameter, match="0 on 0 pictures"):
        fields.enough_labels(config, labels)
    fields.enough_labels(config, ["a", "b"] * 20)


def test_a_learning_rate_is_found_and_used(bench: Workbench, started: list[Any]) -> None:
    test = page()
    test.button(key="train-find-rate").click().run()
    kind, arguments = started[0]
    assert (kind, arguments["collection"]) == ("rate", "shapes")
    folder = bench.home.jobs / "20260102-000000-rate"
    write_json(folder / "config.json", {"kind": kind, "title": "Rates", "arguments": arguments, "started": 0.0})
    curve: dict[str, Any] = {"rates": [1e-4, 1e-3, 1e-2], "losses": [3.0, 2.0, 4.0], "smoothed": [3.0, 2.5, 3.2]}
    curve |= {"suggested": 0.0007, "lowest": 0.001}
    write_json(folder / "result.json", {"state": "done", "value": curve})
    test.run()
    assert "**Loss by learning rate**" in texts(test)
    assert "Lowest at 0.001." in texts(test)
    assert "try rates from 0.0001 to 0.0007." in texts(test), "the tenth of the lowest is the smaller here"
    test.button(key="train-use-rate").click().run()
    assert test.number_input(key="train-rate").value == 0.0007
    test.number_input(key="train-batch").set_value(16).run()
    assert "**Loss by learning rate**" not in texts(test), "of other settings"
    shutil.rmtree(folder)


def test_runs_of_several_seeds_are_summarised_together(bench: Workbench) -> None:
    for seed, rise in enumerate((0.1, 0.12, 0.14)):
        run = fake_run(bench, f"seed-{seed}", rise=rise, seed=seed)
        run.keep({"encoder.a": __import__("torch").zeros(2)}, best_epoch=3, retrieval=0.4 + 3 * rise)
    fake_run(bench, "other", rate=0.1)
    test = page(run_open="seed-1")
    assert "**Over 3 seeds**" in texts(test)
    assert any("0.760 ± 0.060" in str(table.value) for table in test.table)


def test_a_model_reconstructs_with_what_suits_it(bench: Workbench, started: list[Any]) -> None:
    test = page()
    test.radio(key="train-learns").set_value("recognise").run()
    assert test.button(key="train-start").label == "Start training"
    test.button(key="train-start").click().run()
    usual = TrainingConfig.from_dict(with_defaults({"objective": "autoencoding"})).as_dict()
    assert usual == started[0][1]["config"], "as the command line does"


def test_many_pictures_change_what_suits_them(bench: Workbench, started: list[Any]) -> None:
    test = page(training_draft=fields.DEFAULTS | fields.suited("learn", 8000) | {"pictures": 8000, "batch": 64})
    test.button(key="train-start").click().run()
    config = started[0][1]["config"]
    assert (config["size"], config["epochs"], config["batch"]) == (64, 100, 64), "what was typed stays"


def test_a_training_starts_with_what_was_filled_in(bench: Workbench, started: list[Any]) -> None:
    test = autoencoder_page()
    test.selectbox(key="train-model").set_value(2).run()
    test.selectbox(key="train-size").set_value(96).run()
    test.selectbox(key="train-schedule").set_value("warm-restarts").run()
    test.number_input(key="train-warm-restarts.t_0").set_value(5).run()
    test.number_input(key="train-epochs").set_value(7).run()
    test.number_input(key="train-limit").set_value(18).run()
    test.toggle(key="train-flip").set_value(True).run()
    test.selectbox(key="train-keep").set_value("retrieval").run()
    test.text_input(key="train-name").set_value("My first one!").run()
    test.button(key="train-start").click().run()
    config = started[0][1]["config"]
    assert (config["model"], config["size"], config["epochs"], config["limit"]) == (2, 96, 7, 18)
    assert (config["schedule"], config["options"]["t_0"], config["keep"]) == ("warm-restarts", 5, "retrieval")
    assert (config["flip"], config["crop"], config["name"]) == (True, False, "my-first-one")


def test_as_in_the_report(bench: Workbench, started: list[Any]) -> None:
    test = page()
    test.button(key="train-report").click().run()
    test.button(key="train-start").click().run()
    config = started[0][1]["config"]
    assert (config["contrast"], config["size"], config["epochs"], config["batch"], config["rate"]) == (
        0,
        224,
        40,
        32,
        1e-3,
    )


def test_only_the_numbers_of_the_schedule_are_asked_for(bench: Workbench) -> None:
    from engine.training.schedules import SCHEDULES

    test = page()
    for name, kind in SCHEDULES.items():
        test.selectbox(key="train-schedule").set_value(name).run()
        asked = {str(field.key).partition(".")[2] for field in test.number_input if "." in str(field.key)}
        assert asked == {option.name for option in kind.options}
        assert ("stops improving" in texts(test)) == (name == "plateau")
