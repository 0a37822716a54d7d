"""Map, dendrogram and heat map in a real browser, on a page that holds nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.helpers import HOSTILE, ROOT, Server, in_both_modes, serving, settled, violations

SCRIPT = "tests/browser/views_script.py"
FIRST, SIDE = 100, 30  # as in the script: the first id, the points along each side


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("views")
    assert (ROOT / SCRIPT).exists()
    with serving(home, SCRIPT) as running:
        yield running


# ---- the map ----


@pytest.fixture
def stage(page: Any, server: Server) -> Any:
    """The map, drawn and ready."""
    page.goto(server.url)
    stage = page.locator(".stage")
    stage.wait_for()
    expect(page.get_by_text("Loading the points …")).to_be_hidden()
    asked(stage, "map.draw()")
    return stage


def asked(stage: Any, expression: str) -> Any:
    """What an expression about the map's object is worth in the browser."""
    return stage.evaluate(f"(stage) => {{ const map = stage.parentElement.map; return {expression}; }}")


def spot(stage: Any, row: int) -> tuple[float, float]:
    """Where a point is drawn, in pixels of the page."""
    box, (x, y) = stage.bounding_box(), asked(stage, f"map.at({row})")
    return box["x"] + x, box["y"] + y


def drag(page: Any, *corners: tuple[float, float]) -> None:
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=4)
    page.mouse.up()


def box_around(page: Any, stage: Any, first: int, last: int) -> None:
    """A box from below left of one point to above right of another."""
    (a, b), (c, d) = spot(stage, first), spot(stage, last)
    drag(page, (a - 7, b + 7), (c + 7, d - 7))


def selected(page: Any, ids: list[int]) -> None:
    """Wait until Python has been told these ids."""
    page.get_by_text("selected: " + " ".join(map(str, ids)), exact=True).wait_for()


def test_pointing_shows_the_picture_and_a_name_that_is_never_read_as_html(page: Any, stage: Any) -> None:
    page.mouse.move(*spot(stage, 1))
    tip = page.locator(".tip")
    expect(tip.locator(".name")).to_have_text(HOSTILE)
    expect(tip.locator("img")).to_have_attribute("src", f"{_picture(FIRST + 1)}")
    assert tip.locator("b").count() == 0
    page.mouse.click(*spot(stage, 1))
    page.get_by_text(f"picked: {FIRST + 1}", exact=True).wait_for()
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()


def _picture(id: int) -> str:
    return (
        f"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='80' height='80' data-id='{id}'>"
        "<rect width='80' height='80' fill='rgb(250 10 200)'/></svg>"
    )


def test_box_lasso_shift_and_escape(page: Any, stage: Any) -> None:
    page.get_by_role("button", name="Drag a box around pictures").click()
    box_around(page, stage, 0, 2 * SIDE + 4)  # three rows of five
    ids = [FIRST + row * SIDE + column for row in range(3) for column in range(5)]
    selected(page, ids)
    expect(page.get_by_role("status").filter(has_text="15 pictures selected")).to_be_visible()
    stage.focus()
    page.keyboard.press("l")
    page.keyboard.down("Shift")
    (x, y), (right, top) = spot(stage, 10), spot(stage, 3 * SIDE + 13)
    drag(page, (x - 6, y + 6), (right + 30, y + 6), (x - 6, top - 24))
    page.keyboard.up("Shift")
    triangle = _inside(stage, [(x - 6, y + 6), (right + 30, y + 6), (x - 6, top - 24)])
    assert len(triangle) >= 8
    selected(page, sorted(ids + triangle))
    page.keyboard.press("Escape")
    selected(page, [])
    expect(page.get_by_text("900 pictures", exact=True)).to_be_visible()


