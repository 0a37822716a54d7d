"""Classifications in a real browser: planned, watched, opened, and searched from.

The tests share one server on a home with 36 small pictures with texts and labels from a table.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from engine.classification.plan import ClassificationPlan
from engine.classification.results import create
from engine.core.home import Home
from engine.workbench.workbench import Workbench
from tests.browser.helpers import HOSTILE, Server, drawn_picture, pick, serving, settled, violations
from tests.classified import keep_all

PATIENCE = 180_000  # milliseconds; a classification starts in five seconds on a quiet machine
HUES = {"Bags": "navy", "Caps": "gold", HOSTILE: "teal"}
ADDRESS = "collection=shop&encoder=raw-pixels&metric=euclidean&method=exact&embedding=flatten"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    home = tmp_path_factory.mktemp("classify")
    (home / "pictures").mkdir()
    with open(home / "pictures" / "shop.csv", "w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["image", "text", "label"])
        for number in range(36):
            label = list(HUES)[number % 3]
            (home / "pictures" / f"{number:02d}.png").write_bytes(drawn_picture(number, HUES[label]))
            word = ("bag", "cap", "shirt")[number % 3]
            lines.writerow([f"{number:02d}.png", f"a fine {word} **{number}** <i>new</i> " + "words " * 40, label])
    bench = Workbench(Home(home))
    bench.run("import", source="csv", title="Shop", path=str(home / "pictures" / "shop.csv"))
    return bench


@pytest.fixture(scope="module")
def server(bench: Workbench) -> Iterator[Server]:
    with serving(bench.home.root) as running:
        yield running


def choose(page: Any, name: str) -> None:
    """Take a part of a control of several parts."""
    page.get_by_test_id("stMain").get_by_text(name, exact=True).first.click()
    settled(page)


def test_a_classification_from_the_form_to_its_mistakes(page: Any, server: Server, bench: Workbench) -> None:
    page.goto(f"{server.url}/classify?{ADDRESS}")
    page.get_by_text("25 trainings", exact=True).wait_for()
    settled(page)
    assert violations(page) == []
    pick(page, "Picture encoder", "Colour histogram")
    for model in ("Early fusion", "Intermediate fusion"):
        choose(page, model)
    page.get_by_label("Folds", exact=True).fill("2")
    page.get_by_label("Title", exact=True).fill(HOSTILE)
    page.get_by_text("More: epochs, learning rate, modality dropout").click()
    page.get_by_label("Epochs", exact=True).fill("3")
    page.get_by_label("Epochs", exact=True).press("Tab")
    page.get_by_text("6 trainings", exact=True).wait_for()
    settled(page)
    page.get_by_role("button", name="Start", exact=True).click()
    title = page.get_by_role("heading", level=2).filter(has_text="bold")
    title.wait_for()
    assert title.inner_text().replace("\u2060", "") == HOSTILE  # nothing of it is read as Markdown or HTML
    expect(page.get_by_text(re.compile("of 6 trainings measured"))).to_contain_text("6 of 6", timeout=PATIENCE)
    expect(page.locator(".st-key-classification-now")).to_have_count(0, timeout=PATIENCE)
    interval = re.compile(r"[\d.]+\s% \([\d.]+–[\d.]+\s%\) accuracy")
    expect(page.locator(".st-key-classification-best")).to_contain_text(interval)
    (found,) = bench.classifications()
    assert found.plan.settings["epochs"] == 3
    page.reload()
    page.locator(".st-key-classification-best").wait_for()
    for part in ("Learning curves", "By class", "Calibration", "Errors"):
        choose(page, part)
        if part != "Learning curves":  # the same kind of chart as the calibration
            assert violations(page) == []


def test_a_cell_shows_its_things_and_one_is_searched_from_dark(page: Any, server: Server, bench: Workbench) -> None:
    images = bench.collection("shop").images()
    things = list(zip(images.ids.tolist(), images.labels, strict=True))
    found = create(bench.home, ClassificationPlan("Seen", "shop", "raw-pixels", fusions=("picture", "late"), folds=2))
    wrong = {("late", 0): [(things[0][0], HOSTILE)], ("picture", 0): [(things[0][0], "Caps"), (things[2][0], "Caps")]}
    keep_all(found, tuple(HUES), things, wrong)
    page.goto(f"{server.url}/classify?classification={found.name}")
    page.locator(".st-key-classification-best").wait_for()
    settled(page)
    card = page.locator(".card")
    expect(card).to_have_count(1)
    expect(card.locator(".class.wrong")).to_have_text(HOSTILE)
    expect(card.locator("h4")).to_have_text(
        ["Predicted from the picture", "Predicted from the text", "Predicted from both"]
    )
    page.locator("tbody tr").filter(has_text="Picture only").first.click()
    page.get_by_role("heading", name="Picture only").wait_for()
    settled(page)
    page.locator(".stPlotlyChart .textpoint text").filter(has_text=re.compile("^1$")).last.click(force=True)
    page.get_by_text(re.compile("1 item of .*, highest confidence first")).wait_for()
    pick(page, "True class", "Bags")
    pick(page, "Predicted class", "Bags")
    page.get_by_text(re.compile("11 items of Bags predicted correctly")).wait_for()
    settled(page)
    assert violations(page) == []
    card.first.get_by_role("button").press("Enter")
    page.wait_for_url(re.compile("collection=shop.*q="))
    page.locator(".grid button.tile").first.wait_for()
