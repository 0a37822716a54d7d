"""Training in a real browser: watched, stopped from a second tab, continued, cut off, and after a crash of the server.

The tests share one server on a home with 24 small pictures; a training of Model 1 on them takes a second for some
epochs, so one with thousands of them goes on until a test stops it.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import TimeoutError, expect

from engine.jobs.job import Job
from engine.runs.run import Run
from engine.workbench.workbench import Workbench
from tests.browser.helpers import SOON, TRIES, Server, blobs, pick, serving, settled, violations
from tests.engine.narrow import narrow_model  # noqa: F401

PATIENCE = 180  # seconds; a training starts in five on a quiet machine
ENDLESS = {"model": 1, "size": 32, "epochs": 5000, "contrast": 0.0, "batch": 8, "probe": 24}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return blobs(tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="module")
def server(bench: Workbench) -> Iterator[Server]:
    with serving(bench.home.root) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_runs(bench: Workbench) -> Iterator[None]:
    """No training outlives its test."""
    yield
    for job in bench.jobs():
        if job.alive:
            job.stop()
            job.wait(30)


def fill(page: Any, label: str, value: str) -> None:
    page.get_by_label(label, exact=True).fill(value)
    page.keyboard.press("Enter")
    settled(page)


def epoch(page: Any) -> int:
    """The epoch that the page says is being trained."""
    line = page.locator(".st-key-training-now").get_by_text(re.compile(r"Epoch \d+ of \d+"))
    line.wait_for(timeout=1000 * PATIENCE)
    return int(re.search(r"Epoch (\d+) of", line.inner_text())[1])  # type: ignore[index]


def reach(page: Any, wanted: int) -> None:
    until = time.monotonic() + PATIENCE
    while epoch(page) < wanted:
        assert time.monotonic() < until, f"epoch {wanted} is not reached"
        page.wait_for_timeout(300)


def begun(bench: Workbench, epochs: int = 2) -> tuple[Job, Run]:
    """A training started behind the page's back, once so many epochs are done."""
    job = bench.start("train", collection="blobs", config=ENDLESS)
    until = time.monotonic() + PATIENCE
    while True:
        run = next((run for run in bench.runs() if run.job == job.id), None)
        if run is not None and run.epochs_done >= epochs:
            return job, run
        assert job.alive, job.error
        assert time.monotonic() < until
        time.sleep(0.1)


def drawn(page: Any) -> int:
    """The last epoch in the curve of the retrieval."""
    figure = page.get_by_role("figure", name=re.compile(r"precision@8: from .* at epoch 0 to"))
    return int(re.search(r"(\d+)\.$", figure.get_attribute("aria-label"))[1])  # type: ignore[index]


def test_watch_reload_stop_from_a_second_tab_and_continue(page: Any, server: Server) -> None:
    page.goto(server.url + "/train")
    page.get_by_text("Reconstruction only", exact=True).click()
    pick(page, "Model", "Model 1 · five blocks")
    pick(page, "Input size", "other …")
    fill(page, "Side length (px)", "32")
    fill(page, "Epochs", "5000")
    page.get_by_role("button", name="Start training").click()
    page.get_by_text("Runs in the background").wait_for()
    reach(page, 3)
    page.get_by_role("figure", name=re.compile("Loss, validation: from .* at epoch")).wait_for()
    page.get_by_role("figure", name=re.compile(r"precision@8: from .* at epoch 0 to")).wait_for()
    page.get_by_role("img", name=re.compile("pictures reconstructed after epoch")).wait_for()
    expect(page.locator(".st-key-training-now").get_by_text("validation loss")).to_be_visible()
    seen, shown = epoch(page), drawn(page)
    until = time.monotonic() + PATIENCE
    while drawn(page) <= shown:  # the curves follow by themselves
        assert time.monotonic() < until, f"the curves stay at epoch {shown}"
        page.wait_for_timeout(300)
    page.reload()
    reach(page, seen + 1)

    other = page.context.new_page()
    other.goto(server.url + "/train")
    reach(other, seen + 1)
    other.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True).click()
    for tab in (page, other):
        tab.get_by_text(re.compile(r"The training was stopped after \d+ epochs")).wait_for(timeout=1000 * PATIENCE)
    other.close()

    button = page.get_by_role("button", name=re.compile(r"Continue from epoch \d+")).first
    stopped_at = int(re.search(r"\d+", button.inner_text())[0])  # type: ignore[index]
    assert stopped_at >= seen
    button.click()
    page.get_by_text("Runs in the background").wait_for()
    assert epoch(page) > stopped_at


def look_back(page: Any) -> None:
    """Move the slider to the first epoch. A press within a fifth of a second before the next epoch is drawn is lost."""
    for _ in range(TRIES):
        page.get_by_test_id("stMain").get_by_role("slider").first.press("Home")
        with suppress(TimeoutError):
            page.get_by_text("reconstructions by the untrained network").wait_for(timeout=3 * SOON)
            return
    pytest.fail("the slider cannot be moved")


