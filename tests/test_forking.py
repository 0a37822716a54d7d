"""The forks of tests do what `python -m` does, and none outlives the tests."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forking import Forking


@pytest.fixture(scope="module")
def forking() -> Iterator[Forking]:
    made = Forking("json")
    assert made.ready(120)
    yield made
    made.end()


def test_a_fork_runs_a_module_as_python_does_and_can_be_awaited(forking: Forking, tmp_path: Path) -> None:
    forked = forking.run(["calendar", "2026"], os.environ, tmp_path / "log.txt")
    forked.wait(60)
    assert "2026" in (tmp_path / "log.txt").read_text()


def test_errors_are_logged(forking: Forking, tmp_path: Path) -> None:
    forking.run(["no_such_module"], os.environ, tmp_path / "log.txt").wait(60)
    assert "No module named no_such_module" in (tmp_path / "log.txt").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="the system ends it")
def test_a_server_ends_with_what_has_forked_it(tmp_path: Path) -> None:
    forking, log = Forking("json"), tmp_path / "log.txt"
    log.touch()
    server = forking.run(["http.server", "--bind", "127.0.0.1", "0"], os.environ, log)
    until = time.monotonic() + 60
    while "Serving" not in log.read_text() and time.monotonic() < until:
        time.sleep(0.02)
    forking.end()
    server.wait(20)
