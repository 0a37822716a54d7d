"""What the browser tests share: the server as a process, drawn pictures, a name that must never be interpreted, and the
steps of a patient visitor: wait for the page, take options of a drop-down, judge what is shown."""

from __future__ import annotations

import io
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw

from tests.forking import forking

if TYPE_CHECKING:
    from engine.workbench.workbench import Workbench

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("BENZER_CHROMIUM", "/usr/bin/chromium")
_STATE = """() => {
    const app = document.querySelector('.stApp');
    const fields = [...document.querySelectorAll('input, textarea')].filter((field) => field.value);
    return JSON.stringify({
        address: location.href,
        script: app?.dataset.testScriptState,
        connection: app?.dataset.testConnectionState,
        bars: document.querySelectorAll('.stSkeleton').length,
        focus: document.activeElement?.outerHTML.slice(0, 150),
        fields: fields.map((field) => `${field.ariaLabel ?? field.name}: ${field.value}`),
        text: document.querySelector('[data-testid=stMain]')?.innerText.slice(0, 1200),
        dialog: document.querySelector('[role=dialog]')?.innerText.slice(0, 400),
    });
}"""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-prefers-reduced-motion",  # what moves is drawn again and again, by the processor
]
SOON, TRIES = 3_000, 8  # milliseconds for a list to open, and how often it is tried
HOSTILE = "=1+1 <b>bold</b> **md** $x^2$ :smile: [l](x) `c` www.example.com"


class Server:
    """The app, or another script: started as a person would start it or, `at_once`, by a fork of a process that has
    imported everything."""

    def __init__(self, home: Path, log: Path, script: str = "app.py", at_once: bool = False) -> None:
        self.home, self.log = home, log
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        words = ["streamlit", "run", script, "--server.port", str(self.port)]
        environment = os.environ | {"BENZER_HOME": str(home), "BENZER_ROOTS": str(home / "pictures")}
        start = forking().run if at_once else _started
        self.process = start(words, environment, log)

    def wait(self) -> None:
        until = time.monotonic() + 180
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(self.log.read_text())

    def stacks(self) -> str:
        """What each thread of a server that was started by a fork is doing."""
        before = len(self.log.read_bytes())
        self.process.send_signal(signal.SIGUSR1)
        time.sleep(1)  # it writes them when a thread of Python next runs
        return self.log.read_bytes()[before:].decode(errors="replace")

    def stop(self) -> None:
        from engine.jobs.job import jobs

        for job in jobs(self.home / "jobs"):
            if job.alive:
                job.stop()
                job.wait(20)
        self.process.terminate()
        self.process.wait(20)


