"""Several examples, filters and uploads in a real browser: by mouse, by keyboard, and again by their link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from engine.core.home import Home
from engine.workbench.workbench import Workbench
from tests.browser.helpers import Server, blobs, drawn_picture, in_both_modes, serving, settled, violations

TILES = ".grid.answers button.tile"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("examples")
    bench = blobs(home)
    recipe = bench.default_recipe("blobs").but(encoder="colour-histogram", weights="", embedding="flatten")
    bench.run("embed", recipe=recipe.as_dict())
    with serving(home) as running:
        yield running


def opened(page: Any, server: Server, query: str = "q=7") -> None:
    page.goto(f"{server.url}/?collection=blobs&encoder=colour-histogram&embedding=flatten&{query}")
    page.locator(TILES).first.wait_for()
    settled(page)


def ids(page: Any, count: int = 8) -> list[str]:
    expect(page.locator(TILES)).to_have_count(count)
    settled(page)
    return page.locator(TILES).evaluate_all("tiles => tiles.map((tile) => tile.dataset.id)")


def heading(page: Any, text: str | re.Pattern[str]) -> Any:
    return page.get_by_role("heading", level=2).filter(has_text=text)


def test_examples_are_added_weighed_turned_round_and_taken_out(page: Any, server: Server) -> None:
    opened(page, server)
    first = ids(page)
    page.locator(TILES).nth(1).focus()
    page.keyboard.press("+")
    heading(page, "8 most similar to 2 pictures").wait_for()
    page.wait_for_url(re.compile(r"examples=%237\+%2B\+%23" + first[1]))
    page.locator(TILES).nth(7).focus()
    unlike = ids(page)[7]
    page.keyboard.press("-")
    heading(page, "8 most similar to 2 pictures, unlike 1 picture").wait_for()
    assert unlike not in ids(page)
    chips = page.get_by_role("list", name="What is searched for", exact=True)
    chips.get_by_role("combobox").nth(1).select_option("2")
    page.wait_for_url(re.compile(r"examples=.*%402.*"))
    both = ids(page)
    page.reload()
    heading(page, "8 most similar to 2 pictures, unlike 1 picture").wait_for()
    assert ids(page) == both
    chips.get_by_role("button", name=re.compile("Switch to like this")).click()
    heading(page, re.compile("8 most similar to 3 pictures$")).wait_for()
    for left in (re.compile("8 most similar to 2 pictures$"), "8 most similar to 12.png"):
        chips.get_by_role("button", name=re.compile("^Remove")).last.click()
        heading(page, left).wait_for()
        settled(page)  # the address of each is written when its page has been drawn
    page.go_back()
    heading(page, "8 most similar to 2 pictures").wait_for()


@pytest.mark.parametrize(("zone", "title"), [("uploader", "mine.png"), ("plus", "2 pictures"), ("minus", "unlike")])
def test_a_picture_is_dropped_anywhere_on_the_page(page: Any, server: Server, zone: str, title: str) -> None:
    opened(page, server)
    _drop(page, zone, drawn_picture(5, "teal"))
    heading(page, title).wait_for()
    found = ids(page)
    page.wait_for_url(re.compile("upload(=|%3A)[0-9a-f]{16}"))
    page.reload()
    heading(page, title).wait_for()
    assert ids(page) == found


def _drop(page: Any, zone: str, data: bytes) -> None:
    page.evaluate(
        """([zone, bytes]) => {
            const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array(bytes)], "mine.png", { type: "image/png" }));
            const say = (name, target) => target.dispatchEvent(
                new DragEvent(name, { dataTransfer: carried, bubbles: true, composed: true, cancelable: true }));
            say("dragenter", document.body);
            const all = [...document.querySelectorAll("*")];
            const found = all.map((one) => one.shadowRoot?.querySelector(".cover.shown"));
            const target = found.find(Boolean).querySelector(".zone." + zone);
            say("dragover", target);
            say("drop", target);
        }""",
        [zone, list(data)],
    )


def test_what_is_no_picture_is_refused_by_name(page: Any, server: Server) -> None:
    opened(page, server)
    page.locator("input.file").set_input_files({"name": "letter.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"})
    page.get_by_text("letter.pdf is not a picture that can be read.").wait_for()


def test_filters_scope_the_search_and_come_back_with_the_link(page: Any, server: Server) -> None:
    opened(page, server)
    filters = page.get_by_role("group", name="Filters", exact=True)
    filters.get_by_role("combobox", name="Folder", exact=True).select_option(label="gold (12)")
    page.wait_for_url(re.compile("where=folder%3Dgold"))
    page.get_by_text("Exact search over 11 pictures").wait_for()
    filters.get_by_role("button", name="More filters", exact=True).click()
    field = filters.get_by_role("textbox", name="File name contains", exact=True)
    field.fill("0")
    field.press("Enter")
    page.wait_for_url(re.compile("name(~|%7E)0"))
    narrowed = ids(page, 7)
    page.reload()
    assert ids(page, 7) == narrowed
    expect(filters.get_by_role("combobox", name="Folder", exact=True)).to_have_value('[["=","gold"]]')
    filters.get_by_role("button", name="Clear filters", exact=True).click()
    page.wait_for_url(lambda url: "where=" not in url)
    page.get_by_text("Exact search over 23 pictures").wait_for()
    filters.get_by_role("checkbox", name="Include the query picture", exact=True).check()
    page.wait_for_url(re.compile("[?&]self=1"))
    assert ids(page)[0] == "7"


def test_filters_wait_behind_one_button_on_a_telephone(page: Any, server: Server) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page, server)
    filters = page.get_by_role("group", name="Filters", exact=True)
    assert filters.evaluate("row => row.offsetHeight") < 60
    expect(filters.get_by_role("combobox")).to_have_count(0)
    filters.get_by_role("button", name="Filters", exact=True).click()
    filters.get_by_role("combobox", name="Label", exact=True).wait_for()
    assert filters.evaluate("row => row.offsetHeight") < 60  # all in one row, which scrolls
    filters.get_by_role("combobox", name="Label", exact=True).select_option(index=1)
    page.wait_for_url(re.compile("[?&]label="))
    filters.get_by_role("button", name="Fewer filters", exact=True).click()
    expect(filters.get_by_role("combobox")).to_have_count(1)  # what is in force stays in sight
    page.set_viewport_size({"width": 1360, "height": 900})
    filters.get_by_role("button", name="More filters", exact=True).wait_for()
    filters.get_by_role("checkbox", name="Include the query picture", exact=True).wait_for()


@pytest.mark.parametrize("width", [390, 900])
def test_everybody_can_use_it(page: Any, server: Server, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    opened(page, server, 'examples=%231+%2B+%233%402+%2B+"gold"+-+%232')
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for mode in in_both_modes(page):
        assert violations(page) == [], mode


def test_pictures_are_selected_tagged_copied_and_it_is_undone(page: Any, server: Server) -> None:
    opened(page, server)
    found = ids(page)
    cells = page.locator(".grid.answers li")
    page.locator(TILES).nth(1).click(modifiers=["Control"])
    page.locator(TILES).nth(4).click(modifiers=["Shift"])
    bar = page.get_by_role("toolbar", name="Selected pictures", exact=True)
    bar.get_by_text("4 selected", exact=True).wait_for()
    page.locator(TILES).nth(4).focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("x")
    page.keyboard.press("x")
    bar.get_by_text("5 selected", exact=True).wait_for()
    expect(cells.nth(5)).to_have_class(re.compile("picked"))
    bar.get_by_role("button", name="Tag", exact=True).click()
    bar.get_by_label("Tag", exact=True).fill("lake")
    page.keyboard.press("Enter")
    page.get_by_text("Tagged 5 pictures “lake”.", exact=True).wait_for()
    page.get_by_role("group", name="Filters", exact=True).get_by_role("combobox", name="Tag", exact=True).wait_for()
    bar.get_by_role("button", name="Tag", exact=True).focus()
    page.keyboard.press("3")
    page.get_by_text("3 stars for 5 pictures.", exact=True).wait_for()
    bar.get_by_role("button", name="4 stars", exact=True).click()
    page.get_by_text("4 stars for 5 pictures.", exact=True).wait_for()
    assert violations(page) == []
    bar.get_by_role("button", name="Copy paths", exact=True).click()
    bar.get_by_role("button", name="Paths copied", exact=True).wait_for()
    assert len(page.evaluate("navigator.clipboard.readText()").splitlines()) == 5
    with page.expect_download() as report:
        bar.get_by_role("link", name="Report", exact=True).click()
    assert "data:image/webp;base64," in report.value.path().read_text(encoding="utf-8")
    bar.get_by_role("button", name="Copy files to …", exact=True).click()
    target = server.home / "pictures" / "best"
    page.keyboard.type(str(target))  # over the folder that is proposed
    page.keyboard.press("Enter")
    page.get_by_text(f"Copied 5 files to {target}.", exact=True).wait_for()
    assert len(list(target.iterdir())) == 5
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_text(f"5 copied files removed from {target}.", exact=True).wait_for()
    assert not list(target.iterdir())
    page.locator(TILES).first.focus()
    page.keyboard.press("Escape")
    bar.wait_for(state="hidden")
    assert ids(page) == found


def test_an_act_is_taken_back_and_a_selection_is_searched_with(page: Any, server: Server) -> None:
    opened(page, server)
    page.locator(TILES).first.focus()
    page.keyboard.press("Control+a")
    bar = page.get_by_role("toolbar", name="Selected pictures", exact=True)
    bar.get_by_text("8 selected", exact=True).wait_for()
    page.reload()
    bar.get_by_text("8 selected", exact=True).wait_for()
    settled(page)
    bar.get_by_role("button", name="1 star", exact=True).click()
    page.get_by_text("1 star for 8 pictures.", exact=True).wait_for()
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_text("The former tags and stars of 8 pictures are back.", exact=True).wait_for()
    bar.get_by_role("button", name="Search with these", exact=True).click()
    heading(page, "8 most similar to 8 pictures").wait_for()


def test_pictures_are_moved_to_the_trash_by_keys_and_restored(page: Any, server: Server) -> None:
    opened(page, server)
    found = ids(page)
    page.locator(TILES).nth(2).focus()
    page.keyboard.press("x")
    bar = page.get_by_role("toolbar", name="Selected pictures", exact=True)
    bar.get_by_role("button", name="Move to trash", exact=True).focus()
    page.keyboard.press("Enter")
    question = bar.get_by_role("group", name="Move 1 file to trash", exact=True)
    question.get_by_text("Everything in it can be restored.").wait_for()
    page.keyboard.press("Escape")
    question.wait_for(state="detached")
    assert found[2] in ids(page)
    bar.get_by_role("button", name="Move to trash", exact=True).click()
    assert violations(page) == []
    page.keyboard.press("Enter")
    page.get_by_text(re.compile("1 picture .* moved to the trash")).wait_for()
    page.locator(f'{TILES}[data-id="{found[2]}"]').wait_for(state="detached")
    page.get_by_text("Exact search over 22 pictures").wait_for()
    bar.wait_for(state="hidden")
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_text(re.compile("1 picture .* restored")).wait_for()
    page.locator(f'{TILES}[data-id="{found[2]}"]').wait_for()


def test_an_open_page_shows_what_a_watched_folder_brought(page: Any, server: Server) -> None:
    bench, path = Workbench(Home(server.home)), server.home / "pictures" / "gold" / "new.png"
    bench.watch("blobs")
    try:
        page.goto(f"{server.url}/collections")
        page.get_by_text("24 pictures · 2 labels · Folder · watched", exact=True).wait_for()
        path.write_bytes(drawn_picture(99, "gold"))
        page.get_by_text("25 pictures · 2 labels · Folder · watched", exact=True).wait_for()
        path.unlink()
        page.get_by_text("24 pictures · 2 labels · Folder · watched", exact=True).wait_for()
    finally:
        bench.watch("blobs", False)