def _inside(stage: Any, corners: list[tuple[float, float]]) -> list[int]:
    """The ids inside of a triangle, by the sides on which a point lies: another way than the map's own."""
    found, box = [], stage.bounding_box()
    for row, (x, y) in enumerate(asked(stage, f"Array.from({{length: {SIDE * SIDE}}}, (_, i) => map.at(i))")):
        p = (box["x"] + x, box["y"] + y)
        sides = []
        for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
            sides.append((bx - ax) * (p[1] - ay) - (by - ay) * (p[0] - ax) > 0)
        if all(sides) or not any(sides):
            found.append(FIRST + row)
    return found


def test_a_group_of_the_legend_stands_out_and_alone_is_selected(page: Any, stage: Any) -> None:
    entry = page.get_by_role("button", name="Group 2 300")
    other = _ink(stage, 0)
    entry.click()
    expect(entry).to_have_attribute("aria-pressed", "true")
    page.mouse.move(5, 5)
    page.wait_for_timeout(60)
    assert _ink(stage, 0) < 0.5 * other  # a point of group 1 stands back
    page.get_by_role("button", name="Draw around pictures").click()
    (a, b), (c, d) = spot(stage, 0), spot(stage, SIDE * SIDE - 1)
    drag(page, (a - 9, b + 9), (c + 9, b + 9), (c + 9, d - 9), (a - 9, d - 9))
    selected(page, [FIRST + row * SIDE + column for row in range(SIDE) for column in range(10, 20)])
    entry.click()
    expect(entry).to_have_attribute("aria-pressed", "false")


def _ink(stage: Any, row: int) -> float:
    """How far the pixel in the middle of a dot is from the ground, on the canvas itself."""
    asked(stage, "map.draw()")
    pixel = "((x, y) => [...map.base.getContext('2d').getImageData(...[x, y].map((v) => v * map.ratio), 1, 1).data])"
    at, corner = asked(stage, f"{pixel}(...map.at({row}))"), asked(stage, f"{pixel}(2, 2)")
    return float(sum(abs(a - b) for a, b in zip(at, corner, strict=True)))


def test_zooming_in_shows_pictures_and_keeps_the_place_under_the_pointer(page: Any, stage: Any) -> None:
    assert asked(stage, "map.shown") == []
    row = 14 * SIDE + 14
    x, y = (round(place) for place in spot(stage, row))  # the browser tells whole pixels
    asked(stage, f"map.move({x} - {spot(stage, row)[0]}, {y} - {spot(stage, row)[1]})")
    page.mouse.move(x, y)
    for _ in range(10):
        page.mouse.wheel(0, -120)
    page.wait_for_function("(stage) => stage.parentElement.map.shown.length", arg=stage.element_handle())
    near = spot(stage, row)
    assert abs(near[0] - x) < 1.5
    assert abs(near[1] - y) < 1.5
    middle = "map.over.getContext('2d').getImageData(...map.at(i).map((v) => v * map.ratio), 1, 1).data"
    painted = f"map.shown.map((i) => [...{middle}].slice(0, 3))"  # of those beyond the edge there is no middle
    page.wait_for_function("(stage) => stage.parentElement.map.thumbs.loading === 0", arg=stage.element_handle())
    for _ in range(100):  # until the thumbnails are painted, which a busy computer does late
        if [250, 10, 200] in asked(stage, painted):
            break
        page.wait_for_timeout(60)
    assert [250, 10, 200] in asked(stage, painted)
    assert asked(stage, "map.thumbs.kept.size") < 400  # only what is in sight was loaded
    page.get_by_role("button", name="Show all (0)").click()
    page.wait_for_timeout(60)
    assert asked(stage, "map.shown") == []


def test_the_map_by_keys_and_over_reruns(page: Any, stage: Any) -> None:
    stage.focus()
    before = asked(stage, "map.view")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    after = asked(stage, "map.view")
    assert after["x"] > before["x"]
    assert after["scale"] == pytest.approx(1.4 * before["scale"])
    page.keyboard.press("0")
    assert asked(stage, "map.view") == before
    page.keyboard.press("b")
    expect(page.get_by_role("button", name="Drag a box around pictures")).to_have_attribute("aria-pressed", "true")
    # Enter opens the picture in the middle: move one there.
    asked(stage, "([map.view.x, map.view.y] = map.points.places.slice(80, 82), map.draw())")
    page.keyboard.press("Enter")
    page.get_by_text(f"picked: {FIRST + 40}", exact=True).wait_for()
    _outlives_a_rerun(page, stage)


