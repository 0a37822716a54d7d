"""The list of runs: continued, renamed, compared, freed and deleted."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.core.storage import write_json
from engine.runs import listing as run_folders
from engine.runs.epochs import Watch
from engine.runs.state import POSITION, WEIGHTS, free, kept_state, state_bytes
from engine.training.config import TrainingConfig
from engine.workbench.workbench import Workbench
from tests.ui.pages.train.conftest import buttons, fake_run, page, strip, texts
from ui.pages.train.live import result
from ui.pages.train.names import heeded
from ui.pages.train.runs_list import epochs_csv
from ui.pages.train.state import retrieval_of, spare_states


def test_a_run_that_was_cut_off_is_continued(bench: Workbench, started: list[Any]) -> None:
    fake_run(bench, "cut", "cut off", epochs=2)
    test = page()
    assert "interrupted" in texts(test)
    button = test.button(key="run-continue-cut")
    assert button.label == "Continue from epoch 2"
    button.click().run()
    assert started == [("train", {"run": "cut", "epochs": None, "title": "cut"})]


def test_a_failed_run_says_why_and_fills_in_a_lower_rate(bench: Workbench, started: list[Any]) -> None:
    fake_run(bench, "nan", "failed", schedule="plateau", options={"patience": 7}, rate=0.5, noise=0.25)
    test = page()
    assert "The loss stopped being a number." in texts(test)
    assert "run-continue-nan" not in buttons(test)  # from there on there would be no number again
    test.button(key="run-lower-nan").click().run()
    assert test.number_input(key="train-rate").value == pytest.approx(0.05)
    assert test.number_input(key="train-plateau.patience").value == 7
    assert test.number_input(key="train-other_size").value == 32
    assert test.number_input(key="train-noise").value == 0.25


def test_a_finished_run_trains_on_for_more_epochs(bench: Workbench, started: list[Any]) -> None:
    fake_run(bench, "good")
    test = page(**{"on-good": True})
    test.number_input(key="more-epochs-good").set_value(5).run()
    test.button(key="train-on-good").click().run()
    assert started == [("train", {"run": "good", "epochs": 8, "title": "good"})]


def test_a_finished_run_becomes_the_encoder_of_the_search(bench: Workbench, started: list[Any]) -> None:
    fake_run(bench, "good")
    test = page()
    test.button(key="run-use-good").click().run()
    assert test.session_state["encoder"] == "model-1@good"
    assert test.session_state["go_to"] == "search"


def test_a_title_is_changed_and_the_name_stays(bench: Workbench) -> None:
    run = fake_run(bench, "good")
    test = page(**{"more-run-good": True})
    test.text_input(key="title-run-good").set_value("The **best** one")
    test.button(key="rename-run-good").click().run()
    assert (run.title, run.name) == ("The **best** one", "good")
    assert r"\*\*best\*\*" in "".join(str(element.value) for element in test.markdown)


def test_what_only_continuing_needs_is_freed_after_a_question(bench: Workbench) -> None:
    run = fake_run(bench, "former")
    assert "runs-free" not in buttons(page())
    facts = {"position": {}, "schedule": {}}

    def fill(folder: Path) -> None:
        (folder / WEIGHTS).write_bytes(bytes(1_000_000))
        write_json(folder / POSITION, facts)

    kept_state(run.folder).publish(fill, {"epoch": 3, "step": 0})
    test = page(**{"more-run-former": True})
    assert "1 finished run holds 1.0\xa0MB that only continuing it exactly needs." in texts(test)
    assert test.button(key="free-former").label == "Free 1.0\xa0MB …"
    test.button(key="runs-free").click().run()
    assert "with a fresh optimizer" in texts(test)
    assert state_bytes(run) > 0
    assert "free-runs-yes" in buttons(test)
    free(run)
    assert "runs-free" not in buttons(page())
    assert spare_states() == []
    classifier = run_folders.create(bench.home, "classifier", run.config, {}, root=bench.home.classifiers)
    kept_state(classifier.folder).publish(fill, {"epoch": 3, "step": 0})
    classifier.end("done", 3)
    assert spare_states() == [(classifier, 1_000_000)]
    shutil.rmtree(bench.home.classifiers)


def test_the_disk_is_said_and_the_state_kept_where_wanted(bench: Workbench, started: list[Any]) -> None:
    test = page()
    assert "of disk while it trains" in texts(test)
    test.checkbox(key="train-keep_state").check().run()
    test.button(key="train-start").click().run()
    [(_, asked)] = started
    assert asked["config"]["keep_state"] is True


def test_deleting_asks_first(bench: Workbench) -> None:
    run = fake_run(bench, "good")
    test = page(**{"more-run-good": True})
    test.button(key="delete-run-good").click().run()
    assert run.folder.exists()
    assert "permanently deleted" in texts(test)
    assert "delete-run-yes" in buttons(test)  # what it does, a browser tests: a dialog's button reruns the dialog alone


def test_runs_are_chosen_for_comparison_and_left_out_again(bench: Workbench) -> None:
    for name in ("one", "two", "three"):
        fake_run(bench, name, seed=int(name == "three"))
    test = page()
    test.button(key="compare-one").click().run()
    assert "on another run" in texts(test)
    test.button(key="compare-two").click().run()
    assert "one or two: not decided" in texts(test)
    assert "**precision\u2060@8**" in texts(test), "the chart is called by its measure"
    assert "No setting differs" in texts(test)
    test.button(key="compare-three").click().run()
    assert test.session_state["runs_compared"] == ["one", "two", "three"]
    assert list(test.table[0].value["Run"]) == ["one", "two", "three"]
    assert "corrected for 3 pairs (Holm)" in texts(test)
    test.button(key="compare-two").click().run()
    assert test.session_state["runs_compared"] == ["one", "three"]
    test.button(key="compare-close").click().run()
    assert test.session_state["runs_compared"] == []


def test_settings_are_compared_over_runs_that_were_not_chosen_too(bench: Workbench) -> None:
    for seed in range(2):
        fake_run(bench, f"plain-{seed}", seed=seed)
        fake_run(bench, f"noisy-{seed}", seed=seed, noise=0.1)
    test = page(runs_compared=["plain-0", "noisy-0"])
    assert "The settings of plain-0 or those of noisy-0: not decided over 2 seeds of each" in texts(test)
    assert "Student's t over the seeds" in texts(test)
    fake_run(bench, "plain-2", seed=2)
    fake_run(bench, "noisy-2", seed=2, noise=0.1)
    assert "not decided over 3 seeds of each" in texts(test.run()), "new runs count at once"


def test_runs_of_other_collections_are_not_compared(bench: Workbench) -> None:
    fake_run(bench, "one")
    other = fake_run(bench, "other")
    other._write(card=other.card | {"collection": {"name": "few", "fingerprint": "few"}})
    shown = texts(page(runs_compared=["one", "other"]))
    assert "all on one collection: figures of others cannot be compared" in shown
    assert "one on shapes, other on few" in shown


def test_details_show_the_epochs_the_settings_and_the_folder(bench: Workbench) -> None:
    run = fake_run(bench, "good")
    test = page(run_open="good")
    assert str(run.folder) in [code.value for code in test.code]
    assert test.select_slider(key="details-good-slider").value == 3
    test.select_slider(key="details-good-slider").set_value(0).run()
    assert "reconstructions by the untrained network" in texts(test)
    assert "of 7** have the label" in texts(test)


def test_the_slider_follows_until_it_is_moved(bench: Workbench) -> None:
    run = fake_run(bench, "good")
    test = page(run_open="good")
    more = {"validation": 0.1, "train": 0.1, "retrieval": 0.9}
    run.note(epoch=4, **more)
    ids = bench.collection("shapes").images().ids
    Watch(run.folder / "watch").note(4, np.array([[*ids[ids != id][:8]] for id in ids]), strip())
    assert test.run().select_slider(key="details-good-slider").value == 4
    test.select_slider(key="details-good-slider").set_value(1).run()
    Watch(run.folder / "watch").note(5, np.array([[*ids[ids != id][:8]] for id in ids]), strip())
    assert test.run().select_slider(key="details-good-slider").value == 1


def test_runs_of_this_collection_come_first_and_what_ships_last(bench: Workbench) -> None:
    fake_run(bench, "good")
    names = [key.removeprefix("details-") for key in buttons(page("few")) if key.startswith("details-")]
    assert names == ["good", "default"]


def test_no_runs_yet(bench: Workbench) -> None:
    test = page()
    assert "No runs of your own yet" in texts(test)
    assert "details-default" in buttons(test), "what ships is listed"


def test_that_there_are_no_runs_is_not_said_beside_the_first(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.pages.train.page.trainings", lambda: SimpleNamespace(busy=True, ended=None))
    monkeypatch.setattr("ui.pages.train.page.training_now", lambda _: None)
    assert "No runs of your own yet" not in texts(page())


def test_settings_that_a_run_does_not_heed_are_not_listed() -> None:
    views = heeded(TrainingConfig(objective="contrastive", network="small-resnet").as_dict())
    assert views.keys() >= {"network", "start", "temperature"}
    assert not views.keys() & {"model", "loss", "clusters", "surroundings", "flip"}
    assert heeded(TrainingConfig().as_dict()).keys() >= {"model", "loss", "surroundings", "flip"}
    grouping = heeded(TrainingConfig(objective="deepcluster", network="resnet-18").as_dict())
    assert grouping.keys() >= {"clusters", "surroundings"}


def test_the_epochs_as_a_table(bench: Workbench) -> None:
    lines = epochs_csv(fake_run(bench, "good", epochs=2)).decode("utf-8-sig").splitlines()
    assert lines[0].startswith("epoch,train,validation,mse,ssim,retrieval,rate")
    assert [line.split(",")[0] for line in lines[1:]] == ["0", "1", "2"]
    assert lines[1].split(",")[1] == ""  # the untrained network was not trained


def test_what_came_of_a_run_in_a_sentence(bench: Workbench) -> None:
    assert "precision@8 went from 40\xa0% (untrained) to 70\xa0% (best checkpoint)" in result(fake_run(bench, "good"))
    kept = fake_run(bench, "kept")
    kept.note(epoch=9, train=1.0, validation=1.0, retrieval=0.99, best=False)
    assert "to 70\xa0% (best checkpoint)" in result(kept)  # not what a later epoch reached
    worse = fake_run(bench, "worse", rise=-0.1)
    assert retrieval_of(worse) == (pytest.approx(0.4), pytest.approx(0.1))
    assert "is lower than untrained: 10\xa0% instead of 40\xa0%" in result(worse)


def test_drawing_an_epoch_takes_few_calls_however_many_there_are(bench: Workbench) -> None:
    def calls(epochs: int) -> int:
        """The calls of functions, built-in ones too, while the page draws a run of so many epochs."""
        run = fake_run(bench, f"long-{epochs}")
        with open(run.folder / "events.jsonl", "a", encoding="utf-8") as file:
            for epoch in range(4, epochs):
                file.write(json.dumps({"epoch": epoch, "train": 0.1, "validation": 0.1, "retrieval": 0.5}) + "\n")
        test, counted = page(run_open=run.name), 0

        def count(frame: Any, event: str, argument: Any) -> None:
            nonlocal counted
            counted += event in ("call", "c_call")

        threading.setprofile(count)
        try:
            test.run()
        finally:
            threading.setprofile(None)
        assert f"long-{epochs}" in str(test.session_state["run_open"])
        return counted

    calls(10)  # what is made once
    few, many = calls(100), calls(1000)
    assert few < many <= few + 400 * 900  # 300 were counted


def test_a_damaged_run_does_not_hide_the_others(bench: Workbench) -> None:
    broken = fake_run(bench, "broken")
    fake_run(bench, "good")
    (broken.folder / "run.json").write_bytes(b"{")
    test = page()
    assert "run-use-good" in buttons(test)
    (broken.folder / "run.json").unlink()
