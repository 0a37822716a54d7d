"""Search by words in a real browser: alone, beside a picture, by a link, and back again.

The tests share one server on a small shop with a classifier of picture and text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from engine.core.recipe import Recipe
from engine.workbench.workbench import Workbench
from tests import shop as things
from tests.browser.helpers import (
    HOSTILE,
    Server,
    close_seeing,
    drawn_picture,
    see_with,
    serving,
    settled,
    violations,
)

TILES = ".grid.answers button.tile"
BAG = 1  # its id


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workbench, Recipe]:
    return things.shop(tmp_path_factory.mktemp("words"))


@pytest.fixture(scope="module")
def server(shop: tuple[Workbench, Recipe]) -> Iterator[Server]:
    with serving(shop[0].home.root) as running:
        yield running


@pytest.fixture
def recipe(shop: tuple[Workbench, Recipe]) -> Recipe:
    return shop[1]


def address(server: Server, recipe: Recipe, **query: object) -> str:
    encoder = f"{recipe.encoder}@{recipe.weights}" if recipe.weights else recipe.encoder
    words = {"collection": "shop", "encoder": encoder, "embedding": "flatten", "metric": "cosine", "method": "exact"}
    return f"{server.url}/?{urlencode({**words, **query})}"


def answers(page: Any) -> list[str]:
    """The ids of the eight answers, nearest first."""
    settled(page)
    page.locator(TILES).nth(7).wait_for()
    return page.locator(TILES).evaluate_all("tiles => tiles.map((tile) => tile.dataset.id)")


def heading(page: Any, text: str | re.Pattern[str]) -> Any:
    return page.get_by_role("heading", level=2).filter(has_text=text)


def test_a_visitor_finds_pictures_by_words_then_beside_one_and_sends_the_link(
    page: Any, server: Server, recipe: Recipe
) -> None:
    page.goto(address(server, recipe.but(encoder="colour-histogram", weights="")))
    page.get_by_text("Search by text", exact=True).click()
    page.get_by_role("button", name="Turn on", exact=True).click()
    field = page.get_by_role("textbox", name="Text", exact=True)
    field.fill("sun cap")
    field.press("Enter")
    heading(page, "8 most similar to “sun cap”").wait_for()
    caps = answers(page)
    assert {int(id) % 3 for id in caps} == {2}  # every third picture is a cap
    page.wait_for_url(re.compile(r"[?&]words=sun\+cap(&|$)"))
    assert "q=" not in page.url
    page.locator(TILES).nth(0).click()  # a new search: by that picture alone
    page.wait_for_url(re.compile(rf"[?&]q={caps[0]}(&|$)"))
    expect(field).to_have_value("")
    field.fill("leather bag")
    field.press("Enter")
    heading(page, "and “leather bag”").wait_for()
    both = answers(page)
    slider = page.get_by_role("slider", name="Weight of the text")
    expect(slider).to_have_attribute("aria-valuetext", "as trained")
    slider.focus()
    for shares in range(2):  # 0 %, 5 %
        slider.press("ArrowRight")
        expect(slider).to_have_attribute("aria-valuetext", f"{5 * shares} %")
        page.wait_for_url(re.compile(rf"[?&]share={5 * shares}(&|$)"))
    first = answers(page)
    assert first != both
    assert int(first[0]) % 3 == 2
    link = page.url
    page.get_by_role("button", name="Text only", exact=True).click()
    heading(page, "8 most similar to “leather bag”").wait_for()
    assert {int(id) % 3 for id in answers(page)} == {1}
    page.go_back()
    heading(page, "and “leather bag”").wait_for()
    assert answers(page) == first
    page.context.clear_cookies()
    page.goto("about:blank")
    page.goto(link)
    heading(page, "and “leather bag”").wait_for()
    assert answers(page) == first
    expect(page.get_by_role("slider", name="Weight of the text")).to_have_attribute("aria-valuetext", "5 %")
    expect(page.get_by_role("textbox", name="Text", exact=True)).to_have_value("leather bag")


def test_an_uploaded_picture_is_shown_beside_the_words(page: Any, server: Server, recipe: Recipe) -> None:
    page.goto(address(server, recipe, words="sun cap"))
    answers(page)
    picture = {"name": "mine.png", "mimeType": "image/png", "buffer": drawn_picture(5, "red")}
    page.locator(".st-key-query-uploader input[type=file]").set_input_files(picture)
    heading(page, "8 most similar to mine.png and “sun cap”").wait_for()
    answers(page)
    page.get_by_role("button", name="Clear text", exact=True).click()
    heading(page, re.compile(r"^8 most similar to mine\.png$")).wait_for()
    page.wait_for_url(lambda url: "words=" not in url)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_everybody_can_use_it(page: Any, server: Server, recipe: Recipe, mode: str) -> None:
    page.set_viewport_size({"width": 900, "height": 900})
    page.goto(address(server, recipe, words=HOSTILE + " cap", q=BAG, share=40))
    answers(page)
    title = page.get_by_role("heading", level=2).filter(has_text="most similar to 0.png")
    assert HOSTILE in title.inner_text().replace("\u2060", "")  # nothing of it is read as Markdown or HTML
    assert violations(page) == []
    page.set_viewport_size({"width": 1360, "height": 900})  # in a narrower window the sidebar is folded
    page.get_by_test_id("stExpandSidebarButton").click()
    see_with(page, "Colour histogram")
    close_seeing(page)
    page.wait_for_url(re.compile("[?&]encoder=colour-histogram(&|$)"))
    heading(page, "8 most similar to 0.png and “").wait_for()  # an encoder of pictures alone keeps the words
    answers(page)
    expect(page.get_by_role("slider", name="Weight of the text")).to_have_attribute("aria-valuetext", "40 %")
    page.wait_for_url(re.compile("[?&]words=.*[?&]share=40(&|$)|[?&]share=40.*[?&]words="))
