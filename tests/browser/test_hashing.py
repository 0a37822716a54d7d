"""Studies in a real browser: planned, watched, opened, searched with, stopped and gone on with.

The tests share one server on a home with 40 small pictures, embedded as raw pixels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from engine.comparisons.hashing.plan import StudyPlan
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.workbench.workbench import Workbench
from tests.browser.helpers import HOSTILE, Server, drawn_picture, pick_only, settled, violations

PATIENCE = 180_000  # milliseconds; a study starts in five seconds on a quiet machine
SOURCE = "blobs/raw-pixels/max"
ADDRESS = "collection=blobs&encoder=raw-pixels&metric=euclidean"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    home = tmp_path_factory.mktemp("hashing")
    for number in range(40):
        path = home / "pictures" / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(drawn_picture(number, "navy" if number % 2 else "gold"))
    bench = Workbench(Home(home))
    bench.run("import", source="folder", title="Blobs", path=str(home / "pictures"))
    bench.run("embed", recipe=Recipe("blobs", "raw-pixels").as_dict())
    return bench


@pytest.fixture(scope="module")
def server(bench: Workbench) -> Iterator[Server]:
    running = Server(bench.home.root, bench.home.root / "server.log")
    running.wait()
    yield running
    running.stop()


def lines(page: Any) -> Any:
    return page.locator("tbody tr")


def test_a_study_from_the_form_to_the_search(page: Any, server: Server, bench: Workbench) -> None:
    page.goto(f"{server.url}/hashing?{ADDRESS}")
    page.get_by_text(re.compile("40 vectors × 3,072 · Euclidean")).wait_for()
    for method in ("PCA hashing", "Spectral hashing", "ITQ", "RDH (parts)", "HNSW"):
        page.get_by_test_id("stMain").get_by_role("button", name=method, exact=True).click()
        settled(page)
    page.get_by_label("Bits", exact=True).fill("2, 4")
    page.get_by_label("Tables", exact=True).fill("8")
    page.get_by_label("Title", exact=True).fill(HOSTILE)
    page.get_by_text("Also each method with automatic settings").click()
    page.get_by_text("4 configurations", exact=True).wait_for()  # exact search, LSH with two numbers of bits, k-means
    settled(page)
    assert violations(page) == []
    page.get_by_role("button", name="Start benchmark", exact=True).click()
    title = page.get_by_role("heading", level=2).filter(has_text="bold")
    title.wait_for()
    assert title.inner_text().replace("\u2060", "") == HOSTILE  # nothing of it is read as Markdown or HTML
    expect(page.get_by_text(re.compile("configurations measured"))).to_contain_text("4 of 4", timeout=PATIENCE)
    expect(page.locator(".st-key-study-now")).to_have_count(0, timeout=PATIENCE)
    settled(page)

    head = page.get_by_role("columnheader", name="ms per query")
    head.get_by_role("button").click()
    cells = page.locator(f"tbody td:nth-child({head.evaluate('cell => cell.cellIndex') + 1})")
    shown = [float(text.strip("★").split()[0]) for text in cells.all_inner_texts()]
    assert len(shown) == 4
    assert shown == sorted(shown)
    lines(page).filter(has_text="4 bits").click()
    page.get_by_text("Settings:").wait_for()
    settled(page)
    assert violations(page) == []
    page.get_by_role("button", name="Search with these settings", exact=True).click()
    page.wait_for_url(re.compile(r"metric=euclidean&method=lsh%28bits%3D4%2C.*tables%3D8%29"))
    page.locator(".grid.answers button.tile, .grid button.tile").first.wait_for()


def test_one_is_stopped_and_goes_on_dark(page: Any, server: Server, bench: Workbench) -> None:
    methods = tuple(f"lsh(bits={bits},tables={tables})" for bits in range(1, 17) for tables in range(1, 65))
    study = bench.plan_study(StudyPlan("Long", SOURCE, methods=methods, neighbours=4, folds=1, queries=8))
    bench.start("study", name=study.name)
    page.goto(f"{server.url}/hashing?study={study.name}")
    panel = page.locator(".st-key-study-now")
    lines(page).nth(1).wait_for(timeout=PATIENCE)  # rows appear while it is measured
    panel.get_by_role("button", name="Stop", exact=True).click()
    stopped = page.get_by_text(re.compile(r"Stopped\. [\d,]+ configurations left to measure\."))
    stopped.wait_for(timeout=PATIENCE)
    settled(page)
    assert violations(page) == []
    before = len(study.rows())
    page.reload()
    stopped.wait_for()
    page.get_by_role("button", name="Continue", exact=True).click()
    panel.get_by_role("button", name="Stop", exact=True).wait_for(timeout=PATIENCE)
    summary = page.get_by_text(re.compile("of 1,025 configurations measured"))
    expect(summary).not_to_contain_text(f" {before} of", timeout=PATIENCE)
    panel.get_by_role("button", name="Stop", exact=True).click()
    stopped.wait_for(timeout=PATIENCE)
    assert len(study.rows()) > before


def test_a_file_is_tuned_for_and_the_study_deleted(page: Any, server: Server, bench: Workbench) -> None:
    import numpy as np

    path = Path(bench.home.root) / "pictures" / "vectors.npy"
    np.save(path, np.random.default_rng(0).random((300, 8), dtype=np.float32))
    page.goto(f"{server.url}/hashing?study=")
    page.get_by_role("button", name="Close", exact=True).click()
    page.get_by_text("A file on this computer", exact=True).click()
    page.get_by_label("File", exact=True).fill("vectors.npy")
    page.get_by_role("button", name="Read", exact=True).click()
    page.get_by_text("300 vectors × 8 · Euclidean").wait_for()
    page.get_by_text("Tune for me", exact=True).first.click()
    pick_only(page, "Methods to choose from", "HNSW")
    page.get_by_role("button", name="Tune for me", exact=True).last.click()
    page.get_by_role("heading", name="vectors: tuned for 95 %", exact=True).wait_for()
    expect(page.locator(".st-key-study-now")).to_have_count(0, timeout=PATIENCE)
    page.get_by_text(
        re.compile("Exact search is the fastest here|(times as fast as|faster than) exact search")
    ).first.wait_for()
    settled(page)
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="Delete …", exact=True).click()
    page.get_by_role("button", name="Delete benchmark", exact=True).click()
    page.get_by_role("heading", name="New benchmark", exact=True).wait_for()
    assert "vectors-tuned-for-95" not in [study.name for study in bench.studies()]


def test_bits_of_a_code_are_flipped_by_keys_and_the_numbers_move(page: Any, server: Server) -> None:
    page.goto(f"{server.url}/hashing?{ADDRESS}&q=1&lab=itq(bits=4,probes=0,tables=2)")
    code = page.get_by_role("group", name=re.compile("^Code of .* in table 1, ITQ$"))
    expect(code.get_by_role("button")).to_have_count(4)
    settled(page)
    before = _candidates(page)
    code.locator('[tabindex="0"]').focus()
    page.keyboard.press("Home")
    expect(code.get_by_role("button", name=re.compile("^Bit 1 is "))).to_be_focused()
    page.keyboard.press("Space")
    page.wait_for_url(re.compile(r"[?&]flip=1\.1(&|$)"))
    expect(code.get_by_role("button", pressed=True)).to_have_count(1)
    told = page.get_by_text(re.compile("candidates before, .* with the flipped bits")).inner_text()
    was, now, come, go, stay = (int(number) for number in re.findall(r"[\d,]+(?= (?:cand|with|come|go|stay))", told))
    assert (was, now) == (before, come + stay)
    assert was == go + stay
    for title, count in (("Come", come), ("Go", go), ("Stay", stay)):
        page.get_by_text(re.compile(rf"^{title}: {count}\b")).wait_for()
    page.reload()
    expect(code.get_by_role("button", pressed=True)).to_have_count(1)
    settled(page)
    page.get_by_role("button", name="Reset bits", exact=True).click()
    expect(code.get_by_role("button", pressed=True)).to_have_count(0)
    assert violations(page) == []
    _moved(page, "Bits", "ArrowRight")
    expect(code.get_by_role("button")).to_have_count(5)
    _moved(page, "Bits", "ArrowLeft")
    assert _candidates(page) == before
    _moved(page, "Tables", "ArrowRight")
    expect(page.get_by_test_id("stButtonGroup").filter(has_text="3")).to_be_visible()
    more = _candidates(page)
    assert more >= before
    _moved(page, "Probes", "ArrowRight")
    assert _candidates(page) > more


def _candidates(page: Any) -> int:
    """How many pictures are in the buckets of the picture, with no bit flipped."""
    settled(page)
    told = page.get_by_text(re.compile(r"^[\d,]+ candidates, ")).inner_text()
    return int(told.partition(" ")[0].replace(",", ""))


def _moved(page: Any, name: str, key: str) -> None:
    slider = page.get_by_role("slider", name=name)
    before = slider.input_value()
    slider.press(key)
    expect(slider).not_to_have_value(before)
    page.wait_for_timeout(300)  # the field tells the page when it has come to rest
    settled(page)
