"""kill -9 of the server while it works for a visitor: nothing is lost or half done, and the next server goes on.

A few kills at moments drawn by chance; with BENZER_FULL_COUNTS=1 fifty of each act.
"""

from __future__ import annotations

import hashlib
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.collections.integrity import check
from engine.core.home import Home
from engine.duplicates.acts.journal import batches
from engine.jobs.job import jobs
from engine.workbench.integrity import check_home
from engine.workbench.workbench import Workbench
from tests.browser.helpers import Server, blobs, drawn_picture, settled
from tests.counts import count

KILLS = count(2, 50)
UPLOADED = [
    {"name": f"{number:02d}.png", "mimeType": "image/png", "buffer": drawn_picture(number, "teal")}
    for number in range(40)
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One collection, ready to be searched."""
    home = tmp_path_factory.mktemp("killed-server")
    bench = blobs(home)
    bench.run("embed", recipe=bench.default_recipe("blobs").as_dict())
    return home


def trash(page: Any, url: str) -> None:
    """Move the eight results to the trash, which the server does itself."""
    page.goto(f"{url}/?collection=blobs&q=1")
    tiles = page.locator(".grid.answers button.tile")
    tiles.nth(7).wait_for()
    settled(page)
    tiles.first.focus()
    page.keyboard.press("Control+a")
    page.get_by_role("button", name="Move to trash").click()
    page.get_by_role("button", name="Move 8 files to trash").click(no_wait_after=True)


def upload(page: Any, url: str) -> None:
    """Upload forty files, which the server stores and a job imports."""
    page.goto(f"{url}/collections?collection=blobs")
    page.get_by_role("button", name="Add pictures", exact=True).click()
    page.get_by_role("tab", name="Upload").click()
    page.locator(".st-key-add-upload input[type=file]").set_input_files(UPLOADED)
    page.get_by_role("button", name="Import", exact=True).click(no_wait_after=True)


def everywhere(home: Path) -> Counter[str]:
    """How often each content lies below the folder of the pictures, the trash included."""
    files = (path for path in (home / "pictures").rglob("*.png") if path.is_file())
    return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)


def rows(bench: Workbench, name: str) -> list[tuple[int, str, str]]:
    return [(row.id, row.name, row.status) for row in bench.collection(name).rows()]


def damage(bench: Workbench) -> list[str]:
    found = [sentence for card in bench.collections() for sentence in check(bench.collection(card.name))]
    return found + [finding.sentence for finding in check_home(bench.home)]


@pytest.mark.slow
@pytest.mark.parametrize("act", [trash, upload])
def test_a_server_that_is_killed_loses_nothing(
    chromium: Any, home: Path, tmp_path: Path, act: Callable[[Any, str], None]
) -> None:
    bench, chance = Workbench(Home(home)), random.Random(act.__name__)
    known, contents = rows(bench, "blobs"), everywhere(home)
    for number in range(KILLS):
        server = Server(home, tmp_path / f"{number}.log", at_once=True)
        server.wait()
        page = chromium.new_context().new_page()
        act(page, server.url)
        time.sleep(chance.uniform(0, 0.6))
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(10)
        page.context.close()
        ended = [job.wait(60) for job in jobs(home / "jobs")]
        assert set(ended) <= {"done", "interrupted"}, "a job outlives its server, unless it had not begun"
        assert damage(bench) == []
        assert everywhere(home) == contents
        for batch in batches(bench.collection("blobs")):
            if batch.waiting or batch.cut_off:
                bench.restore_dropped("blobs", batch.name)
        bench.run("rescan", collection="blobs")
        assert rows(bench, "blobs") == known
        for card in bench.collections():
            if card.name != "blobs":
                assert {row.status for row in bench.collection(card.name).rows()} == {"image"}
                assert 1 <= card.count <= len(UPLOADED)
                bench.remove(card.name)