def _outlives_a_rerun(page: Any, stage: Any) -> None:
    """The view stays where it is when Python selects, and when the selection is cleared."""
    view = asked(stage, "map.view")
    page.get_by_role("button", name="Select three").click()
    expect(page.get_by_role("status").filter(has_text="3 pictures selected")).to_be_visible()
    assert asked(stage, "map.view") == view
    page.get_by_title("Clear the selection (Esc)").click()
    selected(page, [])
    assert asked(stage, "map.view") == view


def test_what_did_not_change_is_not_sent_again(page: Any, server: Server) -> None:
    frames: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(len(frame))))
    page.goto(server.url)
    page.locator(".stage").wait_for()
    expect(page.get_by_text("Loading the points …")).to_be_hidden()
    names = 898 * 7
    assert max(frames) > 900 * 12 + names / 2  # the points came as one message of bytes
    first = sum(frames)
    frames.clear()
    page.get_by_role("button", name="Again").click()
    page.get_by_text("drawn again").wait_for()
    settled(page)
    assert 0 < sum(frames) < first / 5


def test_the_map_in_the_dark_and_for_everybody(page: Any, stage: Any) -> None:
    ground = asked(stage, "[...map.base.getContext('2d').getImageData(2, 2, 1, 1).data].slice(0, 3)")
    assert max(ground) < 60
    assert violations(page) == []
    page.emulate_media(color_scheme="light")
    page.wait_for_function(
        "(stage) => stage.parentElement.map.base.getContext('2d').getImageData(2, 2, 1, 1).data[0] > 200",
        arg=stage.element_handle(),
    )


# ---- the map of very many ----


def test_selected_pictures_are_dots_over_the_density(page: Any, server: Server) -> None:
    page.goto(f"{server.url}/?view=density")
    stage = page.locator(".stage")
    stage.locator("img").first.wait_for()
    said = page.get_by_role("status").filter(has_text="pictures")
    expect(said).to_have_text("200,000 pictures")
    ink = """(stage) => {
        const map = stage.parentElement.map, ratio = map.over.width / map.width;
        return [[0, 0], [0.5, 0.5], [0.5, -0.5]].map(([a, b]) => {
            const { x: left, y: low, scale } = map.view;
            const x = (a - left) * scale + map.width / 2, y = map.height / 2 - (b - low) * scale;
            return map.over.getContext("2d").getImageData(Math.floor(x * ratio), Math.floor(y * ratio), 1, 1).data[3];
        });
    }"""
    assert stage.evaluate(ink) == [0, 0, 0]
    page.get_by_role("button", name="Box").click()
    box = stage.bounding_box()
    drag(page, (box["x"] + 10, box["y"] + 10), (box["x"] + 200, box["y"] + 200))
    expect(said).to_have_text("5,000 pictures selected, 2 of them drawn")
    assert stage.evaluate(ink) == [255, 255, 0]
    assert stage.locator(".tiles").evaluate("tiles => Number(getComputedStyle(tiles).opacity)") < 0.5
    stage.evaluate("(stage) => { const map = stage.parentElement.map; map.zoom(1.5); map.move(30, -20); map.lay(); }")
    assert stage.evaluate(ink) == [255, 255, 0]
    assert violations(page) == []
    stage.click(position={"x": 5, "y": 5})
    expect(said).to_have_text("200,000 pictures")
    assert stage.evaluate(ink)[:1] == [0]


# ---- the dendrogram ----


@pytest.fixture
def tree(page: Any, server: Server) -> Any:
    page.goto(f"{server.url}/?view=tree")
    tree = page.get_by_role("group", name="Tree of four")
    tree.wait_for()
    return tree


PLACES = """elements => elements.map((element) => {
    const box = element.getBoundingClientRect();
    return [element.textContent, box.top, box.bottom];
})"""


