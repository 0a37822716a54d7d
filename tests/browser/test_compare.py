"""Experiments in a real browser: started, watched, opened, exported, stopped and gone on with.

The tests share one server on a home with 24 small pictures under two labels, and two encoders that need no weights.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from engine.comparisons.recipes.plan import ExperimentPlan, Training
from engine.workbench.workbench import Workbench
from tests.browser.helpers import HOSTILE, Server, blobs, pick_only, serving, settled, violations
from tests.engine.narrow import narrow_model  # noqa: F401

PATIENCE = 180_000  # milliseconds; an experiment starts in five seconds on a quiet machine
ENDLESS = {"model": 1, "size": 32, "epochs": 5000, "batch": 8, "probe": 24}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return blobs(tmp_path_factory.mktemp("comparing"))


@pytest.fixture(scope="module")
def server(bench: Workbench) -> Iterator[Server]:
    with serving(bench.home.root) as running:
        yield running


def lines(page: Any) -> Any:
    return page.locator("tbody tr")


def names(page: Any) -> list[str]:
    return [" ".join(text.split()) for text in page.locator("tbody th").all_inner_texts()]


def test_an_experiment_from_the_form_to_the_worst_queries(page: Any, server: Server, bench: Workbench) -> None:
    page.goto(f"{server.url}/compare")
    page.get_by_role("heading", name="New comparison", exact=True).wait_for()
    pick_only(page, "Encoders", "Raw pixels", "Colour histogram")
    pick_only(page, "Distances", "Cosine", "Euclidean")
    page.get_by_text("4 configurations", exact=True).wait_for()
    assert violations(page) == []
    page.get_by_label("Title", exact=True).fill(HOSTILE)
    page.get_by_role("button", name="Start comparison", exact=True).click()
    title = page.get_by_role("heading", level=2).filter(has_text="bold")
    title.wait_for()
    assert title.inner_text().replace("\u2060", "") == HOSTILE  # nothing of it is read as Markdown or HTML
    lines(page).nth(3).wait_for(timeout=PATIENCE)
    expect(page.get_by_text(re.compile(r"4 of 4 configurations measured"))).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".st-key-experiment-now")).to_have_count(0, timeout=PATIENCE)
    settled(page)

    shown = [float(text.strip("★").split()[0]) for text in page.locator("tbody td:nth-child(2)").all_inner_texts()]
    assert shown == sorted(shown, reverse=True)
    before = names(page)
    page.get_by_role("columnheader", name="configuration").get_by_role("button").click()
    expect(page.get_by_role("columnheader", name="configuration")).to_have_attribute("aria-sort", "ascending")
    assert names(page) == sorted(before)

    lines(page).first.click()
    page.get_by_text("Worst queries", exact=True).wait_for()
    page.locator(".grid.strip").nth(7).wait_for()
    assert page.locator(".grid.strip").first.locator("img").count() == 9
    assert violations(page) == []
    tile = page.locator(".grid.strip").first.locator("button.tile").first
    query = tile.get_attribute("data-id")
    tile.click()
    page.wait_for_url(re.compile(rf"encoder=colour-histogram&.*metric=cosine&.*q={query}(&|$)"))


def test_it_is_exported_shared_renamed_and_deleted(page: Any, server: Server, bench: Workbench) -> None:
    (experiment,) = bench.experiments()
    page.goto(f"{server.url}/compare?experiment={experiment.name}")
    lines(page).nth(3).wait_for()
    page.get_by_role("button", name="Export").click()
    kept: dict[str, Path] = {}
    for label, kind in (("CSV", "csv"), ("HTML report", "html"), ("JSON", "json")):
        with page.expect_download() as download:
            page.get_by_role("button", name=label, exact=True).click()
        assert download.value.suggested_filename == f"{experiment.name}.{kind}"
        kept[kind] = Path(download.value.path())
    assert len(json.loads(kept["json"].read_text())["rows"]) == 4
    assert len(kept["csv"].read_text().splitlines()) >= 5
    assert "<b>bold</b>" not in kept["html"].read_text()
    page.keyboard.press("Escape")

    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_label("Title", exact=True).first.fill("Renamed")
    page.get_by_role("button", name="Rename", exact=True).click()
    page.get_by_role("heading", name="Renamed", exact=True).wait_for()
    settled(page)
    page.get_by_role("button", name="Delete …", exact=True).click()
    page.get_by_role("button", name="Delete comparison", exact=True).click()
    page.get_by_text("No comparisons yet. The first appears here").wait_for()
    page.wait_for_url(lambda url: "experiment=" not in url)  # the address is written last
    assert bench.experiments() == []


def test_one_that_trains_is_stopped_and_goes_on_dark(page: Any, server: Server, bench: Workbench) -> None:
    plan = ExperimentPlan("Slow", "blobs", encoders=("raw-pixels",), trainings=(Training("Never ends", ENDLESS),))
    experiment = bench.plan_experiment(plan)
    bench.start("experiment", name=experiment.name)
    page.goto(f"{server.url}/compare?experiment={experiment.name}")
    panel = page.locator(".st-key-experiment-now")
    lines(page).first.wait_for(timeout=PATIENCE)  # the first row is there while the second one is still trained
    panel.get_by_text(re.compile("epoch [1-9]")).wait_for(timeout=PATIENCE)
    assert names(page) == ["Raw pixels"]
    panel.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text("Stopped. 1 configuration left to measure.").wait_for(timeout=PATIENCE)
    settled(page)
    assert violations(page) == []
    page.get_by_role("button", name="Continue", exact=True).click()
    panel.get_by_text(re.compile("epoch [1-9]")).wait_for(timeout=PATIENCE)
    assert len(bench.runs()) == 2  # the one that ships, and the one that was begun: it went on and is no new one
    panel.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text("Stopped. 1 configuration left to measure.").wait_for(timeout=PATIENCE)
