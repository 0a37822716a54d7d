"""What is shown while a training runs or waits, and what its curves say."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.core.progress import Progress
from engine.core.storage import write_json
from engine.jobs.job import WAITING
from engine.workbench.workbench import Workbench
from tests.ui.pages.train.conftest import buttons, fake_job, fake_run, page, texts
from ui.pages.train import fields
from ui.pages.train.live import sentence
from ui.pages.train.state import go_on, trainings
from ui.pages.train.watch import rate_points
from ui.shared.training_curves import Line, loss_chart, points, spoken


def test_a_second_training_waits_and_can_be_cancelled(bench: Workbench) -> None:
    run = fake_run(bench, "first", "cut off")
    config = fields.config_of(fields.DEFAULTS)
    first = fake_job(bench, "20260101-000000-000", "Training", run="first")
    second = fake_job(bench, "20260101-000001-000", WAITING, collection="shapes", config=config)
    with first, second, run.training():
        now = trainings()
        assert now.run == run
        assert [job.id for job in now.waiting] == ["20260101-000001-000-train"]
        test = page()
        shown = texts(test)
        assert "is queued (next): Small ResNet, 100 epochs at 64 px" in shown
        assert "Runs in the background" in shown
        test.button(key="cancel-20260101-000001-000-train").click().run()
        assert (bench.home.jobs / "20260101-000001-000-train" / "stop").exists()
        assert not (bench.home.jobs / "20260101-000000-000-train" / "stop").exists()
    for lock in (first, second):
        lock.release(force=True)


def test_what_was_cancelled_while_it_waited_is_no_news(bench: Workbench) -> None:
    fake_run(bench, "first", "cut off")
    first = fake_job(bench, "20260101-000000-000", "Training", run="first")
    second = fake_job(bench, "20260101-000001-000", WAITING, collection="shapes", config={})
    for lock in (first, second):
        lock.release(force=True)
    write_json(bench.home.jobs / "20260101-000001-000-train" / "result.json", {"state": "stopped"})
    ended = trainings().ended
    assert ended is not None
    assert ended.id == "20260101-000000-000-train"


def test_a_run_is_continued_once(bench: Workbench, started: list[Any]) -> None:
    run = fake_run(bench, "cut", "cut off")
    with fake_job(bench, "20260101-000000-000", WAITING, run="cut") as lock:
        go_on(run)
        assert not started
    lock.release(force=True)
    go_on(run)
    assert len(started) == 1


def test_a_run_from_the_command_line_is_shown_without_a_stop(bench: Workbench) -> None:
    run = fake_run(bench, "typed", "cut off")
    with run.training():
        test = page()
        assert "Started from the command line" in texts(test)
        assert not [key for key in buttons(test) if str(key).startswith("stop-train")]


def test_a_training_of_an_experiment_is_stopped_where_that_is(bench: Workbench) -> None:
    run = fake_run(bench, "planned", "cut off")
    with run.training(job="20260101-000000-000-experiment"):
        assert "Part of a comparison; stop it on the Compare page." in texts(page())


def test_what_failed_otherwise_is_continued_without_talk_of_the_rate(bench: Workbench) -> None:
    run = fake_run(bench, "full", "stopped")
    run.end("failed", 3, error="The disk refused to store it.")
    fake_job(bench, "20260101-000000-000", "Training", run="full").release(force=True)
    result = {"state": "failed", "error": "The collection must be as it was."}
    write_json(bench.home.jobs / "20260101-000000-000-train" / "result.json", result)
    test = page()
    assert {"run-continue-full", "news-continue-full"} <= set(buttons(test))
    assert not [key for key in buttons(test) if "lower" in str(key)]
    assert [error.value for error in test.error] == ["The collection must be as it was\\."]


def test_the_end_of_the_last_training_is_shown(bench: Workbench) -> None:
    fake_run(bench, "first", "cut off")
    fake_job(bench, "20260101-000000-000", "Training", run="first").release(force=True)
    test = page()
    assert "The training was interrupted after 3 epochs" in texts(test)
    assert test.button(key="news-continue-first").label == "Continue from epoch 3"
    test.button(key="news-close").click().run()
    assert "The training was interrupted after 3 epochs" not in texts(test)


def test_the_epoch_comes_first() -> None:
    progress = Progress("Training", 310, 1240, rate=310.4, seconds_left=25.2, note="epoch 11 of 40 · loss 0.01234")
    assert sentence(progress) == "Epoch 11 of 40 · loss 0.01234 · 310 pictures/s · 25\xa0s left"
    assert sentence(Progress("Decoding", 5, 10)) == "Decoding · 5 of 10 pictures"


def test_curves_are_told_to_those_who_cannot_see_them() -> None:
    events = [{"epoch": 0, "validation": 1.0}, {"epoch": 1}, {"epoch": 2, "validation": 0.25}]
    line = Line("held-out", points(events, "validation"))
    assert spoken("Loss", line) == "Loss: from 1 at epoch 0 to 0.25 at epoch 2."
    assert spoken("Loss", Line("", [])) == "Loss: nothing measured yet."


@pytest.mark.parametrize(("epochs", "told"), [(1, "Known after the first epoch."), (3, "Not measured in this run.")])
def test_what_is_not_measured_yet_is_not_called_unmeasured(epochs: int, told: str) -> None:
    def losses(events: list[dict[str, int]]) -> None:
        from ui.pages.train.watch import _losses

        _losses(events, None, "training objective", False, "k")

    events = [{"epoch": epoch} for epoch in range(epochs)]
    assert AppTest.from_function(losses, kwargs={"events": events}).run().caption[0].value == told


def test_the_loss_of_an_untrained_network_is_drawn_for_all_lines_or_for_none() -> None:
    learning, fresh = [(0.0, 9.0), (1.0, 1.0), (2.0, 0.5)], [(0.0, 8.0)]
    calm = [(0.0, 1.5), (1.0, 1.0)]

    def epochs(*lines: list[tuple[float, float]], log: bool = False) -> list[list[float]]:
        return [list(trace.x) for trace in loss_chart([Line("run", line) for line in lines], log=log).data]

    assert epochs(calm) == [[0, 1]]
    assert epochs(learning, calm) == [[1, 2], [1]]
    assert epochs(learning, calm, log=True) == [[0, 1, 2], [0, 1]]
    assert epochs(learning, fresh) == [[1, 2], [0]]


def test_the_settings_of_the_study_reset_every_schedule() -> None:
    assert fields.REPORT["plateau.factor"] == 0.2
    assert fields.REPORT["warm-restarts.t_0"] == 10


def test_warm_restarts_are_drawn_within_the_epochs(bench: Workbench) -> None:
    options = {"t_0": 1, "t_mult": 1, "eta_min": 1e-4}
    run = fake_run(bench, "restarts", schedule="warm-restarts", options=options)
    rates = rate_points(run, run.events())
    assert rates[-1][0] <= 3
    assert max(rate for _, rate in rates) > 5 * min(rate for _, rate in rates)  # the noted ones are all .001
    constant = fake_run(bench, "constant")
    assert {rate for _, rate in rate_points(constant, constant.events())} == {0.001}
