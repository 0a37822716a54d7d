"""Does the map stay fluid with 50,000 points? Drawn, moved, zoomed, pointed at and lassoed in a real browser.

    python -m benchmarks.map [--points 5000 50000] [--seconds 3]

A page with nothing but the map, on made points; Chromium draws without a graphics card. Needs a browser
($BENZER_CHROMIUM). Writes benchmarks/results/map.md.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from benchmarks import _machine
from benchmarks._server import CHROMIUM, server
from engine.core.home import PROJECT

HERE = Path(__file__).resolve().parent
HEIGHT = 560
SCRIPT = f"""
import sys
sys.path.insert(0, {str(PROJECT)!r})
import numpy as np
import streamlit as st
from engine.grouping.stored.palette import COLOURS
from ui.widgets.picture_map import picture_map

n = int(st.query_params.get("n", "5000"))

@st.cache_data
def made(n):
    chance = np.random.default_rng(0)
    groups = chance.integers(0, 12, n)
    middles = 6 * chance.normal(size=(12, 2))
    points = (middles[groups] + chance.normal(size=(n, 2))).astype("float32")
    return points, groups, [f"picture {{i}}.jpg" for i in range(n)]

st.set_page_config(layout="wide")
points, groups, names = made(n)
state = st.session_state
state.setdefault("selected", [])
picture_map(
    key="map", title="Map", ids=np.arange(n), points=points, colours=groups, palette=COLOURS, names=names,
    legend=[(g, f"Group {{g + 1}}", int((groups == g).sum())) for g in range(12)], selected=set(state.selected),
    on_select=lambda ids: state.__setitem__("selected", ids), height={HEIGHT},
)
st.text(f"Python knows {{len(state.selected)}}")
"""
# Frames drawn in a second while something moves with each of them, and the median time that one drawing took.
FRAMES = """
async (stage, [step, seconds]) => {
    const map = stage.parentElement.map, move = new Function("map", "n", step);
    map.times.length = 0;
    const began = performance.now();
    let frames = 0;
    while (performance.now() - began < 1000 * seconds) {
        move(map, frames++);
        await new Promise(requestAnimationFrame);
    }
    const spent = (performance.now() - began) / 1000, sorted = map.times.slice().sort((a, b) => a - b);
    return [frames / spent, sorted[sorted.length >> 1]];
}
"""
# Milliseconds to find the nearest point and write what is told of it, at 400 places all over the map: mean, p95.
HOVER = """
(stage) => {
    const map = stage.parentElement.map, times = [], start = performance.now();
    for (let n = 0; n < 400; n++) {
        const x = ((n * 0.618) % 1) * map.width, y = ((n * 0.414) % 1) * map.height, began = performance.now();
        map.point(map.find(x, y));
        times.push(performance.now() - began);
    }
    const mean = (performance.now() - start) / times.length;
    map.unhover();
    times.sort((a, b) => a - b);
    return [mean, times[380]];
}
"""


def served(folder: Path) -> AbstractContextManager[str]:
    """The page with the map; its address."""
    script = folder / "map_page.py"
    script.write_text(SCRIPT, encoding="utf-8")
    return server(script)


def first_draw(page: Any, url: str) -> tuple[float, float]:
    """Milliseconds from asking for the page until the dots stand there, and those of the first drawing itself."""
    began = time.perf_counter()
    page.goto(url)
    page.locator(".stage").wait_for(timeout=120_000)
    drawn = "(stage) => stage.parentElement.map.times[0]"
    own = page.wait_for_function(drawn, arg=page.locator(".stage").element_handle(), polling="raf").json_value()
    return 1000 * (time.perf_counter() - began), own


def lasso(page: Any) -> tuple[int, float]:
    """Points in a lasso of 120 corners around half of the map, and ms from letting go until Python has answered."""
    box = page.locator(".stage").bounding_box()
    page.get_by_role("button", name="Draw around pictures").click()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 250, y - 200)
    page.mouse.down()
    for corner in ((x + 250, y - 200), (x + 250, y + 200), (x - 250, y + 200), (x - 250, y - 190)):
        page.mouse.move(*corner, steps=30)
    began = time.perf_counter()
    page.mouse.up()
    page.wait_for_function("() => /Python knows [1-9]/.test(document.body.innerText)", polling=5)
    spent = 1000 * (time.perf_counter() - began)
    text = page.get_by_text("Python knows").inner_text()
    return int(text.removeprefix("Python knows ")), spent


def measure(browser: Any, url: str, points: int, ratio: int, seconds: float) -> list[str]:
    """One row of the table."""
    context = browser.new_context(viewport={"width": 1360, "height": 900}, device_scale_factor=ratio)
    page = context.new_page()
    received: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))
    first, own = first_draw(page, f"{url}/?n={points}")
    page.wait_for_timeout(1500)
    sent_first = sum(received)
    stage = page.locator(".stage")
    pan = stage.evaluate(FRAMES, ["map.move(n % 120 < 60 ? 4 : -4, n % 60 < 30 ? 2 : -2)", seconds])
    zoom = stage.evaluate(FRAMES, ["map.zoom(n % 120 < 60 ? 1.03 : 1 / 1.03, 400, 200)", seconds])
    stage.evaluate("(stage) => stage.parentElement.map.fit()")
    hover = stage.evaluate(HOVER)
    received.clear()
    found, spent = lasso(page)
    page.wait_for_timeout(500)
    context.close()
    row = [f"{points:,}", f"{ratio}", f"{first:,.0f}", f"{own:.0f}", f"{pan[0]:.0f} ({pan[1]:.1f})"]
    row += [f"{zoom[0]:.0f} ({zoom[1]:.1f})", f"{hover[0]:.2f} ({hover[1]:.2f})", f"{spent:.0f} ({found:,})"]
    return [*row, f"{sent_first / 1000:,.0f}", f"{sum(received) / 1000:,.0f}"]


def table(rows: list[list[str]]) -> str:
    heads = [
        "points", "pixels a CSS pixel", "page until dots, ms", "first drawing, ms", "moving, frames/s (ms a drawing)",
        "zooming, frames/s (ms a drawing)", "pointing, mean ms (p95)", "lasso until Python answered, ms (selected)",
        "received first, KB", "received after the lasso, KB",
    ]  # fmt: skip
    out = [f"# The map in a real browser, 1,200 by {HEIGHT} CSS pixels, no graphics card", ""]
    out += ["| " + " | ".join(heads) + " |", "|" + "---:|" * len(heads)]
    out += ["| " + " | ".join(row) + " |" for row in rows]
    said = "The middle one of three visits each. The browser draws 60 frames/s at most, on cores shared with Python."
    return "\n".join([*out, "", said, "", f"{time.strftime('%Y-%m-%d')}, {_machine.facts()}", ""])


def middle(visits: list[list[str]]) -> list[str]:
    """The visit in the middle by its frames/s while moving."""
    return statistics.median_low([(float(row[4].split()[0]), row) for row in visits])[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, nargs="+", default=[5_000, 50_000])
    parser.add_argument("--seconds", type=float, default=3)
    wanted = parser.parse_args()
    if not Path(CHROMIUM).exists():
        print(f"This needs a browser at {CHROMIUM}; nothing was measured.")
        return
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        cases = [(points, ratio) for points in wanted.points for ratio in (1, 2)]
        measure(browser, url, wanted.points[0], 1, 0.5)  # the first visit also starts the server's imports
        rows = [middle([measure(browser, url, *case, wanted.seconds) for _ in range(3)]) for case in cases]
        browser.close()
    found = table(rows)
    print(found)
    (HERE / "results" / "map.md").write_text(found, encoding="utf-8")


if __name__ == "__main__":
    main()
