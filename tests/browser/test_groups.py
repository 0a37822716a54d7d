"""Groups in a real browser: made from the form, cut, opened, named, moved, exported, as one visitor after the other.

The tests share one server on a home with 24 small pictures of two hues, and an encoder that needs no weights.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.stored.grouping import Grouping
from engine.workbench.workbench import Workbench
from tests.browser.helpers import (
    HOSTILE,
    Server,
    blobs,
    close_seeing,
    pick,
    see_with,
    serving,
    settled,
    violations,
)
from tests.browser.test_views import asked, drag

PATIENCE = 120_000  # milliseconds; a grouping starts in five seconds on a quiet machine
COUNT = 24
TREE = GroupingPlan(Step("hierarchical", (("groups", 2),)), map=Step("pca"))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return blobs(tmp_path_factory.mktemp("grouping"))


@pytest.fixture(scope="module")
def server(bench: Workbench) -> Iterator[Server]:
    with serving(bench.home.root) as running:
        yield running


@pytest.fixture
def grouping(bench: Workbench) -> Grouping:
    """The tree of 24 pictures, without anybody's changes."""
    found = [grouping for grouping in bench.groupings("blobs") if grouping.title == "Tree of blobs"]
    if not found:
        recipe = bench.default_recipe("blobs").but(encoder="colour-histogram", weights="")
        bench.run("group", recipe=recipe.as_dict(), plan=TREE.as_dict(), title="Tree of blobs")
        found = bench.groupings("blobs")
    while found[0].undo():
        pass
    return found[0]


def visit(page: Any, server: Server, grouping: Grouping, tab: str) -> None:
    page.goto(f"{server.url}/groups?collection=blobs&grouping={grouping.name}")
    page.get_by_role("tab", name=tab, exact=True).click()
    settled(page)


def shown(text: str) -> str:
    """A text of the page without the invisible marks that keep it from being read as an address."""
    return text.replace("\u2060", "")


def test_a_grouping_from_the_form_to_its_cards(page: Any, server: Server, bench: Workbench) -> None:
    page.goto(f"{server.url}/groups")
    page.get_by_role("heading", name="Group “Blobs”", exact=True).wait_for()
    settled(page)
    page.get_by_text("Tree (manual cut)", exact=True).click()
    page.get_by_text("Steps and settings", exact=True).click()
    page.get_by_label("Groups", exact=True).wait_for()
    settled(page)
    see_with(page, "Colour histogram")
    close_seeing(page)
    page.get_by_text("Colour histogram · Max pool · Cosine, from the sidebar", exact=True).wait_for()
    page.get_by_label("Groups", exact=True).fill("3")
    page.keyboard.press("Enter")
    page.get_by_text("Map", exact=True).click()
    pick(page, "Layout", "PCA")
    page.get_by_text(re.compile(r"Prepare 24 pictures → Hierarchical → PCA for the map: about")).wait_for()
    settled(page)
    assert violations(page) == []
    page.get_by_label("Name", exact=True).fill(HOSTILE)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Group", exact=True).click()
    title = page.get_by_role("heading", level=2).filter(has_text="bold")
    title.wait_for(timeout=PATIENCE)
    assert shown(title.inner_text()) == HOSTILE  # nothing of it is read as Markdown or HTML
    page.get_by_text("24 pictures in 3 groups", exact=True).wait_for()
    expect(page.locator("button.card")).to_have_count(3)
    page.wait_for_function("() => document.querySelector('.stMetric')")
    settled(page)
    assert violations(page) == []
    [made] = bench.groupings("blobs")
    assert f"grouping={made.name}" in page.url
    assert (made.recipe.encoder, made.plan.map.name, made.title) == ("colour-histogram", "pca", HOSTILE)


