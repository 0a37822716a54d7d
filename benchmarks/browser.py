"""How long the pages take in a real browser, with 1,500 and with 100,000 pictures.

    python -m benchmarks.browser [--counts 1500 100000] [--repeats 12]

A click until the results stand there, the original of a photograph of 12 megapixels, 200 results, filters by label
and by date, and the page in a browser that has never seen it. Thumbnails and vectors are drawn, so that the time is
that of the pages and of exact search and not of a network; the photographs that are looked at are files. All times
are taken in the page itself, from the act until every picture in sight is painted. Needs a browser ($BENZER_CHROMIUM).
Each number of pictures that is done stands in benchmarks/results/browser.jsonl: cut off, it goes on from there. Writes
benchmarks/results/browser.md.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import _machine
from benchmarks._page import markdown
from benchmarks._server import CHROMIUM, server
from engine.collections.catalogue import ImageRow
from engine.collections.collection import Collection
from engine.collections.facts.exif import Exif
from engine.collections.facts.stored import keep_exif
from engine.collections.seal import seal
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.core.storage import append_line, lines
from engine.encoders.imported_vectors import OwnVectors, add
from engine.encoders.vectors.pipeline import embed_collection

HERE = Path(__file__).resolve().parent
LINES = HERE / "results" / "browser.jsonl"
WIDTH = 256  # values of a vector
LOOKED_AT = 8  # photographs that are there as files: the results of the first picture
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
ROWS = {  # name: seconds aimed at with the smaller and with the larger collection
    "a click until the results are painted": (0.35, 0.6),
    "200 results after a click": (1.0, 1.0),
    "the original of 12 megapixels": (0.3, 0.3),
    "filter by label": (0.5, 0.5),
    "filter by year": (0.5, 0.5),
    "the page in a new browser": (1.7, 3.0),
    "the first page of a new server": (0.0, 0.0),
}
# Does something and waits until other results than before, `count` of them, are painted as far as they are in sight.
TIMED = """
async ([act, count]) => {
    const roots = [...document.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean);
    const find = (wanted) => roots.map((root) => root.querySelector(wanted)).find(Boolean);
    const tiles = () => [...(find(".grid.answers")?.querySelectorAll("button.tile") ?? [])];
    const ids = () => tiles().map((tile) => tile.dataset.id).join();
    const painted = (image) => {
        const box = image.getBoundingClientRect();
        return box.bottom < 0 || box.top > innerHeight || (image.complete && image.naturalWidth > 0);
    };
    const before = ids(), began = performance.now();
    new Function("find", "tiles", act)(find, tiles);
    const there = () => ids() !== before && tiles().length === count;
    while (!there() || !tiles().every((tile) => painted(tile.querySelector("img"))))
        await new Promise(requestAnimationFrame);
    return performance.now() - began;
}
"""
LOOK = """
async (place) => {
    const roots = [...document.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean);
    const grid = roots.map((root) => root.querySelector(".grid.answers")).find(Boolean);
    const tile = grid.querySelectorAll("button.tile")[place], began = performance.now();
    tile.focus();
    tile.dispatchEvent(new KeyboardEvent("keydown", { key: " ", bubbles: true }));
    const shown = () => grid.getRootNode().querySelector("dialog.look .sheet img");
    while (!shown()?.src.includes("/pictures/") || !shown().complete) await new Promise(requestAnimationFrame);
    return performance.now() - began;
}
"""
CLICK = "tiles()[2].click()"
LABEL = """
const select = find('select[data-field="label"]');
select.selectedIndex = 1 + (select.selectedIndex % 5);
select.dispatchEvent(new Event("change"));
"""
YEAR = """
const select = find('select[aria-label="Year"]');
select.value = String(2010 + ((Number(document.body.dataset.year) || 0) % 10));
document.body.dataset.year = (Number(document.body.dataset.year) || 0) + 1;
select.dispatchEvent(new Event("change"));
"""


# ── a collection that was never imported ─────────────────────────────────────────────────────────────────────────────


def photograph(path: Path) -> None:
    """A drawn picture of 4000 × 3000 pixels with detail at every scale, as a camera's JPEG."""
    chance = np.random.default_rng(0)
    layers = [chance.integers(0, 256, (3000 // step, 4000 // step, 3), np.uint8) for step in (500, 100, 20, 4)]
    sized = [np.asarray(Image.fromarray(layer).resize((4000, 3000), Image.Resampling.BICUBIC)) for layer in layers]
    mean = sum(layer.astype(np.float32) * weight for layer, weight in zip(sized, (0.5, 0.25, 0.15, 0.1), strict=True))
    Image.fromarray(np.asarray(mean).astype(np.uint8)).save(path, "JPEG", quality=90)


def thumbnails(count: int) -> list[bytes]:
    chance, made = np.random.default_rng(1), []
    for _ in range(count):
        out = io.BytesIO()
        block = chance.integers(0, 256, (6, 8, 3), np.uint8)
        Image.fromarray(block).resize((256, 192), Image.Resampling.BICUBIC).save(out, "WEBP", quality=80)
        made.append(out.getvalue())
    return made


def drawn_collection(home: Home, folder: Path, count: int) -> str:
    """A collection of that many rows with thumbnails, labels, dates and vectors; the address of its encoder."""
    collection = Collection.create(home, f"Drawn {count}", {"kind": "folder", "folder": str(folder)})
    drawn, photo = thumbnails(200), (folder / "photograph.jpg").stat()
    with collection.catalogue.writing() as writing:
        dates = []
        for number in range(count):
            hash, year = hashlib.sha256(f"{count} {number}".encode()).hexdigest(), 2010 + number % 10
            name = f"{year}/IMG_{number:06d}.jpg"
            row = ImageRow(
                0, name.encode(), name, f"label {number % 7}", hash=hash, status="image", size=photo.st_size,
                mtime_ns=photo.st_mtime_ns, width=4000, height=3000,
            )  # fmt: skip
            writing.add(row)
            writing.keep_thumbnail(hash, drawn[number % len(drawn)])
            dates.append((hash, Exif(taken=f"{year}-{1 + number % 12:02d}-01T12:00:00", camera=f"Camera {number % 5}")))
            if number <= LOOKED_AT:
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).unlink(missing_ok=True)
                os.link(folder / "photograph.jpg", folder / name)
        keep_exif(writing, dates)
        writing.set_facts(complete=True)
    seal(collection.catalogue)
    collection = Collection.open(home, collection.name)
    chance = np.random.default_rng(2)
    matrix = chance.normal(size=(count, WIDTH)).astype(np.float32)
    matrix[1 : LOOKED_AT + 1] = matrix[0] + 0.1 * matrix[1 : LOOKED_AT + 1]
    card = add(collection, "Drawn vectors", "drawn.npy", None, matrix)
    embed_collection(collection, OwnVectors(card.name).at(collection), ["max"], Reporter())
    return f"collection={collection.name}&encoder={card.name}&embedding=max&q=1"


# ── in the browser ───────────────────────────────────────────────────────────────────────────────────────────────────


def settle(page: Any) -> None:
    page.wait_for_function("() => document.querySelector('.stApp')?.dataset.testScriptState === 'notRunning'")
    page.wait_for_timeout(300)


def opened(browser: Any, address: str) -> tuple[Any, float]:
    """The page in a browser without a cache, and the seconds until its results are painted."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(180_000)
    began = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator(".grid.answers button.tile").nth(7).wait_for()
    page.evaluate(TIMED.replace("ids() !== before && tiles().length === count", "tiles().length >= count"), ["", 8])
    taken = time.perf_counter() - began
    settle(page)
    return page, taken


def timed(page: Any, act: str, count: int, repeats: int) -> list[float]:
    """Seconds of an act, once without counting."""
    taken = []
    for _ in range(repeats + 1):
        settle(page)
        taken.append(page.evaluate(TIMED, [act, count]) / 1000)
    return taken[1:]


def looked(browser: Any, address: str, repeats: int) -> list[float]:
    """Seconds until an original is there; the neighbours, which are asked for ahead, do not count."""
    taken: list[float] = []
    while len(taken) < repeats:
        page, _ = opened(browser, address)
        for place in (0, 3, 6):
            taken.append(page.evaluate(LOOK, place) / 1000)
            page.wait_for_timeout(600)
            page.keyboard.press("Escape")
            settle(page)
        page.context.close()
    return taken


def measured(browser: Any, url: str, address: str, repeats: int) -> dict[str, list[float]]:
    """Seconds by row of the table."""
    found: dict[str, list[float]] = {}

    def keep(name: str, times: list[float]) -> None:
        found[name] = times
        print(f"{name}: {statistics.median(times):.2f} s", flush=True)

    page, first = opened(browser, f"{url}/?{address}")
    keep("the first page of a new server", [first])
    keep("a click until the results are painted", timed(page, CLICK, 8, repeats))
    keep("filter by label", timed(page, LABEL, 8, repeats))
    page.context.close()
    page, _ = opened(browser, f"{url}/?{address}")
    keep("filter by year", timed(page, YEAR, 8, repeats))
    page.context.close()
    page, _ = opened(browser, f"{url}/?{address}&k=200")
    keep("200 results after a click", timed(page, CLICK, 200, repeats))
    page.context.close()
    keep("the original of 12 megapixels", looked(browser, f"{url}/?{address}", repeats))
    new = [opened(browser, f"{url}/?{address}") for _ in range(max(3, repeats // 2))]
    keep("the page in a new browser", [taken for _, taken in new])
    for page, _ in new:
        page.context.close()
    return found


def measure(count: int, repeats: int) -> dict[str, list[float]]:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as temporary:
        home, folder = Home(Path(temporary) / "home"), Path(temporary) / "photographs"
        folder.mkdir()
        photograph(folder / "photograph.jpg")
        print(f"Drawing {count:,} pictures ...", flush=True)
        address = drawn_collection(home, folder, count)
        with server(PROJECT / "app.py", BENZER_HOME=str(home.root)) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            return measured(browser, url, address, repeats)


def table(found: dict[int, dict[str, list[float]]]) -> str:
    counts = sorted(found)
    head = [""]
    for count in counts:
        head += [f"{count:,} pictures, s (median)", "slowest tenth", "aimed at"]
    rows = [head]
    for name, aims in ROWS.items():
        line = [name]
        for count in counts:
            times, aim = sorted(found[count][name]), aims[count > 10_000]
            late = times[int(0.9 * len(times))]
            line += [f"{statistics.median(times):.2f}", f"{late:.2f}", f"≤ {aim:g}" if aim else "–"]
        rows.append(line)
    return markdown(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[1_500, 100_000])
    parser.add_argument("--repeats", type=int, default=12)
    wanted = parser.parse_args()
    if not Path(CHROMIUM).exists():
        print(f"This needs a browser at {CHROMIUM}; nothing was measured.")
        return
    LINES.parent.mkdir(exist_ok=True)
    done = {event["count"] for event in lines(LINES)}
    for count in wanted.counts:
        if count not in done:
            facts = _machine.facts()
            append_line(LINES, {"count": count, "times": measure(count, wanted.repeats), "machine": facts})
    events = {event["count"]: event for event in lines(LINES)}
    found = {count: event["times"] for count, event in events.items()}
    text = "\n".join(
        [
            "# The pages in a real browser",
            "",
            table(found),
            "",
            f"Window of 1440 × 900 pixels, exact search over {WIDTH} values a picture; {wanted.repeats} of each after "
            "one that does not count, every time until the pictures in sight are painted. The original: until it has "
            "replaced the thumbnail, in the size of the window.",
            "",
            *(f"{count:,} pictures: {event['machine']} when it began.\n" for count, event in sorted(events.items())),
            time.strftime("%Y-%m-%d"),
            "",
        ]
    )
    print(text)
    (HERE / "results" / "browser.md").write_text(text, encoding="utf-8")
    LINES.unlink()


if __name__ == "__main__":
    main()