def _started(words: list[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", *words]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log.open("wb"), stderr=subprocess.STDOUT)


@contextmanager
def serving(home: Path, script: str = "app.py", at_once: bool = True) -> Iterator[Server]:
    """A server on that home, ready; ended afterwards."""
    running = Server(home, home / "server.log", script, at_once)
    try:
        running.wait()
        yield running
    finally:
        running.stop()


def blobs(home: Path) -> Workbench:
    """The workbench of a home with one collection, "blobs": 24 small pictures of two hues, which are their labels."""
    from engine.core.home import Home
    from engine.workbench.workbench import Workbench

    for number in range(24):
        path = home / "pictures" / ("navy" if number % 2 else "gold") / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(drawn_picture(number, path.parent.name))
    bench = Workbench(Home(home))
    bench.run("import", source="folder", title="Blobs", path=str(home / "pictures"))
    return bench


def drawn_picture(seed: int, hue: str) -> bytes:
    """A small picture of a few blobs in shades of one colour, as PNG."""
    chance = random.Random(seed)
    picture = Image.new("RGB", (96, 96), hue)
    pen = ImageDraw.Draw(picture)
    for _ in range(6):
        x, y, r = chance.randrange(96), chance.randrange(96), chance.randrange(6, 30)
        pen.ellipse([x - r, y - r, x + r, y + r], fill=tuple(chance.randrange(256) for _ in range(3)))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def settled(page: Any) -> None:
    """Wait until the script behind the page has ended and all that it wrote is drawn.

    The script may have ended long before: parts whose code the browser still loads are grey bars, and what is clicked
    before all stand may move away.
    """
    page.wait_for_function(
        """() => document.querySelector('.stApp')?.dataset.testScriptState === 'notRunning'
            && !document.querySelector('.stSkeleton')"""
    )


def shown(page: Any) -> str:
    """Address, state of the script, connection, fields and text of a page, in a few lines."""
    try:
        return str(page.evaluate(_STATE))[:3000]
    except Exception as error:  # the page may have crashed; its test has failed already
        return f"cannot be told: {error}"


def pick(page: Any, field: Any, option: str | re.Pattern[str]) -> None:
    """Take an option of a drop-down, which is given by its label or as a locator of its input.

    A list may close when the script of the page ends, and of a long one only what is in sight may be there: so
    this waits for the script, types if need be, tries again, and ends only when the field keeps what was taken.
    """
    box = page.get_by_role("combobox", name=field, exact=True) if isinstance(field, str) else field
    for _ in range(TRIES):
        settled(page)
        _open(page, box)
        if _took(page, box, option) and _shows(page, box, option):
            return
        page.keyboard.press("Escape")
    _open(page, box)
    raise AssertionError(f"{option} cannot be taken of {page.get_by_role('option').all_inner_texts()}")


def see_with(page: Any, encoder: str | re.Pattern[str]) -> None:
    """Take an encoder, by the beginning of its line, from the shelves behind the chip in the sidebar."""
    from playwright.sync_api import expect

    open_seeing(page)
    name = encoder if isinstance(encoder, re.Pattern) else re.compile(f"^{re.escape(encoder)}")
    line = page.locator(".st-key-encoder-choice").get_by_role("button", name=name).first
    line.click()
    expect(line).to_have_attribute("aria-pressed", "true", timeout=30_000)
    settled(page)


def open_seeing(page: Any) -> None:
    """Open the chip in the sidebar that holds all choices of how similarity is judged, if it is closed."""
    settled(page)
    panel = page.locator(".st-key-seeing-panel")
    if not panel.count():
        page.get_by_role("button", name="Seeing with").click()
        panel.wait_for()


def close_seeing(page: Any) -> None:
    """Close it."""
    page.keyboard.press("Escape")
    page.locator(".st-key-seeing-panel").wait_for(state="detached")
    settled(page)


def pick_only(page: Any, field: str, *options: str) -> None:
    """Take exactly these options of a drop-down of several, given by its label."""
    box = page.get_by_test_id("stMultiSelect").filter(has=page.get_by_text(field, exact=True))
    for _ in range(TRIES):
        settled(page)
        shown = box.locator("[data-tag]").evaluate_all("tags => tags.map((tag) => tag.ariaLabel)")
        if shown == list(options):
            return
        if shown and not _emptied(box):
            continue
        for option in options:
            box.locator("input").fill(option)
            _took(page, box.locator("input"), option)
        page.keyboard.press("Escape")
    raise AssertionError(f"{field} shows {shown} instead of {options}")


def _emptied(box: Any) -> bool:
    """Take everything away; a list that is still open would cover the button."""
    from playwright.sync_api import TimeoutError

    try:
        box.locator("input").press("Escape", timeout=SOON)
        box.get_by_role("button", name="Clear all").click(timeout=SOON)
        box.locator("[data-tag]").first.wait_for(state="detached", timeout=SOON)
    except TimeoutError:
        return False
    return True


def _open(page: Any, box: Any) -> None:
    """Open the list of a drop-down. The first click closes it again where the page scrolls to show the whole field."""
    for _ in range(2):
        box.click()
        page.wait_for_timeout(100)
        if box.get_attribute("aria-expanded") == "true":
            return


def _took(page: Any, box: Any, option: str | re.Pattern[str]) -> bool:
    """Click an option of the open list, once it is there; after a while, type it."""
    from playwright.sync_api import TimeoutError

    for typed in ("", option if isinstance(option, str) else option.pattern):
        try:
            if typed:
                box.fill(typed, timeout=SOON)
            page.get_by_role("option", name=option, exact=True).first.click(timeout=SOON)
            return True
        except TimeoutError:
            continue
    return False


def _shows(page: Any, box: Any, option: str | re.Pattern[str]) -> bool:
    """Whether a field shows an option, and still does when the script has ended."""
    from playwright.sync_api import expect

    try:
        expect(box).to_have_value(option, timeout=SOON)
        settled(page)
        expect(box).to_have_value(option, timeout=SOON)
    except AssertionError:
        return False
    return True


def in_both_modes(page: Any, modes: Sequence[str] = ("light", "dark")) -> Iterator[str]:
    """Show the page light, then dark, as the system asks for, or in these modes one after the other."""
    for mode in modes:
        page.emulate_media(color_scheme=mode)
        page.wait_for_function(
            """(dark) => {
                const ground = getComputedStyle(document.querySelector(".stApp")).backgroundColor;
                return Math.max(...ground.match(/\\d+/g).slice(0, 3)) < 128 === dark;
            }""",
            arg=mode == "dark",
        )
        yield mode


def violations(page: Any) -> list[str]:
    """What on the page is a serious obstacle to somebody, by the rules of axe; empty where there is none."""
    from axe_playwright_python.sync_playwright import Axe

    # Elements of the former run are shown faded until the new ones are there: judge what stays.
    page.wait_for_function("() => !document.querySelector('[data-stale=true], .stSkeleton')")
    page.wait_for_function("() => !document.querySelector('[data-testid=stSidebarNavItems] > div:not([role=none])')")
    page.wait_for_function("() => document.getAnimations().every((moving) => moving.playState !== 'running')")
    page.wait_for_function(  # a notice that comes or goes is for a moment without the text that names it
        "() => [...document.querySelectorAll('[data-testid=stToast]')]"
        ".every((notice) => document.getElementById(notice.getAttribute('aria-labelledby')))"
    )
    found = Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {node['html'][:200]}"
        for v in found
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"]
    ]