@pytest.mark.parametrize("width", [390, 1200])
def test_the_label_of_the_cut_covers_no_figures(page: Any, tree: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    (handle,), figures = (page.locator(which).evaluate_all(PLACES) for which in (".handle", ".head text"))
    assert figures
    for name, top, bottom in figures:
        assert top >= handle[2] - 1 or bottom <= handle[1] + 1, name


def test_leaves_and_branches_can_be_clicked(page: Any, tree: Any) -> None:
    leaf = tree.get_by_role("button", name=HOSTILE, exact=True)
    leaf.click()
    page.get_by_text("picked: 0", exact=True).wait_for()
    assert tree.locator("b").count() == 0
    expect(tree.get_by_text("+12", exact=True)).to_be_visible()
    branch = tree.get_by_role("button", name="Branch of 14 pictures, joined at distance 0.4", exact=True)
    box = branch.locator(".post").bounding_box()
    page.mouse.move(box["x"] + 1, box["y"] + box["height"] * 0.25)
    expect(page.locator(".tip")).to_contain_text("Branch of 14 pictures")
    assert tree.locator(".leaf.hot").count() == 2
    page.mouse.click(box["x"] + 1, box["y"] + box["height"] * 0.25)
    page.get_by_text("picked: 5", exact=True).wait_for()


def test_the_line_is_dragged_and_sent_when_it_is_let_go(page: Any, tree: Any) -> None:
    handle = tree.get_by_role("slider")
    expect(handle).to_have_text("3 groups at 0.2")
    page.get_by_text("cut: 0.200", exact=True).wait_for()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 500, y, steps=5)
    assert handle.inner_text().startswith("2 groups at 0.")
    assert page.get_by_text("cut: 0.200", exact=True).is_visible()  # not before it is let go
    page.mouse.up()
    expect(page.get_by_text("cut: 0.200", exact=True)).to_have_count(0)
    told = float(page.get_by_text("cut: ").inner_text().removeprefix("cut: "))
    assert 0.4 < told < 0.8


def test_the_tree_by_keys(page: Any, tree: Any) -> None:
    handle = tree.get_by_role("slider")
    handle.focus()
    page.keyboard.press("PageUp")
    assert handle.inner_text() == "2 groups at 0.6"
    page.keyboard.press("ArrowLeft")
    page.get_by_text("cut: 0.608", exact=True).wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_text("picked: 5", exact=True).wait_for()
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    page.get_by_text("picked: 1", exact=True).wait_for()
    assert violations(page) == []


# ---- the heat map ----


def test_the_heat_map_shows_both_names_and_the_distance(page: Any, server: Server) -> None:
    page.goto(f"{server.url}/?view=matrix")
    field = page.locator(".field")
    field.wait_for()
    field.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator(".value")).to_have_text("distance 0.3")
    expect(page.locator(".pair .name")).to_have_text([HOSTILE, "c"])
    box = field.bounding_box()
    cell = (box["width"] - 12) / 12
    page.mouse.move(box["x"] + 12 + 11.5 * cell, box["y"] + 12 + 1.5 * cell)
    expect(page.locator(".value")).to_have_text("distance 1")
    expect(page.locator(".pair .name")).to_have_text(["a", "k"])
    assert page.locator(".pair b").count() == 0
    assert violations(page) == []


# ---- charts ----


def test_numbers_on_a_heat_map_and_their_tips_follow_the_system_from_dark(page: Any, server: Server) -> None:
    page.goto(f"{server.url}/?view=chart")
    number = page.locator(".js-plotly-plot .textpoint text").first
    for mode in in_both_modes(page, ("dark", "light", "dark")):
        ink = {"light": "rgb(33, 38, 43)", "dark": "rgb(233, 231, 226)"}[mode]
        expect(number).to_have_css("fill", ink)
        page.mouse.move(0, 0)
        number.hover(force=True)
        expect(page.locator(".hovertext text").first).to_have_css("fill", ink)
    assert violations(page) == []