def test_the_tree_is_cut_and_a_leaf_shows_its_picture(page: Any, server: Server, grouping: Grouping) -> None:
    visit(page, server, grouping, "Tree")
    tree = page.get_by_role("group", name="Tree of Tree of blobs")
    tree.wait_for()
    handle = tree.get_by_role("slider")
    handle.focus()
    page.keyboard.press("PageDown")
    page.keyboard.press("PageDown")
    page.keyboard.press("Enter")
    page.get_by_text("24 pictures in 4 groups", exact=True).wait_for()
    assert grouping.edits()[-1]["kind"] == "cut"
    settled(page)
    expect(page.get_by_label("Number of groups", exact=True)).to_have_value("4")
    tree.get_by_role("button", name="gold/00.png · gold", exact=True).click()
    page.get_by_role("heading", name="This branch: 1 picture", exact=True).wait_for()
    page.get_by_role("list", name="Pictures of this branch").locator("img").first.wait_for()
    settled(page)
    assert violations(page) == []
    with page.expect_download() as download:
        page.get_by_role("button", name="Tree as SVG", exact=True).click()
    svg = Path(download.value.path()).read_text()
    assert svg.startswith("<svg")
    assert svg.count("data:image/webp") == COUNT
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_text("24 pictures in 2 groups", exact=True).wait_for()
    assert grouping.edits() == []


def test_a_lasso_on_the_map_becomes_a_new_group_dark(page: Any, server: Server, grouping: Grouping) -> None:
    visit(page, server, grouping, "Map")
    stage = page.locator(".stage")
    stage.wait_for()
    expect(page.get_by_text("Loading the points …")).to_be_hidden()
    page.get_by_role("button", name="Draw around pictures").click()
    box, places = stage.bounding_box(), asked(stage, f"Array.from({{length: {COUNT}}}, (_, i) => map.at(i))")
    points = np.array(places) + np.array([box["x"], box["y"]])
    middle = float(np.median(points[:, 0]))
    inside = points[points[:, 0] < middle]
    left, top = inside.min(axis=0) - 8
    bottom = inside[:, 1].max() + 8
    drag(page, (left, top), (middle - 0.5, top), (middle - 0.5, bottom), (left, bottom), (left, top))
    page.get_by_text(f"{len(inside)} pictures selected", exact=True).first.wait_for()
    settled(page)
    assert violations(page) == []
    assert asked(stage, f"Array.from({{length: {COUNT}}}, (_, i) => map.at(i))") == places  # the map stays as it is
    expect(page.get_by_role("button", name="Draw around pictures")).to_have_attribute("aria-pressed", "true")
    bar = page.locator(".st-key-selection-at-map")
    with page.expect_download() as download:
        bar.get_by_role("button", name="CSV", exact=True).click()
    assert len(Path(download.value.path()).read_text().splitlines()) == 1 + len(inside)
    bar.get_by_role("button", name=re.compile("Move to")).click()
    page.get_by_label("Group name", exact=True).fill("Left half")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Move", exact=True).click()
    page.get_by_text(re.compile(r"2 manual changes")).wait_for(state="attached")  # folded away
    edit, name = grouping.edits()
    assert (edit["kind"], edit["to"], len(edit["ids"])) == ("move", "new", len(inside))
    assert name["title"] == "Left half"


def test_on_a_telephone_the_map_is_in_sight_and_the_selection_takes_one_row(
    page: Any, server: Server, grouping: Grouping
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, server, grouping, "Map")
    stage = page.locator(".stage")
    stage.wait_for()
    expect(page.get_by_text("Loading the points …")).to_be_hidden()
    settled(page)
    box = stage.bounding_box()
    assert box["y"] < 844 / 2
    assert box["y"] + box["height"] <= 844 + 8
    bar = page.locator(".st-key-selection-at-map")
    expect(bar).to_be_hidden()  # nothing is selected
    stage.focus()
    page.get_by_role("button", name="Drag a box around pictures").click()
    corner = (box["x"] + box["width"] - 4, box["y"] + box["height"] - 4)
    drag(page, (box["x"] + 4, box["y"] + 4), corner)
    bar.get_by_text(f"{COUNT} selected", exact=True).wait_for()
    settled(page)
    place = bar.bounding_box()
    assert place["height"] < 64
    assert place["y"] + place["height"] <= 844
    for name in ("Move to …", "Search", "CSV", "New collection", "Clear"):
        button = bar.get_by_role("button", name=name, exact=True).locator("visible=true").bounding_box()
        assert place["x"] <= button["x"]
        assert button["x"] + button["width"] <= place["x"] + place["width"]
    assert violations(page) == []
    bar.get_by_role("button", name="Clear", exact=True).click()
    expect(bar).to_be_hidden()


