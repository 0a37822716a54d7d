"""A server on a home with a sample and a browser, once a session. Without a browser tests skip, but never in CI."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.home import Home
from engine.workbench.workbench import Workbench
from tests.browser.helpers import CHROMIUM, FLAGS, HOSTILE, ROOT, Server, drawn_picture, serving, shown
from tests.conftest import SHOWN
from tests.counts import FULL

VIEW = {"width": 1360, "height": 900}
PATIENCE = 90_000  # milliseconds until what should appear counts as missing: a busy computer is slow, not wrong


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(0 if FULL else 600))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("home")
    Workbench(Home(home)).run("sample", name="animal-faces")
    with serving(home, at_once=False) as running:
        yield running


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    if not Path(CHROMIUM).exists():
        if os.environ.get("CI"):
            pytest.fail(f"there is no browser at {CHROMIUM}")
        pytest.skip(f"there is no browser at {CHROMIUM}")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def kept(playwright: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser that keeps what it has loaded and compiled; reading the scripts anew is half of opening a page."""
    profile, launch = tmp_path_factory.mktemp("profile"), playwright.chromium.launch_persistent_context
    context = launch(profile, executable_path=CHROMIUM, args=FLAGS, viewport=VIEW)
    yield context
    context.close()


@pytest.fixture(scope="session")
def chromium(kept: Any) -> Any:
    """The browser, for visitors of one's own making."""
    return kept.browser


@pytest.fixture
def page(request: pytest.FixtureRequest, kept: Any, server: Server) -> Iterator[Any]:
    """A fresh visitor. The test fails on any error in the page, any request to another machine, any traceback."""
    kept.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    page = kept.new_page()
    page.emulate_media(color_scheme="dark" if "dark" in request.node.name else "light")
    page.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
    page.on("request", lambda asked: _note_foreign(asked.url, server, wrong))
    page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
    before = len(server.log.read_text(errors="replace"))
    yield page
    if getattr(request.node, "failed", False):
        shots = ROOT / "test-output"
        shots.mkdir(exist_ok=True)
        name = re.sub(r"[^a-z0-9_]+", "-", request.node.name)
        page.screenshot(path=shots / f"{name}.png")
    _forget(kept, page, server)
    log = server.log.read_text(errors="replace")[before:]
    assert "Traceback" not in log, log
    assert not wrong


def _forget(context: Any, page: Any, server: Server) -> None:
    """Close what a visitor has opened and forget the visit; only what was loaded is kept."""
    for other in context.pages[1:]:  # without the first one the browser would end
        if other != page:
            other.close()
    page.goto("about:blank")  # from here on nothing is written
    storage = {"origin": server.url, "storageTypes": "local_storage,indexeddb,websql,service_workers"}
    context.new_cdp_session(page).send("Storage.clearDataForOrigin", storage)
    context.clear_cookies()
    page.close()


def _note_foreign(url: str, server: Server, wrong: list[str]) -> None:
    own = (server.url, server.url.replace("http", "ws"), "data:", "blob:")
    if not url.startswith(own):
        wrong.append(f"request to {url}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report: pytest.TestReport = outcome.get_result()  # type: ignore[attr-defined]
    if report.failed:
        item.failed = True  # type: ignore[attr-defined]
        page = getattr(item, "funcargs", {}).get("page")
        if page is not None and report.when == "call":
            report.sections.append((SHOWN, shown(page)))


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ZIP of 20 pictures in two folders, one of them with a hostile name, and two broken files."""
    path = tmp_path_factory.mktemp("zip") / "shapes.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for number in range(20):
            hue = "navy" if number % 2 else "gold"
            name = f"{HOSTILE.replace('/', '')}.png" if number == 1 else f"{number:02d}.png"
            packed.writestr(f"{hue}/{name}", drawn_picture(number, hue))
        packed.writestr("navy/no picture.jpg", b"these are no pixels")
        packed.writestr("navy/=cut off <i>.png", drawn_picture(99, "navy")[:200])
    return path
