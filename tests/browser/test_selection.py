"""What is done with selected pictures, in a real browser: a ZIP, XMP files beside them, and five thousand at once.

The tests share one server on a home with 24 pictures and a catalogue of 5,000 that have no files.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from engine.collections.catalogue import ImageRow
from engine.collections.collection import Collection
from engine.collections.seal import seal
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.encoders.imported_vectors import OwnVectors, add
from engine.encoders.vectors.pipeline import embed_collection
from tests.browser.helpers import Server, blobs, serving, settled, violations

TILES = ".grid.answers button.tile"
FEW = "collection=blobs&encoder=raw-pixels&embedding=flatten&q=1"
MANY, SHOWN = 5000, 40
# As if several searches had been selected from one after the other: a page shows fewer.
SELECT = """
(count) => {
    const selected = globalThis[Symbol.for("benzer.selection")], chosen = selected.of.get("many");
    for (let id = 1; id <= count; id++) chosen.set(id, `${id}.png`);
    selected.dispatchEvent(new Event("change"));
}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("selection")
    blobs(home).run("embed", recipe=Recipe("blobs", "raw-pixels", embedding="flatten").as_dict())
    _catalogue_of_many(Home(home))
    with serving(home) as running:
        yield running


def _catalogue_of_many(home: Home) -> None:
    """A collection of rows with one thumbnail and drawn vectors."""
    collection = Collection.create(home, "Many", {"kind": "folder", "folder": str(home.root / "nowhere")})
    out = io.BytesIO()
    Image.new("RGB", (8, 6), "teal").save(out, "WEBP")
    with collection.catalogue.writing() as writing:
        for number in range(MANY):
            name, hash = f"{number:04d}.png", f"{number:064x}"
            facts = {"size": 99, "mtime_ns": 1, "width": 8, "height": 6}
            writing.add(ImageRow(0, name.encode(), name, "", hash=hash, status="image", **facts))
            writing.keep_thumbnail(hash, out.getvalue())
        writing.set_facts(complete=True)
    seal(collection.catalogue)
    collection = Collection.open(home, collection.name)
    matrix = np.random.default_rng(0).normal(size=(MANY, 4)).astype(np.float32)
    card = add(collection, "Drawn", "drawn.npy", None, matrix)
    embed_collection(collection, OwnVectors(card.name).at(collection), ["max"], Reporter())


def opened(page: Any, server: Server, address: str) -> Any:
    """The toolbar of the selection, on a page with results."""
    page.goto(f"{server.url}/?{address}")
    page.locator(TILES).nth(7).wait_for()
    settled(page)
    return page.get_by_role("toolbar", name="Selected pictures", exact=True)


def saved(page: Any, bar: Any, what: str) -> bytes:
    with page.expect_download() as download:
        bar.get_by_role("link", name=what, exact=True).click()
    return Path(download.value.path()).read_bytes()


def test_a_zip_holds_the_files_of_the_selected_pictures(page: Any, server: Server) -> None:
    bar = opened(page, server, FEW)
    page.locator(TILES).nth(1).click(modifiers=["Control"])
    page.locator(TILES).nth(3).click(modifiers=["Shift"])
    bar.get_by_text("3 selected", exact=True).wait_for()
    names = page.locator(".grid.answers .name").all_inner_texts()[1:4]
    with zipfile.ZipFile(io.BytesIO(saved(page, bar, "ZIP"))) as packed:
        assert sorted(packed.namelist()) == sorted(names)
        for name in names:
            (there,) = (server.home / "pictures").rglob(name)
            assert packed.read(name) == there.read_bytes()


def test_xmp_files_are_written_when_asked_and_taken_back(page: Any, server: Server) -> None:
    bar = opened(page, server, FEW)
    page.locator(TILES).nth(2).click(modifiers=["Control"])
    (picture,) = (server.home / "pictures").rglob(page.locator(".grid.answers .name").nth(2).inner_text())
    sidecar = picture.with_name(f"{picture.name}.xmp")
    bar.get_by_role("button", name="4 stars", exact=True).click()
    page.get_by_text("4 stars for 1 picture.", exact=True).wait_for()
    bar.get_by_role("button", name="Write XMP", exact=True).click()
    assert not sidecar.exists()  # it is asked about first
    page.keyboard.press("Enter")
    page.get_by_text(re.compile("1 sidecar file written")).wait_for()
    assert re.search(r"xmp:Rating\W+4\b", sidecar.read_text(encoding="utf-8"))
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_text("1 sidecar file as before.").wait_for()
    assert not sidecar.exists()


def test_stars_are_given_by_keys_and_shown_and_a_tag_is_taken_from_several(page: Any, server: Server) -> None:
    bar = opened(page, server, FEW)
    page.locator(TILES).nth(1).focus()
    page.keyboard.press("3")
    page.get_by_text("3 stars for 1 picture.", exact=True).wait_for()
    rated = page.locator(".grid.answers li").nth(1).locator(".rated")
    expect(rated).to_have_text("★★★")
    assert violations(page) == []
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_text("The former tags and stars of 1 picture are back.", exact=True).wait_for()
    expect(rated).to_have_count(0)
    for place in (0, 1):
        page.locator(TILES).nth(place).click(modifiers=["Control"])
    for does, said in (("Add", "Tagged 2 pictures “pond”."), ("Remove", "Removed the tag “pond” from 2 pictures.")):
        bar.get_by_role("button", name="Tag", exact=True).click()
        bar.get_by_label("Tag", exact=True).fill("pond")
        bar.get_by_role("button", name=does, exact=True).click()
        page.get_by_text(said, exact=True).wait_for()


def test_five_thousand_are_listed_and_tagged_and_what_is_too_many_is_said(page: Any, server: Server) -> None:
    bar = opened(page, server, f"collection=many&encoder=own-drawn&embedding=max&k={SHOWN}&q=1")
    page.locator(TILES).first.focus()
    page.keyboard.press("Control+a")
    bar.get_by_text(f"{SHOWN} selected", exact=True).wait_for()
    page.evaluate(SELECT, MANY)
    bar.get_by_text("5,000 selected", exact=True).wait_for()
    listed = list(csv.DictReader(io.StringIO(saved(page, bar, "CSV").decode("utf-8-sig"))))
    assert len({row["name"] for row in listed}) == MANY
    bar.get_by_role("link", name="Report", exact=True).click()
    page.get_by_text("The number of pictures of a report must be at most 1,000").wait_for()
    assert violations(page) == []
    page.get_by_role("button", name="Dismiss", exact=True).click()
    bar.get_by_role("button", name="Tag", exact=True).click()
    bar.get_by_label("Tag", exact=True).fill("lake")
    page.keyboard.press("Enter")
    page.get_by_text("Tagged 5,000 pictures “lake”.", exact=True).wait_for()
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_text("The former tags and stars of 5,000 pictures are back.", exact=True).wait_for()
    expect(bar.get_by_text("5,000 selected", exact=True)).to_be_visible()