def test_a_group_is_named_and_exported(page: Any, server: Server, grouping: Grouping, bench: Workbench) -> None:
    visit(page, server, grouping, "Groups")
    page.locator("button.card").first.click()
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Group name", exact=True).fill(HOSTILE)
    page.get_by_role("button", name="Save", exact=True).click()
    head = page.get_by_role("heading", level=3).filter(has_text="bold")
    head.wait_for()
    first = grouping.groups().groups[0]
    assert shown(head.inner_text()) == f"{HOSTILE} · {len(first)}"
    settled(page)
    assert violations(page) == []
    page.get_by_role("button", name="Export").nth(1).click()
    with page.expect_download() as download:
        page.get_by_test_id("stPopoverBody").get_by_role("button", name="CSV", exact=True).click()
    lines = list(csv.reader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    assert [int(line[1]) for line in lines[1:]] == first.ids.tolist()
    assert {line[2] for line in lines[1:]} == {"'" + HOSTILE}  # a formula to no spreadsheet

    page.get_by_role("textbox", name="Folder", exact=True).fill(str(bench.home.root / "pictures"))
    page.get_by_role("button", name="Copy files", exact=True).click()
    page.get_by_text(re.compile(rf"{len(first)} pictures copied to")).wait_for(timeout=PATIENCE)
    [folder] = (bench.home.root / "pictures" / "Tree of blobs").iterdir()
    assert len(list(folder.iterdir())) == len(first)


def test_members_by_keyboard_split_and_a_new_collection(
    page: Any, server: Server, grouping: Grouping, bench: Workbench
) -> None:
    visit(page, server, grouping, "Groups")
    page.locator("button.card").first.focus()
    page.keyboard.press("Enter")
    tile = page.locator("button.tile").first
    tile.focus()
    page.keyboard.press("Enter")
    page.get_by_text("1 selected", exact=True).wait_for()
    page.get_by_role("button", name="Split").click()
    page.get_by_role("button", name="Split group", exact=True).click()
    page.get_by_text("24 pictures in 3 groups", exact=True).wait_for()
    page.get_by_role("button", name="Export").first.click()
    page.get_by_label("Collection name", exact=True).fill("Grouped blobs")
    page.get_by_role("button", name="Create collection", exact=True).click()
    # Drop-downs have a button "Open", too.
    opens = page.locator(".st-key-groups-news-extract").get_by_role("button", name="Open", exact=True)
    opens.wait_for(timeout=PATIENCE)
    assert set(bench.collection("grouped-blobs").labels()) == {"Group 1", "Group 2", "Group 3"}
    opens.click()
    page.get_by_role("heading", name="Group “Grouped blobs”", exact=True).wait_for()


def test_groups_become_labels_and_are_taken_back(
    page: Any, server: Server, grouping: Grouping, bench: Workbench
) -> None:
    before = bench.collection("blobs").labels()
    visit(page, server, grouping, "Groups")
    page.get_by_role("button", name="Export").first.click()
    page.get_by_role("button", name="Write as labels …", exact=True).click()
    page.get_by_role("button", name="Write labels", exact=True).click()
    page.get_by_text(re.compile(r"\d+ labels? changed\.")).wait_for()
    assert set(bench.collection("blobs").labels()) == {"Group 1", "Group 2"}
    settled(page)
    page.get_by_role("button", name="Export").first.click()
    page.get_by_role("button", name="Restore labels", exact=True).click()
    page.get_by_text(re.compile(r"\d+ labels? restored\.")).wait_for()
    assert bench.collection("blobs").labels() == before


def test_groupings_are_renamed_and_removed(page: Any, server: Server, grouping: Grouping, bench: Workbench) -> None:
    visit(page, server, grouping, "Groups")
    page.get_by_role("button", name="More", exact=True).first.click()
    page.get_by_label("Name", exact=True).first.fill("For a while")
    page.get_by_role("button", name="Rename", exact=True).click()
    page.get_by_role("heading", name="For a while", exact=True).wait_for()
    settled(page)
    page.get_by_role("button", name="More", exact=True).first.click()
    page.get_by_role("button", name="Delete …", exact=True).click()
    page.get_by_role("button", name="Delete grouping", exact=True).click()
    page.get_by_role("heading", name="Group “Blobs”", exact=True).wait_for()
    assert grouping.name not in [other.name for other in bench.groupings("blobs")]
    page.wait_for_function("() => !location.search.includes('grouping=')")
