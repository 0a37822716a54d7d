"""Classifiers in a real browser: one is tried, labels are corrected and written back, and taken back again.

The tests share one server on a home with 30 drawn things of three classes, nine of them without their label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from engine.classification.review import review
from engine.collections.labelling import write_labels
from engine.workbench.workbench import Workbench
from tests import shop
from tests.browser.helpers import HOSTILE, Server, serving, settled, violations

OPEN = 9


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    bench, recipe = shop.shop(tmp_path_factory.mktemp("classifiers"), "intermediate")
    write_labels(bench.collection("shop"), dict.fromkeys(range(1, OPEN + 1), ""), "taken away")
    bench.run("apply", name=recipe.weights, collection="shop")
    bench.classifier(recipe.weights).run.rename(HOSTILE[:80])
    return bench


@pytest.fixture(scope="module")
def server(bench: Workbench) -> Iterator[Server]:
    with serving(bench.home.root) as running:
        yield running


def name_of(bench: Workbench) -> str:
    return bench.classifiers()[0].name


def opened(page: Any, server: Server, bench: Workbench) -> None:
    page.goto(f"{server.url}/classify?classifier={name_of(bench)}")
    title = page.get_by_role("heading", level=2).filter(has_text="bold").first
    title.wait_for()
    assert title.inner_text().replace("\u2060", "") == HOSTILE  # nothing of it is read as Markdown or HTML
    settled(page)


def labels(bench: Workbench) -> list[str]:
    return list(bench.collection("shop").images().labels[:OPEN])


def test_a_picture_and_a_text_are_tried(page: Any, server: Server, bench: Workbench) -> None:
    opened(page, server, bench)
    page.get_by_label("Text", exact=True).fill("leather bag")
    page.get_by_role("button", name="Predict", exact=True).click()
    page.get_by_text("Predicted from the text alone.").wait_for()
    expect(page.locator(".side").first).to_contain_text("No picture given.")
    assert [re.sub(r"\s.*", "", text) for text in page.locator(".word").all_inner_texts()] == ["leather", "bag"]
    assert violations(page) == []

    picture = {"name": f"{HOSTILE.replace('/', '')}.png", "mimeType": "image/png"}
    data = (bench.home.root / "tables" / "shop" / "3.png").read_bytes()
    page.locator('input[type="file"]').set_input_files({**picture, "buffer": data})
    page.get_by_text("Picture and text agree.").wait_for()
    sides = page.locator(".sides .side")
    assert [text.splitlines()[0] for text in sides.all_inner_texts()] == [
        "Predicted from the picture",
        "Predicted from the text",
        "Predicted from both",
    ]
    assert all("Bags" in text for text in sides.all_inner_texts())
    page.get_by_role("img", name=re.compile("bold")).wait_for()
    page.locator('input[type="file"]').set_input_files({**picture, "buffer": b"no pixels"})
    page.get_by_text("The file is not a picture").wait_for()

    settled(page)
    page.get_by_role("button", name="Reset").click()
    page.get_by_text("Give it a picture or a text, or both").wait_for()
    page.get_by_role("button", name="Random item").click()
    page.get_by_role("button", name="Find similar items").click()
    page.get_by_role("heading", name=re.compile("most similar to")).wait_for()
    expect(page).to_have_url(re.compile(rf"encoder=fused(@|%40){name_of(bench)}"))


def test_labels_are_corrected_written_and_taken_back_dark(page: Any, server: Server, bench: Workbench) -> None:
    opened(page, server, bench)
    page.get_by_role("radio", name="Review").click()
    cards = page.locator("li.prediction")
    cards.nth(OPEN - 1).wait_for()
    said = [label.removeprefix("Accept ") for label in page.locator("button.accept").all_inner_texts()]
    assert violations(page) == []
    page.locator("button.accept").first.focus()
    page.keyboard.press("a")  # each decision moves on to the next thing, faster than the server answers
    page.keyboard.press("s")
    page.keyboard.press("c")
    page.keyboard.type(HOSTILE)
    page.keyboard.press("Enter")
    page.keyboard.press("a")
    page.get_by_text(f"4 of {OPEN} decided · 2 accepted · 1 corrected · 1 skipped").wait_for()
    expect(cards.nth(2).locator(".chosen")).to_contain_text(HOSTILE)
    cards.nth(3).get_by_role("button", name="Take back").click()
    page.get_by_text(f"3 of {OPEN} decided").wait_for()
    assert labels(bench) == [""] * OPEN

    page.reload()  # what was decided is there again
    page.get_by_role("button", name="Write 2 labels to the collection").click()
    page.get_by_text("2 items without a label will get one").wait_for()
    assert violations(page) == []
    page.get_by_role("button", name="Write labels").click()
    page.get_by_text("2 labels written to Shop").wait_for()
    found = review(bench.home, name_of(bench), "shop")
    assert found is not None
    assert sorted(filter(None, labels(bench))) == sorted([HOSTILE, said[0]])
    assert {found.labels[one.id] for one in found.predictions[:3]} == {said[0], "", HOSTILE}

    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_role("button", name="Write 2 labels to the collection").wait_for()
    assert labels(bench) == [""] * OPEN


def test_it_is_applied_and_deleted(page: Any, server: Server, bench: Workbench) -> None:
    page.set_viewport_size({"width": 900, "height": 1000})
    opened(page, server, bench)
    page.get_by_role("radio", name="Apply").click()
    page.get_by_role("radio", name="All items").click()
    page.get_by_text("30 items", exact=True).wait_for()
    page.get_by_role("button", name="Predict labels").click()
    page.get_by_role("button", name="Stop", exact=True).first.wait_for()
    review_it = page.get_by_role("button", name="Review", exact=True)
    review_it.wait_for(timeout=120_000)
    settled(page)
    review_it.click()
    page.locator("li.prediction").nth(19).wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    assert len(Path(download.value.path()).read_text().splitlines()) == 31
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="Delete …", exact=True).click()
    page.get_by_role("button", name="Delete classifier", exact=True).click()
    page.get_by_text("No classifier yet").wait_for()
    page.wait_for_url(lambda url: "classifier=" not in url)  # the address is written last
    assert bench.classifiers() == []
