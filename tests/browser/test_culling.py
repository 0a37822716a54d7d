"""The page of duplicates in a real browser, by keyboard only as well: marks, comparing, the trash and back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from engine.core.home import Home
from engine.duplicates.review import Review, keep_review
from engine.workbench.workbench import Workbench
from tests.browser.helpers import HOSTILE, Server, in_both_modes, serving, settled, violations
from tests.engine.duplicates.scenes import scene

NAME = HOSTILE.replace("/", "") + ".png"  # as a file can be called
GROUPS = 4


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Equal files 0.png and one with a hostile name; 1.png … 3.png, each also at half its size in small/."""
    home = tmp_path_factory.mktemp("culling")
    folder = home / "pictures"
    (folder / "small").mkdir(parents=True)
    for number in range(GROUPS + 2):
        scene(number).save(folder / f"{number}.png")
        if 0 < number < GROUPS:
            scene(number).resize((160, 120)).save(folder / "small" / f"{number}.png")
    shutil.copy(folder / "0.png", folder / NAME)
    bench = Workbench(Home(home))
    bench.run("import", source="folder", title="Scenes", path=str(folder))
    bench.run("perceptual", collection="scenes")
    return home


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    with serving(home) as running:
        yield running


@pytest.fixture
def tab(page: Any, server: Server, home: Path) -> Iterator[Any]:
    """The page with all groups; what a test took away is restored."""
    page.goto(f"{server.url}/duplicates?collection=scenes&strength=normal")
    page.get_by_role("heading", name=f"{GROUPS} groups with {GROUPS} duplicates").wait_for()
    expect(page.locator("section.group")).to_have_count(GROUPS)
    settled(page)
    yield page
    bench = Workbench(Home(home))
    for batch in bench.dropped("scenes"):
        bench.restore_dropped("scenes", batch.name)
    keep_review(bench.collection("scenes"), Review())


def files(home: Path) -> set[str]:
    folder = home / "pictures"
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*.png") if ".benzer-trash" not in p.parts}


def test_by_keyboard_only(tab: Any, home: Path) -> None:
    """Keep the other one of the first group, pass the second, and move what was reviewed; undo restores it."""
    before = files(home)
    first, second = tab.locator("section.group").nth(0), tab.locator("section.group").nth(1)
    expect(first).to_contain_text("identical files")
    tab.locator(".picture").first.focus()
    for key in ("ArrowRight", "k", "ArrowLeft", "d"):
        tab.keyboard.press(key)
    expect(first.locator("li.item.drop")).to_have_count(1)
    expect(first.locator("li.item").first).to_contain_text("Drop")
    for key in ("Enter", "Enter"):
        tab.keyboard.press(key)
    expect(tab.locator(".said")).to_contain_text("2 reviewed · 2 pictures")
    dropped = first.locator("li.item.drop .name").inner_text()
    move = tab.get_by_role("button", name="Move 2 reviewed to trash")
    move.focus()
    tab.keyboard.press("Enter")
    tab.get_by_role("heading", name=f"{GROUPS - 2} groups with").wait_for()
    gone = before - files(home)
    assert len(gone) == 2
    assert dropped in gone
    undo = tab.get_by_role("button", name="Undo", exact=True)
    undo.focus()
    tab.keyboard.press("Enter")
    tab.get_by_role("heading", name=f"{GROUPS} groups with {GROUPS} duplicates").wait_for()
    assert files(home) == before
    expect(second).to_be_visible()


def test_one_picture_of_each_group_stays_and_marks_can_be_undone(tab: Any) -> None:
    first = tab.locator("section.group").first
    tab.locator(".picture").first.focus()
    tab.keyboard.press("d")
    expect(tab.locator(".said")).to_have_text("One picture of each group stays.")
    expect(first.locator("li.item.keep")).to_have_count(1)
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("k")
    expect(first.locator("li.item.keep")).to_have_count(2)
    tab.keyboard.press("z")
    expect(first.locator("li.item.keep")).to_have_count(1)
    expect(tab.locator(".said")).to_have_text("Nothing reviewed yet")


def test_two_pictures_are_compared_with_a_slider_and_side_by_side(tab: Any) -> None:
    tab.locator("section.group").nth(1).locator(".picture").first.focus()
    tab.keyboard.press("Space")
    dialog = tab.get_by_role("dialog", name="Compare two pictures")
    slider = dialog.get_by_role("slider")
    expect(slider).to_be_focused()
    slider.press("End")
    assert dialog.locator(".stage").evaluate("stage => stage.style.getPropertyValue('--shown')") == "100%"
    dialog.get_by_role("button", name="Side by side").click()
    expect(slider).to_be_hidden()
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("k")
    expect(dialog.locator(".side.keep")).to_have_count(2)
    tab.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(tab.locator("section.group").nth(1).locator("li.item.keep")).to_have_count(2)


