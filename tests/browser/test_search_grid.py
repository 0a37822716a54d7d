"""The results in a real browser: rows that fill the width, pictures whole, all of it by mouse and by keyboard."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from engine.core.home import Home
from engine.workbench.workbench import Workbench
from tests.browser.helpers import Server, in_both_modes, serving, settled, violations

TILES = ".grid.answers button.tile"
COUNT = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Sixty pictures of many shapes, ready for search by colour."""
    home = tmp_path_factory.mktemp("grid")
    for number in range(COUNT):
        path = home / "pictures" / ("north" if number % 2 else "south") / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))
    bench = Workbench(Home(home))
    bench.run("import", source="folder", title="Shapes", path=str(home / "pictures"))
    recipe = bench.default_recipe("shapes").but(encoder="colour-histogram", weights="", embedding="flatten")
    for one in (recipe, recipe.but(encoder="efficientnet-lite0", embedding="avg")):
        bench.run("embed", recipe=one.as_dict())
    with serving(home) as running:
        yield running


def picture(seed: int) -> bytes:
    """A picture of two colours, from very wide to very high."""
    chance = random.Random(seed)
    width, height = chance.choice([(600, 200), (300, 200), (200, 200), (160, 240), (90, 270)])
    found = Image.new("RGB", (width, height), tuple(chance.randrange(256) for _ in range(3)))
    found.paste(tuple(chance.randrange(256) for _ in range(3)), (0, 0, width // 2, height // 2))
    out = io.BytesIO()
    found.save(out, "PNG")
    return out.getvalue()


def opened(page: Any, server: Server, **query: object) -> None:
    """The page with its first results, every picture loaded."""
    more = "".join(f"&{name}={value}" for name, value in query.items())
    page.goto(f"{server.url}/?collection=shapes&encoder=colour-histogram&embedding=flatten&q=7{more}")
    page.locator(TILES).nth(7).wait_for()
    settled(page)
    page.wait_for_function(
        "tiles => [...document.querySelectorAll('*')].every((one) => !one.shadowRoot ||"
        " [...one.shadowRoot.querySelectorAll('.answers img')].every((image) => image.complete))"
    )


def ids(page: Any) -> list[str]:
    return page.locator(TILES).evaluate_all("tiles => tiles.map((tile) => tile.dataset.id)")


@pytest.mark.parametrize("width", [390, 900, 1440, 2560])
def test_rows_fill_the_width_and_no_picture_is_cropped(page: Any, server: Server, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    opened(page, server)
    shown = page.locator(".grid.answers .frame img").evaluate_all(
        """images => Promise.all(images.map(async (image) => {
            await image.decode();
            const box = image.getBoundingClientRect();
            return [box.left, box.top, box.right, box.width / box.height, image.naturalWidth / image.naturalHeight];
        }))"""
    )
    for *_, drawn, natural in shown:
        assert drawn == pytest.approx(natural, rel=0.02)
    area = page.locator(".grid.answers").bounding_box()
    rows: dict[int, list[float]] = {}
    for left, top, right, *_ in shown:
        rows.setdefault(round(top), []).extend([left, right])
    full = [top for top, sides in rows.items() if max(sides) - min(sides) > 0.97 * area["width"]]
    assert len(full) >= len(rows) - 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_buttons_stay_on_their_picture_however_narrow_it_is(page: Any, server: Server) -> None:
    opened(page, server)
    outside = page.locator(".grid.answers .cell").first.evaluate(
        """cell => {
            const found = [];
            for (let width = 36; width < 320; width += 4) {
                cell.style.width = width + "px";
                const room = cell.getBoundingClientRect();
                const shown = [...cell.querySelectorAll(".act")].map((act) => act.getBoundingClientRect());
                const out = (act) => act.width && (act.left < room.left || act.right > room.right);
                if (shown.some(out)) found.push(width);
            }
            return found;
        }"""
    )
    assert outside == []


def test_more_are_shown_on_request_and_the_first_keep_their_place(page: Any, server: Server) -> None:
    opened(page, server)
    first = ids(page)
    places = page.locator(TILES).evaluate_all("tiles => tiles.map((tile) => [tile.offsetWidth, tile.offsetHeight])")
    page.get_by_role("button", name="Show 24 more", exact=True).click()
    page.locator(TILES).nth(31).wait_for()
    settled(page)
    assert ids(page)[:8] == first
    after = page.locator(TILES).evaluate_all("tiles => tiles.map((tile) => [tile.offsetWidth, tile.offsetHeight])")
    assert after[:8] == places
    page.wait_for_url(re.compile(r"[?&]shown=32(&|$)"))
    page.get_by_role("button", name="Show 24 more", exact=True).click()
    page.get_by_role("button", name="Show 3 more", exact=True).click()
    page.locator(TILES).nth(58).wait_for()
    assert len(set(ids(page))) == COUNT - 1
    page.wait_for_url(re.compile(r"[?&]shown=80(&|$)"))
    expect(page.get_by_role("button", name=re.compile("^Show"))).to_have_count(0)
    page.reload()
    page.locator(TILES).nth(58).wait_for()
    page.locator(TILES).nth(3).click()
    page.wait_for_url(re.compile(rf"[?&]q={first[3]}(&|$)"))
    settled(page)
    assert len(ids(page)) == 8  # a new search begins with eight


def test_the_arrow_keys_walk_along_and_between_the_rows(page: Any, server: Server) -> None:
    opened(page, server)
    found = ids(page)
    page.locator(TILES).first.focus()
    page.keyboard.press("ArrowRight")
    assert _focused(page) == found[1]
    page.keyboard.press("End")
    assert _focused(page) == found[7]
    page.keyboard.press("ArrowUp")
    above = _focused(page)
    assert found.index(above) < 7
    tops = page.locator(TILES).evaluate_all("tiles => tiles.map((tile) => tile.getBoundingClientRect().top)")
    assert tops[found.index(above)] < tops[7]
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"[?&]q={found[0]}(&|$)"))


def _focused(page: Any) -> str:
    return page.evaluate(
        "() => { let one = document.activeElement; while (one.shadowRoot) one = one.shadowRoot.activeElement;"
        " return one.dataset.id; }"
    )


@pytest.mark.parametrize("width", [390, 1440])
def test_everybody_can_use_it(page: Any, server: Server, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    opened(page, server)
    page.locator(".grid.answers li").nth(2).hover()
    for mode in in_both_modes(page):
        assert violations(page) == [], mode


def test_a_picture_is_looked_at_with_its_neighbours_and_its_facts(page: Any, server: Server) -> None:
    opened(page, server)
    found = ids(page)
    page.locator(TILES).nth(1).focus()
    page.keyboard.press("Space")
    look = page.get_by_role("dialog", name="Picture", exact=True)
    look.locator(".sheet[data-side] img").wait_for()
    assert f"/pictures/shapes/{found[1]}.jpg" in look.locator(".sheet img").get_attribute("src")
    look.get_by_text("2 of 8", exact=True).wait_for()
    page.keyboard.press("ArrowRight")
    look.get_by_text("3 of 8", exact=True).wait_for()
    facts = look.get_by_role("complementary", name="Facts", exact=True)
    facts.get_by_text(re.compile(r"pictures/(north|south)/\d\d\.png$")).wait_for()
    facts.get_by_role("button", name="Copy path", exact=True).click()
    facts.get_by_text("Copied", exact=True).wait_for()
    assert page.evaluate("navigator.clipboard.readText()").endswith(".png")
    assert violations(page) == []
    page.keyboard.press("Escape")
    look.wait_for(state="hidden")
    assert _focused(page) == found[2]  # where one has got to


def test_a_suggested_label_is_accepted_with_a_click_and_undone(page: Any, server: Server) -> None:
    def suggesting(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"suggested": [["lemon", "81\xa0%"]]})

    page.set_viewport_size({"width": 1440, "height": 900})
    page.route("**/facts/**", suggesting)
    opened(page, server)
    page.locator(TILES).first.focus()
    page.keyboard.press("i")
    facts = page.get_by_role("complementary", name="Facts", exact=True)
    facts.get_by_role("group", name="Suggested labels", exact=True).get_by_role("button", name="lemon 81\xa0%").click()
    page.get_by_text("Labelled 1 picture “lemon”, as suggested.", exact=True).wait_for()
    facts.locator("dd").get_by_text("lemon", exact=True).wait_for()
    assert violations(page) == []
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_text("The former labels of 1 picture are back.", exact=True).wait_for()


def test_zooming_shows_the_original_in_its_own_size(page: Any, server: Server) -> None:
    opened(page, server)
    page.locator(TILES).first.focus()
    page.keyboard.press("Space")
    sheet = page.locator(".sheet")
    sheet.locator("img").wait_for()
    whole = sheet.bounding_box()
    page.keyboard.press("+")
    page.wait_for_function(f"whole => {_SHEET}.width > 1.4 * whole", arg=whole["width"])
    page.keyboard.press("0")
    page.wait_for_function(f"whole => {_SHEET}.width < 1.1 * whole", arg=whole["width"])
    page.keyboard.press("Space")
    sheet.wait_for(state="hidden")


_SHEET = """[...document.querySelectorAll("*")]
    .map((one) => one.shadowRoot?.querySelector("dialog[open] .sheet")).find(Boolean).getBoundingClientRect()"""


def test_the_facts_stand_beside_the_pictures_and_follow_the_focus(page: Any, server: Server) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    opened(page, server)
    page.locator(TILES).first.focus()
    page.keyboard.press("i")
    facts = page.get_by_role("complementary", name="Facts", exact=True)
    name = page.locator(".grid.answers .name").first.inner_text()
    facts.get_by_role("heading", name=name, exact=True).wait_for()
    page.keyboard.press("ArrowRight")
    facts.get_by_role("heading", name=page.locator(".grid.answers .name").nth(1).inner_text(), exact=True).wait_for()
    page.keyboard.press("Escape")
    facts.wait_for(state="hidden")


def test_why_a_result_is_near_is_asked_by_keys_and_comes_back_with_the_link(page: Any, server: Server) -> None:
    page.goto(f"{server.url}/?collection=shapes&encoder=efficientnet-lite0&embedding=avg&q=7")
    page.locator(TILES).nth(7).wait_for()
    settled(page)
    page.locator(TILES).nth(1).focus()
    page.keyboard.press("w")
    dialog = page.get_by_role("dialog", name="Why is it near?")
    dialog.get_by_text("The places sum to a similarity of").wait_for()
    page.wait_for_url(re.compile("[?&]why=[0-9]+"))
    places = dialog.get_by_role("application")
    expect(places).to_have_count(2)
    places.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(dialog.get_by_text(re.compile("Row 2, column 1 adds"))).to_be_visible()
    assert violations(page) == []
    page.reload()
    dialog.get_by_text("The places sum to a similarity of").wait_for()
    settled(page)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.wait_for_url(lambda url: "why=" not in url)


def test_what_breaks_a_match_is_tried_by_keys(page: Any, server: Server) -> None:
    page.goto(f"{server.url}/?collection=shapes&encoder=colour-histogram&embedding=flatten&q=7")
    page.locator(TILES).nth(7).wait_for()
    settled(page)
    page.locator(TILES).nth(1).focus()
    page.keyboard.press("b")
    dialog = page.get_by_role("dialog", name="What breaks it?")
    dialog.get_by_text("The match is number").wait_for()
    page.wait_for_url(re.compile("[?&]break=[0-9]+"))
    slider = dialog.get_by_role("slider", name="Strength")
    slider.focus()
    page.keyboard.press("Home")
    dialog.get_by_text("Query, unaltered").wait_for()
    expect(dialog.get_by_text("The match is number 2 ")).to_be_visible()
    dialog.get_by_role("button", name="Find the breaking points").click()
    dialog.get_by_text("Leaves the 8 at").wait_for()
    settled(page)
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.wait_for_url(lambda url: "break=" not in url)


def test_back_closes_the_look_and_its_address_opens_it(page: Any, server: Server) -> None:
    opened(page, server)
    found, before = ids(page), page.url
    dialog = page.get_by_role("dialog", name="Picture", exact=True)
    page.locator(TILES).nth(2).focus()
    page.keyboard.press("Space")
    page.wait_for_url(re.compile(f"#look={found[2]}$"))
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile(f"#look={found[3]}$"))
    link = page.url
    page.go_back()
    dialog.wait_for(state="hidden")
    assert page.url == before
    expect(page.locator(TILES).first).to_have_attribute("data-id", found[0])
    assert ids(page) == found
    page.go_forward()
    dialog.wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    page.wait_for_url(lambda url: url == before)
    page.goto("about:blank")
    page.goto(link)
    dialog.get_by_text("4 of 8", exact=True).wait_for()
    dialog.get_by_role("button", name="Search with this picture", exact=True).click()
    page.wait_for_url(re.compile(rf"[?&]q={found[3]}(&|$)"))
    dialog.wait_for(state="hidden")
    page.go_back()
    page.wait_for_url(re.compile("[?&]q=7(&|$)"))
    expect(page.locator(TILES).first).to_have_attribute("data-id", found[0])
    assert ids(page) == found