def test_a_look_back_at_earlier_epochs_and_at_another_picture(page: Any, server: Server, bench: Workbench) -> None:
    begun(bench, epochs=3)
    page.goto(server.url + "/train")
    reach(page, 4)
    look_back(page)
    at = epoch(page)
    reach(page, at + 2)
    expect(page.get_by_text("reconstructions by the untrained network")).to_be_visible()  # it does not follow any more
    query = page.locator("ul[aria-label='Query picture'] .tile")
    before = query.get_attribute("data-id")
    page.get_by_role("button", name="Choose another picture").click()
    others = page.locator("ul[aria-label='Pictures to choose from'] button.tile:not(.selected)")
    wanted = others.nth(5).get_attribute("data-id")
    others.nth(5).click()
    expect(query).to_have_attribute("data-id", wanted)
    assert wanted != before
    page.get_by_text(re.compile(r"\d of 8 have the label")).wait_for()


def test_a_second_training_waits_for_its_turn(page: Any, server: Server, bench: Workbench) -> None:
    begun(bench, epochs=1)
    page.goto(server.url + "/train")
    epoch(page)
    page.get_by_text("Train another encoder", exact=True).click()
    page.get_by_role("button", name="Add to queue").click()
    page.get_by_text("is queued (next)").wait_for()
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_text("is queued (next)").wait_for(state="detached")
    assert epoch(page)  # the first one goes on


def test_a_killed_server_finds_the_training_again(chromium: Any, bench: Workbench) -> None:
    begun(bench)
    for number in range(2):
        own = Server(bench.home.root, bench.home.root / f"server-{number}.log")
        own.wait()
        page = chromium.new_context(viewport={"width": 1360, "height": 900}).new_page()
        page.goto(own.url + "/train")
        seen = epoch(page)
        reach(page, seen + 1)
        page.context.close()
        own.process.send_signal(signal.SIGKILL)
        own.process.wait(10)


def test_a_run_that_was_cut_off_offers_to_go_on(page: Any, server: Server, bench: Workbench) -> None:
    job, run = begun(bench)
    page.goto(server.url + "/train")
    epoch(page)
    assert job.worker is not None
    os.kill(job.worker, signal.SIGKILL)
    page.get_by_text(re.compile(r"The training was interrupted after \d+ epochs")).wait_for(timeout=1000 * PATIENCE)
    assert run.state == "interrupted"
    page.locator(".st-key-training-news").get_by_role("button", name=re.compile("Continue from epoch")).click()
    reach(page, run.epochs_done + 1)


def test_impossible_numbers_are_refused_with_one_sentence(page: Any, server: Server) -> None:
    page.goto(server.url + "/train")
    fill(page, "Epochs", "0")
    alert = page.get_by_test_id("stAlert").filter(has_text="The epochs of the training must be a whole number from 1")
    alert.wait_for()
    assert page.get_by_role("button", name="Learn from my pictures").is_disabled()
    fill(page, "Epochs", "3")
    alert.wait_for(state="detached")
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Collections").click()
    page.get_by_role("heading", name="Collections", exact=True).wait_for()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Train").click()
    expect(page.get_by_label("Epochs", exact=True)).to_have_value("3")


def test_the_runs_are_compared_named_and_deleted(page: Any, server: Server, bench: Workbench) -> None:
    for _ in range(2):
        bench.run("train", collection="blobs", config=ENDLESS | {"epochs": 2})
    first, second = (run for run in bench.runs()[:2])
    page.goto(server.url + "/train")
    for run in (first, second):
        page.locator(f".st-key-compare-{run.name} button").click()
        settled(page)
    page.get_by_role(
        "figure", name=re.compile(rf"{first.name}: from .*{second.name}: from", re.DOTALL)
    ).first.wait_for()
    page.locator(f".st-key-details-{first.name} button").click()
    page.get_by_role("img", name=re.compile("pictures reconstructed after epoch 2")).wait_for()
    settled(page)
    assert not violations(page)
    page.locator(f".st-key-more-run-{first.name} button").click()
    page.get_by_role("button", name="Delete …").click()
    page.get_by_role("button", name="Delete run").click()
    page.locator(f".st-key-run-{first.name}").wait_for(state="detached")
    assert not first.folder.exists()
    assert second.folder.exists()


def test_a_finished_run_searches_at_once(page: Any, server: Server, bench: Workbench) -> None:
    bench.run("train", collection="blobs", config=ENDLESS | {"epochs": 1, "name": "used"})
    run = bench.training_run("used")
    page.goto(server.url + "/train")
    page.locator(f".st-key-run-use-{run.name} button").click()
    page.get_by_role("heading", name="Find similar pictures").wait_for()
    page.get_by_text(re.compile("Exact search over 23")).wait_for(timeout=1000 * PATIENCE)
    page.wait_for_url(re.compile(rf"encoder=model-1%40{run.name}|encoder=model-1@{run.name}"))


def test_dark_mode_of_a_training_has_no_violation(page: Any, server: Server, bench: Workbench) -> None:
    begun(bench)
    page.goto(server.url + "/train")
    reach(page, 3)
    page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text("The training was stopped").wait_for(timeout=1000 * PATIENCE)
    settled(page)
    assert not violations(page)
