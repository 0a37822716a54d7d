"""Duplicates by vectors and outliers in a real browser: the threshold, another keeper, the way to the search."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.grouping.plan import GroupingPlan, Step
from engine.workbench.workbench import Workbench
from tests.browser.helpers import HOSTILE, Server, in_both_modes, serving, settled, violations

COUNT, TWICE = 16, 3
PATIENCE = 120_000  # milliseconds; a new collection is made by a job of its own
NAME = HOSTILE.replace("/", "")  # as a file can be called
RECIPE = Recipe("twins", "raw-pixels", embedding="flatten")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 soft patches of colour, three of them also at half the size, grouped; one copy has a hostile name."""
    home = tmp_path_factory.mktemp("tidying")
    rng, folder = np.random.default_rng(0), home / "pictures"
    folder.mkdir()
    for number in range(COUNT):
        patches = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        picture = patches.resize((128, 128), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:02d}.png")
        if number < TWICE:
            name = NAME if not number else f"{number:02d}-small"
            picture.resize((64, 64)).save(folder / f"{name}.png")
    bench = Workbench(Home(home))
    bench.run("import", source="folder", title="Twins", path=str(folder))
    plan = GroupingPlan(Step.parse("kmeans(groups=2)"), None, Step.parse("pca"))
    bench.run("group", recipe=RECIPE.as_dict(), plan=plan.as_dict(), title="Two")
    return home


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    with serving(home) as running:
        yield running


@pytest.fixture
def tab(page: Any, server: Server) -> Any:
    """The page of duplicates with those by vectors open."""
    page.goto(f"{server.url}/duplicates?collection=twins&encoder=raw-pixels&embedding=flatten&metric=cosine")
    page.get_by_text("By vectors", exact=True).click()
    page.get_by_text("Maximum distance of a duplicate").wait_for()
    expect(page.get_by_role("heading", name=f"{TWICE} groups with {TWICE} duplicates")).to_have_count(2)
    settled(page)
    return page


@pytest.fixture
def outliers(page: Any, server: Server) -> Any:
    """The grouping with the tab of outliers open."""
    page.goto(f"{server.url}/groups?collection=twins&encoder=raw-pixels&embedding=flatten&metric=cosine")
    page.get_by_role("tab", name="Outliers").click()
    page.get_by_role("heading", name="Outliers", exact=True).wait_for()
    settled(page)
    return page


def test_a_group_shows_what_to_keep_and_takes_another_choice(tab: Any) -> None:
    group = tab.locator(".st-key-duplicates-vectors section.group, section.group:has(.choose)", has_text=NAME)
    expect(group.locator("li.item")).to_have_count(2)
    kept = group.locator("li.item.keep")
    expect(kept).to_contain_text("00.png")
    expect(kept).to_contain_text("128 × 128")
    group.get_by_role("button", name="instead").click()
    expect(kept).to_contain_text(NAME)
    expect(kept).to_contain_text("64 × 64")
    with tab.expect_download() as download:
        tab.get_by_test_id("stExpanderDetails").locator(".st-key-copies-csv button").first.click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8-sig"))))
    assert sum(row["keep"] == "yes" for row in rows) == TWICE
    assert [row["keep"] for row in rows if NAME in row["file"]] == ["yes"]
    tab.get_by_role("button", name="Reset choices").click()
    expect(kept).to_contain_text("00.png")


def test_the_threshold_moves_and_says_what_it_means(tab: Any) -> None:
    slider = tab.get_by_role("slider")
    slider.focus()
    slider.press("Home")
    tab.get_by_text(f"No duplicates among {COUNT + TWICE} pictures").wait_for()
    tab.get_by_role("button", name="Use suggested", exact=True).click()
    expect(tab.get_by_role("heading", name=f"{TWICE} groups with {TWICE} duplicates")).to_have_count(2)


def test_a_click_on_a_picture_looks_for_it(tab: Any) -> None:
    tab.get_by_role("button", name="Search for 01-small.png").click()
    tab.get_by_role("heading", name="8 most similar to 01-small.png").wait_for()
    tab.wait_for_url("**encoder=raw-pixels**")
    first = tab.locator(".grid.answers button.tile").first
    assert first.get_attribute("title") == "01.png"


def test_a_click_on_an_outlier_looks_for_it(outliers: Any) -> None:
    odd = outliers.locator(".grid.browse button.tile").first
    name = odd.get_attribute("title")
    odd.click()
    outliers.get_by_role("heading", name=f"8 most similar to {name}").wait_for()


def test_a_new_collection_has_no_copies(tab: Any, home: Path) -> None:
    tab.get_by_role("button", name="New collection without duplicates").click()
    tab.get_by_label("Collection name").fill("Tidy")
    tab.get_by_label("Collection name").press("Tab")
    tab.get_by_role("button", name="Create collection", exact=True).click()
    tab.get_by_text("The collection Tidy was created.").wait_for(timeout=PATIENCE)
    job = next(job for job in Workbench(Home(home)).jobs() if job.kind == "extract")
    assert job.wait(60) == "done", job.error
    assert len(Workbench(Home(home)).collection("tidy")) == COUNT


def test_anyone_can_use_it(tab: Any) -> None:
    for mode in in_both_modes(tab):
        assert violations(tab) == [], mode