def test_not_duplicates_is_remembered_and_can_be_forgotten(tab: Any) -> None:
    tab.get_by_role("button", name="Not duplicates: Group 2").click()
    tab.get_by_role("heading", name=f"{GROUPS - 1} groups with").wait_for()
    tab.reload()
    tab.get_by_role("heading", name=f"{GROUPS - 1} groups with").wait_for()
    tab.get_by_role("button", name="Reset “not duplicates”").click()
    tab.get_by_role("heading", name=f"{GROUPS} groups with").wait_for()


def test_a_choice_outlives_a_change_of_page_and_the_trash_restores(tab: Any, home: Path) -> None:
    before = files(home)
    tab.locator("section.group").nth(2).locator("li.item.drop .picture").click()
    expect(tab.locator(".said")).to_contain_text("1 reviewed · 0 pictures")
    tab.locator(".root[data-told]").wait_for()  # a moment after the last click
    settled(tab)
    tab.get_by_role("link", name="Groups", exact=True).click()
    tab.get_by_role("heading", name="Group similar pictures").wait_for()
    tab.get_by_role("link", name="Duplicates", exact=True).click()
    expect(tab.locator(".said")).to_contain_text("1 reviewed · 0 pictures")
    tab.reload()
    expect(tab.locator(".said").first).to_contain_text("1 reviewed · 0 pictures")
    tab.get_by_role("button", name="Move all 3 pictures").click()
    asked = tab.get_by_role("alertdialog")
    expect(asked).to_contain_text("Move 3 pictures to the trash? 3 groups have not been reviewed.")
    asked.get_by_role("button", name="Move to trash").click()
    tab.get_by_role("heading", name="1 group with 1 duplicate").wait_for()
    assert len(files(home)) == len(before) - 3
    tab.get_by_role("button", name="Trash · 3 pictures").click()
    trash = tab.get_by_role("dialog", name="Trash")
    taken = trash.locator("button.tile").nth(1)
    expect(taken.locator("img")).to_have_js_property("complete", True)
    taken.click()
    trash.get_by_role("button", name="Restore 1 selected").click()
    tab.get_by_role("heading", name="2 groups with 2 duplicates").wait_for()
    assert len(files(home)) == len(before) - 2
    tab.get_by_role("button", name="Trash · 2 pictures").click()
    trash.get_by_role("button", name="Restore all 2").click()
    tab.get_by_role("heading", name=f"{GROUPS} groups with").wait_for()
    assert files(home) == before


def test_what_touches_unseen_files_asks_first(tab: Any, home: Path) -> None:
    before = files(home)
    asked = tab.get_by_role("alertdialog")
    for act, words in (
        ("Move all 4 pictures", "4 groups have not been reviewed"),
        ("Replace identical", "share one file"),
    ):
        tab.get_by_role("button", name=act).click()
        expect(asked).to_contain_text(words)
        tab.keyboard.press("Escape")
        expect(asked).to_be_hidden()
        expect(tab.get_by_role("button", name=act)).to_be_focused()
    assert files(home) == before
    assert not (home / "pictures" / "0.png").samefile(home / "pictures" / NAME)
    for mode in in_both_modes(tab):
        tab.get_by_role("button", name="Replace identical").click()
        assert violations(tab) == [], mode
        tab.keyboard.press("Escape")
    tab.get_by_role("button", name="Replace identical").click()
    asked.get_by_role("button", name="Replace").click()
    tab.get_by_text("share the file of the kept picture now").first.wait_for()
    assert (home / "pictures" / "0.png").samefile(home / "pictures" / NAME)


def test_two_tabs_on_one_group_lose_nothing(tab: Any, server: Server, home: Path) -> None:
    """The second tab still lists what the first one has moved."""
    before = files(home)
    other = tab.context.new_page()
    other.goto(f"{server.url}/duplicates?collection=scenes")
    expect(other.locator("section.group")).to_have_count(GROUPS)
    settled(other)
    tab.locator(".picture").first.focus()
    tab.keyboard.press("Enter")
    tab.get_by_role("button", name="Move 1 reviewed to trash").click()
    tab.get_by_role("heading", name=f"{GROUPS - 1} groups with").wait_for()
    group = other.locator("section.group").first
    group.locator("li.item.drop .picture").click()
    group.locator("li.item.keep .picture").first.click()
    other.get_by_role("button", name="Move 1 reviewed to trash").click()
    other.get_by_role("heading", name=f"{GROUPS - 1} groups with").wait_for()
    assert len(files(home)) == len(before) - 1
    other.close()


def test_anyone_can_use_it(tab: Any) -> None:
    for mode in in_both_modes(tab):
        assert violations(tab) == [], mode
    tab.locator(".picture").first.focus()
    tab.keyboard.press("Space")
    tab.get_by_role("dialog", name="Compare two pictures").wait_for()
    for mode in in_both_modes(tab):
        assert violations(tab) == [], mode
