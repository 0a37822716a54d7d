"""Adding collections in a real browser, naming them and deleting them. The tests build on the first one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.answers import answers, heading
from tests.browser.helpers import (
    HOSTILE,
    Server,
    drawn_picture,
    settled,
    violations,
)


def adding(page: Any, server: Server) -> Any:
    """The dialog that adds pictures, open."""
    page.goto(server.url + "/collections")
    page.get_by_role("button", name="Add pictures", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    return dialog


def test_import_a_zip_with_two_broken_files(page: Any, server: Server, archive: Path) -> None:
    dialog = adding(page, server)
    dialog.get_by_role("tab", name="Upload", exact=True).click()
    dialog.locator(".st-key-add-upload input[type=file]").set_input_files(archive)
    dialog.get_by_label("Collection name", exact=True).filter(visible=True).fill(HOSTILE)
    button = dialog.locator(".st-key-import-files button")
    page.wait_for_function("b => !b.disabled", arg=button.element_handle())
    button.click()
    dialog.get_by_text("20 added · 2 damaged pictures").wait_for(timeout=180_000)
    dialog.get_by_text("2 files skipped — show reasons").click()
    with page.expect_download() as csv:
        dialog.get_by_role("button", name="CSV", exact=True).click()
    table = Path(csv.value.path()).read_text(encoding="utf-8-sig")
    assert "navy/no picture.jpg" in table
    dialog.locator(".st-key-report-search button").click()
    heading(page, "8 most similar to").wait_for(timeout=180_000)
    assert len(answers(page)) == 8


def test_names_are_shown_as_they_are(page: Any, server: Server) -> None:
    """File names and titles with HTML, Markdown, LaTeX, emoji names and addresses change nothing but the text."""
    page.goto(server.url + "/collections")
    title = page.get_by_role("heading", level=3).filter(has_text="=1+1")
    title.wait_for()
    assert title.inner_text().replace("\u2060", "") == HOSTILE
    assert title.locator("b, strong, a, code, .katex").count() == 0
    name = _name_of_the_collection(server)
    page.goto(f"{server.url}/?collection={name}&q={_hostile_id(server, name)}")
    shown = heading(page, "8 most similar to")
    shown.wait_for(timeout=60_000)
    assert HOSTILE.replace("/", "") in shown.inner_text().replace("\u2060", "")
    assert page.locator("h2 b, h2 strong, h2 a, h2 code, h2 .katex").count() == 0


def _name_of_the_collection(server: Server) -> str:
    return next(
        path.parent.name for path in server.home.glob("datasets/*/catalogue.sqlite") if "bold" in path.parent.name
    )


def _hostile_id(server: Server, name: str) -> int:
    from engine.collections.collection import Collection
    from engine.core.home import Home

    images = Collection.open(Home(server.home), name).images()
    return next(int(id) for id, shown in zip(images.ids, images.names, strict=True) if "=1+1" in shown)


def test_a_folder_is_chosen_by_clicks_and_by_its_path(page: Any, server: Server) -> None:
    pictures = server.home / "pictures" / "animal faces"
    pictures.mkdir(parents=True, exist_ok=True)
    (pictures / "one.png").write_bytes(drawn_picture(1, "red"))
    dialog = adding(page, server)
    field = dialog.get_by_role("textbox", name="Folder, table or archive")
    outside, missing = "is outside the folders that Benzer may read", re.compile("There is no|is outside the folders")
    for folder, sentence in (("/etc", outside), ("../../../etc", outside), (str(server.home / "nowhere"), missing)):
        field.fill(folder)
        field.press("Enter")
        dialog.get_by_text(sentence).first.wait_for()
        settled(page)
    field.fill(f'"{pictures.parent}"')
    field.press("Enter")
    dialog.get_by_role("button", name="animal faces", exact=True).click()
    dialog.get_by_text("1 picture in animal faces and below.").wait_for()
    expect(field).to_have_value(str(pictures))
    dialog.locator(".st-key-import-folder button").click()
    dialog.get_by_text("A collection named").wait_for()
    assert not violations(page)


def test_dropped_pictures_open_the_dialog(page: Any, server: Server) -> None:
    page.goto(server.url + "/collections")
    page.get_by_role("button", name="Add pictures", exact=True).wait_for()
    settled(page)
    page.evaluate(
        """() => {
            const dropped = new DataTransfer();
            dropped.items.add(new File(["no pixels"], "dropped.png", { type: "image/png" }));
            const event = new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: dropped });
            document.querySelector("h1").dispatchEvent(event);
        }"""
    )
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("tab", name="Upload", exact=True).click()
    dialog.get_by_text("dropped.png").wait_for()


def test_rename_and_delete(page: Any, server: Server) -> None:
    name = _name_of_the_collection(server)
    page.goto(server.url + "/collections")
    card = page.locator(f".st-key-card-{name}")
    card.get_by_role("button", name="More").click()
    title = page.get_by_label("Title", exact=True)
    title.fill("Shapes")
    page.get_by_role("button", name="Rename", exact=True).click()
    card.get_by_role("heading", name="Shapes", exact=True).wait_for()
    if not page.get_by_role("button", name="Delete …", exact=True).is_visible():
        card.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Delete …", exact=True).click()
    expect(page.get_by_test_id("stPopoverBody")).to_be_hidden()  # it would cover the dialog
    page.get_by_role("dialog").get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_test_id("stDialog").wait_for(state="detached")
    settled(page)
    assert (server.home / "datasets" / name).exists()
    if not page.get_by_role("button", name="Delete …", exact=True).is_visible():
        card.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Delete …", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete collection", exact=True).click()
    card.wait_for(state="detached")
    assert not (server.home / "datasets" / name).exists()
