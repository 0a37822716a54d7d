"""kill -9 of the service while programs add, remove and search: what it has confirmed is there, and nothing is damaged.

A few kills at moments drawn by chance; with BENZER_FULL_COUNTS=1 two hundred.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import random
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from PIL import Image

from engine.collections.integrity import check
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.service.app import service
from engine.workbench.integrity import check_home
from engine.workbench.workbench import Workbench
from tests.counts import count
from tests.engine.killing import killable

KILLS = count(4, 200)
TOKEN = "a token for tests only"
RECIPE = Recipe("kept", "raw-pixels", "", "max", "euclidean", k=3)


def work(root: str, port: int) -> None:
    """Serve until it is killed; with the port 0, make a collection and come to an end."""
    bench = Workbench(Home(Path(root) / "home"))
    if port:
        (Path(root) / "pid").write_text(str(os.getpid()))
        uvicorn.run(service(bench, TOKEN), port=port, log_level="error")
    else:
        spool = bench.spool((f"{number}.png", png(number)) for number in range(5))
        bench.run("import", source="upload", title="Kept", spool=str(spool))
        bench.prepare(RECIPE)


def png(number: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


class Visitor(threading.Thread):
    """Adds pictures, searches, and removes every other one, until the service is gone; notes what it was told."""

    def __init__(self, port: int, first: int) -> None:
        super().__init__(daemon=True)
        self.port, self.first = port, first
        self.tried: set[str] = set()
        self.kept: set[str] = set()
        self.added = 0  # so many were confirmed, those that were removed afterwards among them
        self.begun, self.over = threading.Event(), threading.Event()

    def run(self) -> None:
        number = self.first
        while not self.over.is_set():
            number += 1
            try:
                self._visit(number)
            except (OSError, http.client.HTTPException):
                self.over.wait(0.01)

    def _visit(self, number: int) -> None:
        picture = png(number)
        content = hashlib.sha256(picture).hexdigest()
        self.tried.add(content)
        self._asked("POST", f"/collections/kept/pictures?name={number}.png", picture)
        self.kept.add(content)
        self.added += 1
        self.begun.set()
        query = json.dumps({"words": f"{number}.png", "recipe": str(RECIPE)}).encode()
        [found] = self._asked("POST", "/collections/kept/search", query, "application/json")["written"]
        if number % 2:
            self.kept.discard(content)  # whether it is removed is open until the answer is there
            self._asked("DELETE", f"/collections/kept/pictures/{found['id']}", b"")
            self.tried.discard(content)

    def _asked(self, method: str, path: str, body: bytes, kind: str = "image/png") -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind})
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != 200:  # nothing is confirmed
                raise ConnectionError(said)
            return json.loads(said)
        finally:
            connection.close()


def kill(root: Path, visitors: list[Visitor], after: float) -> None:
    """Kill the service some seconds after both have been answered."""
    for visitor in visitors:
        visitor.begun.wait(120)
    time.sleep(after)
    os.kill(int((root / "pid").read_text()), signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])


@pytest.mark.slow
def test_what_a_killed_service_has_confirmed_is_there(tmp_path: Path) -> None:
    chance, confirmed, first = random.Random(0), 0, 1000
    bench = Workbench(Home(tmp_path / "home"))
    with killable(__name__, "work", (str(tmp_path), 0)) as do:
        known = {row.hash for row in bench.collection("kept").rows("image")}
        for _ in range(KILLS):
            port = free_port()
            visitors = [Visitor(port, first := first + 1000) for _ in range(2)]
            killer = threading.Thread(target=kill, args=(tmp_path, visitors, chance.uniform(0, 0.3)))
            for thread in (*visitors, killer):
                thread.start()
            assert not do(str(tmp_path), port), "it ended by itself"
            for visitor in visitors:
                visitor.over.set()
            for thread in (*visitors, killer):
                thread.join(60)
            kept = set().union(*(visitor.kept for visitor in visitors))
            tried = set().union(*(visitor.tried for visitor in visitors))
            rows = bench.collection("kept").rows()
            there = {row.hash for row in rows}
            assert known | kept <= there <= known | kept | tried
            assert {row.status for row in rows} == {"image"}
            assert check(bench.collection("kept")) == [finding.sentence for finding in check_home(bench.home)] == []
            known, confirmed = there, confirmed + sum(visitor.added for visitor in visitors)
    assert confirmed >= 2 * KILLS, "each kill came after both visitors had been answered"
    bench.run("rescan", collection="kept")
    assert {row.hash for row in bench.collection("kept").rows("image")} == known
    stored = [path for path in (bench.collection("kept").folder / "images").rglob("*") if path.is_file()]
    assert len(stored) == len(known), "what was left over is cleared"
