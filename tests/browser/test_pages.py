"""The pages in a real browser, in the order in which a newcomer meets them, on one server and its sample."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.answers import EIGHT, answers, heading
from tests.browser.helpers import (
    Server,
    close_seeing,
    drawn_picture,
    in_both_modes,
    open_seeing,
    pick,
    see_with,
    serving,
    settled,
    violations,
)


def test_the_first_visit_has_three_ways_to_begin(chromium: Any, tmp_path: Path) -> None:
    page = chromium.new_context().new_page()
    with serving(tmp_path) as server:
        page.goto(server.url)
        page.get_by_text("no picture leaves it").wait_for()
        for mode in in_both_modes(page):
            assert violations(page) == [], mode
        page.get_by_role("button", name="My folder …").click()
        page.get_by_role("dialog").get_by_role("tab", name="My folders", selected=True).wait_for()
        page.goto(server.url)
        page.get_by_role("button", name="Drop pictures").click()
        page.get_by_role("dialog").get_by_role("tab", name="Upload", selected=True).wait_for()
        page.goto(server.url)
        page.get_by_role("button", name="Try the sample").press("Enter")
        heading(page, "8 most similar to").wait_for()
        assert len(answers(page)) == 8
        assert page.title() == "Search · Sample pictures · Benzer"
    page.context.close()


def test_a_click_on_a_tile_makes_a_new_query_and_back_undoes_it(page: Any, server: Server) -> None:
    page.goto(server.url)
    before = answers(page)
    of = heading(page, "8 most similar to").inner_text()
    page.locator(EIGHT).nth(2).click()
    page.wait_for_url(re.compile(rf"[?&]q={before[2]}(&|$)"))
    settled(page)
    after = answers(page)
    assert after != before
    assert before[2] not in after  # the query itself is left out
    page.go_back()
    heading(page, of).wait_for()
    assert answers(page) == before


def test_the_gallery_works_with_the_keyboard(page: Any, server: Server) -> None:
    page.goto(server.url)
    ids = answers(page)
    page.locator(EIGHT).first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"[?&]q={ids[2]}(&|$)"))


def test_an_upload_gives_eight_and_leaves_the_address(page: Any, server: Server) -> None:
    page.goto(server.url + "/?q=30")
    answers(page)
    picture = {"name": "mine.png", "mimeType": "image/png", "buffer": drawn_picture(5, "teal")}
    page.locator(".st-key-query-uploader input[type=file]").set_input_files(picture)
    heading(page, "8 most similar to mine.png").wait_for()
    assert len(answers(page)) == 8
    assert "q=" not in page.url
    page.locator(EIGHT).first.click()
    page.wait_for_url(re.compile(r"[?&]q=\d+"))
    page.get_by_text("mine.png").first.wait_for(state="detached")  # the uploader is empty again


def test_a_pasted_picture_is_an_upload(page: Any, server: Server) -> None:
    page.goto(server.url)
    answers(page)
    page.evaluate(
        """async () => {
            const canvas = new OffscreenCanvas(64, 64);
            const pen = canvas.getContext("2d");
            pen.fillStyle = "orange";
            pen.fillRect(0, 0, 40, 64);
            const files = new DataTransfer();
            files.items.add(new File([await canvas.convertToBlob()], "pasted.png", { type: "image/png" }));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: files, bubbles: true }));
        }"""
    )
    heading(page, "8 most similar to pasted.png").wait_for()


def test_a_part_of_the_picture_can_be_searched(page: Any, server: Server) -> None:
    page.goto(server.url + "/?q=30")
    answers(page)
    page.get_by_role("button", name="Crop", exact=True).click()
    stage = page.locator(".stage").bounding_box()
    page.mouse.move(stage["x"] + 4, stage["y"] + 4)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile(r"crop=0\.0\d+"))
    page.get_by_role("button", name="Done", exact=True).click()
    heading(page, "8 most similar to a crop of").wait_for()
    page.get_by_role("button", name="Crop", exact=True).click()
    page.get_by_role("button", name="Use whole picture", exact=True).click()
    heading(page, "8 most similar to a crop of").wait_for(state="detached")


def test_an_unreadable_upload_is_a_sentence(page: Any, server: Server) -> None:
    page.goto(server.url)
    answers(page)
    broken = {"name": "br$ok$en **x**.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.locator(".st-key-query-uploader input[type=file]").set_input_files(broken)
    heading(page, "br$ok$en **x**.png cannot be used").wait_for()
    page.get_by_role("button", name="Choose another picture").click()
    heading(page, "8 most similar to").wait_for()


def test_every_drop_down_can_be_changed_and_the_address_restores_it(page: Any, server: Server, chromium: Any) -> None:
    page.goto(server.url + "/?q=100")
    answers(page)
    see_with(page, "Raw pixels")
    page.wait_for_url(re.compile("encoder=raw-pixels"))
    close_seeing(page)
    _build_if_asked(page)
    open_seeing(page)
    pick(page, "Pooling", "Flatten")
    page.wait_for_url(re.compile("embedding=flatten"))
    close_seeing(page)
    _build_if_asked(page)
    open_seeing(page)
    pick(page, "Distance", "Euclidean")
    page.wait_for_url(re.compile("metric=euclidean"))
    for title, name in (("k-means", "kmeans"), ("LSH", "lsh")):
        pick(page, "Search method", title)
        page.wait_for_url(re.compile(f"method={name}"), timeout=60_000)
        page.get_by_text(re.compile(r"compared with \d+\s%")).first.wait_for()
    close_seeing(page)
    found = answers(page)
    address = page.url
    for part in (
        "collection=animal-faces",
        "encoder=raw-pixels",
        "embedding=flatten",
        "metric=euclidean",
        "method=lsh",
    ):
        assert part in address
    other = chromium.new_context().new_page()
    other.goto(address)
    heading(other, "8 most similar to").wait_for()
    assert answers(other) == found
    other.context.close()


def _build_if_asked(page: Any) -> None:
    settled(page)
    build = page.get_by_role("button", name=re.compile("^Prepare"))
    build.or_(page.locator(EIGHT)).first.wait_for()
    if build.count():
        build.click()
        heading(page, "8 most similar to").wait_for(timeout=60_000)


def test_settings_of_a_method_are_in_the_address(page: Any, server: Server) -> None:
    page.goto(server.url + "/?encoder=raw-pixels&embedding=flatten&method=lsh(bits=4,tables=2)&q=100")
    _build_if_asked(page)
    answers(page)
    open_seeing(page)
    bits = page.get_by_label("Bits", exact=True)
    expect(bits).to_have_value("4")
    bits.fill("6")
    bits.press("Enter")
    page.wait_for_url(re.compile(r"method=lsh%28bits%3D6%2Ctables%3D2%29"))
    settled(page)
    page.go_back()
    expect(bits).to_have_value("4")


def test_back_to_a_link_without_settings_empties_their_fields(page: Any, server: Server) -> None:
    page.goto(server.url + "/?encoder=raw-pixels&embedding=flatten&method=lsh&q=100")
    _build_if_asked(page)
    answers(page)
    open_seeing(page)
    tables = page.get_by_label("Tables", exact=True)
    tables.fill("20")
    tables.press("Enter")
    page.wait_for_url(re.compile(r"method=lsh%28tables%3D20%29"))
    settled(page)
    page.go_back()
    expect(tables).to_have_value("")
    settled(page)
    assert re.search(r"method=lsh(&|$)", page.url)


def test_a_number_of_clusters_is_measured_and_applied(page: Any, server: Server) -> None:
    page.goto(server.url + "/?method=kmeans&q=100")
    answers(page)
    open_seeing(page)
    page.get_by_role("button", name="How many clusters?").click()
    page.get_by_role("button", name="Measure", exact=True).click()
    page.locator(".js-plotly-plot").wait_for()
    use = page.get_by_role("button", name=re.compile(r"Use \d+")).first
    number = use.inner_text().split()[1]
    use.click()
    page.wait_for_url(re.compile(rf"method=kmeans%28clusters%3D{number}%29"))
    open_seeing(page)
    expect(page.get_by_label("Clusters", exact=True)).to_have_value(number)
    answers(page)


def test_methods_side_by_side_and_what_each_missed(page: Any, server: Server) -> None:
    page.goto(server.url + "/?encoder=raw-pixels&embedding=flatten&method=lsh(bits=12,tables=1)&q=100")
    _build_if_asked(page)
    page.get_by_text("Compare exact and approximate search").click()
    panel = page.locator(".st-key-compare")
    for title in ("Exact", "LSH", "k-means", "HNSW"):
        panel.get_by_text(title, exact=True).first.wait_for(timeout=60_000)
    settled(page)
    for method in ("exact", "lsh", "kmeans", "hnsw"):
        expect(panel.locator(f".st-key-compare-{method} button.tile")).to_have_count(8)
    column = panel.get_by_test_id("stColumn").nth(1)
    sentence = column.get_by_text(re.compile(r"missed \d of the 8 that exact search finds")).inner_text()
    missed = int(re.search(r"missed (\d) of", sentence)[1])  # type: ignore[index]
    column.get_by_text(f"Missed {missed}:", exact=True).wait_for()
    tiles = panel.locator(".st-key-compare-lsh-missed button.tile")
    expect(tiles).to_have_count(missed)
    ids = ".st-key-compare-{} button.tile"
    exact, lsh = (
        page.locator(ids.format(method)).evaluate_all("tiles => tiles.map((tile) => tile.dataset.id)")
        for method in ("exact", "lsh")
    )
    assert set(tiles.evaluate_all("tiles => tiles.map((tile) => tile.dataset.id)")) == set(exact) - set(lsh)


def test_the_label_filter_and_the_query_itself(page: Any, server: Server) -> None:
    page.goto(server.url + "/?q=1&self=1&label=owl")
    assert "1" not in answers(page)
    labels = page.locator(f"{EIGHT} .label").all_inner_texts()
    assert {label.removeprefix("✓ ") for label in labels} == {"owl"}
    page.goto(server.url + "/?q=1&self=1")
    assert answers(page)[0] == "1"


def test_take_away_csv_json_link_and_command(page: Any, server: Server) -> None:
    page.goto(server.url + "/?q=7")
    answers(page)
    with page.expect_download() as csv:
        page.get_by_role("button", name="CSV", exact=True).click()
    lines = Path(csv.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("rank,id,name,label,text,distance,")
    assert len(lines) == 9
    with page.expect_download() as json:
        page.get_by_role("button", name="JSON", exact=True).click()
    assert '"recipe"' in Path(json.value.path()).read_text(encoding="utf-8")
    page.get_by_role("button", name="Copy link", exact=True).click()
    page.get_by_role("button", name="Link copied", exact=True).wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.get_by_role("button", name="Command").click()
    page.get_by_text("python -m engine search --collection animal-faces").wait_for()


def test_an_old_link_is_explained(page: Any, server: Server) -> None:
    page.goto(server.url + "/?collection=gone&metric=sideways&q=999999")
    page.get_by_text("is not available; using").first.wait_for()
    heading(page, "Picture not found").wait_for()
    page.get_by_role("button", name="Choose another picture").click()
    assert len(answers(page)) == 8


def test_an_untrained_model_offers_training(page: Any, server: Server) -> None:
    page.goto(server.url)
    answers(page)
    see_with(page, re.compile("not trained yet"))
    page.locator(".st-key-seeing-train button").click()  # the page behind has one, too
    page.get_by_role("heading", name="Train", exact=True).wait_for()
    page.get_by_role("button", name="Learn from my pictures").wait_for()


def test_a_training_is_seen_everywhere_survives_a_reload_and_stops(page: Any, server: Server) -> None:
    page.goto(server.url + "/train")
    page.get_by_label("Epochs", exact=True).fill("900")
    page.get_by_role("button", name="Learn from my pictures").click()
    page.get_by_text("Runs in the background").wait_for()
    page.reload()
    page.get_by_text("Runs in the background").wait_for()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Collections").click()
    page.get_by_role("heading", name="Collections", exact=True).wait_for()
    chip = page.locator(".st-key-job-chip")
    chip.get_by_text("Training Small ResNet on “Animal faces”").wait_for()
    chip.get_by_role("button", name="Stop", exact=True).click()
    chip.wait_for(state="detached", timeout=60_000)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Train").click()
    page.get_by_text("was stopped").wait_for()


def test_dark_mode_follows_the_system(page: Any, server: Server) -> None:
    page.goto(server.url)
    answers(page)
    ground = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert max(map(int, re.findall(r"\d+", ground)[:3])) < 60
    ink = page.locator(f"{EIGHT} .label").first.evaluate("e => getComputedStyle(e).color")
    assert _brightness(page, ink) > 120
    assert not violations(page)
    scheme = "getComputedStyle(document.documentElement).colorScheme"  # that of dialogs, which stand beside the app
    assert page.evaluate(scheme) == "dark"
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"() => {scheme} === 'light'")


def test_the_two_views_of_a_match_stand_beside_each_other_on_a_telephone(page: Any, server: Server) -> None:
    page.goto(server.url)
    ids = answers(page)
    page.set_viewport_size({"width": 375, "height": 844})
    page.goto(f"{page.url}&why={ids[1]}")
    parts = page.get_by_role("dialog").get_by_role("radio")
    expect(parts).to_have_text(["Places that match", "What the encoder sees"])
    tops = parts.evaluate_all("parts => parts.map((part) => part.getBoundingClientRect().y)")
    assert tops[0] == tops[1]


def test_charts_follow_the_system_without_a_click(page: Any, server: Server) -> None:
    page.goto(f"{server.url}/train")
    settled(page)
    chart = page.locator(".js-plotly-plot").first
    for mode in in_both_modes(page, ("light", "dark", "light")):
        tick, line = {
            "light": ("rgb(90, 97, 104)", "rgb(23, 104, 95)"),
            "dark": ("rgb(173, 177, 180)", "rgb(105, 203, 189)"),
        }[mode]
        expect(chart.locator(".xtick text").first).to_have_css("fill", tick)
        expect(chart.locator(".js-line").first).to_have_css("stroke", line)


@pytest.mark.parametrize("path", ["/", "/collections", "/train", "/compare"])
def test_no_serious_accessibility_violation(page: Any, server: Server, path: str) -> None:
    page.goto(server.url + path)
    page.get_by_role("heading", level=1).wait_for()
    settled(page)
    for mode in in_both_modes(page):
        assert violations(page) == [], mode


def _brightness(page: Any, colour: str) -> float:
    """How bright a colour is, 0 to 255, as the browser paints it (it may be written in any notation)."""
    painted = page.evaluate(
        """(colour) => {
            const pen = new OffscreenCanvas(1, 1).getContext("2d");
            pen.fillStyle = colour;
            pen.fillRect(0, 0, 1, 1);
            return [...pen.getImageData(0, 0, 1, 1).data];
        }""",
        colour,
    )
    return sum(painted[:3]) / 3
