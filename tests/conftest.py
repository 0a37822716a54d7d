"""How the tests are shared out where several processes run them, and what those on a real Ray have in common."""

from __future__ import annotations

import os
import shutil
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from engine.jobs import job as jobs
from tests import forking
from tests.counts import FULL

HERE = Path(__file__).parent
# What trains networks, builds packages, starts an interpreter for each test or draws thousands of trials is not for the
# daily round.
SLOW = (
    "distribution", "engine/training/test_loop.py", "engine/training/test_loop_ends.py",
    "engine/training/test_loop_settings.py", "engine/training/test_survival.py", "engine/training/objectives",
    "engine/classification/training", "engine/classification/test_run.py", "engine/classification/test_fine_tuning.py",
    "engine/comparisons/recipes/test_run.py", "engine/comparisons/recipes/test_asked.py",
    "engine/comparisons/hashing/test_run.py", "engine/comparisons/hashing/test_tuned.py", "engine/cli/test_train.py",
    "engine/collections/samples", "engine/evidence/test_explanation.py", "engine/grouping/test_by_sample.py",
    "engine/evaluation/statistics/test_lead.py", "engine/evaluation/statistics/test_statistics.py",
    "engine/cli/test_terminals.py", "engine/workbench/test_full_disk.py",
)  # fmt: skip
SHOWN = "what the page showed"  # the section of a report that a test in the browser adds where it fails
ON_RAY = {"test_blocks.py", "test_rdh.py", "test_ray.py"}

# Ray keeps the token that it found when it was loaded: every cluster of one process must be given the same.
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_AUTH_TOKEN", "0f" * 24)

# Files of tests live in memory where there is room: what is stored waits for no disk to have written it.
IN_MEMORY, ROOM = Path("/dev/shm"), 4 << 30
if IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))

if hasattr(os, "fork"):
    jobs.begin_worker = forking.begin_worker  # where a test does not ask for `real_workers`


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Full counts take as long as they take."""
    if FULL:
        config.option.timeout = 0


@pytest.fixture
def real_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers of jobs are started as a person's are: by an interpreter that has imported nothing yet."""
    monkeypatch.setattr(jobs, "begin_worker", forking.really_begin_worker)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow and what runs on Ray, and put first what takes long: a file begun last would be waited for.

    Files with a browser come in turn with others, as a browser and its server wait for each other most of the time.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        if item.path.name in ON_RAY and item.get_closest_marker("slow") is not None:
            item.add_marker(pytest.mark.ray)
        if any(item.path.is_relative_to(HERE / place) for place in SLOW):
            item.add_marker(pytest.mark.slow)
        files.setdefault(item.path, []).append(item)
    browsers = sorted((path for path in files if "browser" in path.parts), key=lambda path: -len(files[path]))
    others = sorted((path for path in files if "browser" not in path.parts), key=lambda path: _haste(files[path]))
    order = [path for pair in zip_longest(browsers, others) for path in pair if path is not None]
    items[:] = [item for path in order for item in files[path]]


def _haste(tests: list[pytest.Item]) -> tuple[bool, int]:
    """What the files without a browser are sorted by: those on Ray, which one process runs, then the slow ones."""
    slow = sum(item.get_closest_marker("slow") is not None for item in tests)
    return tests[0].path.name not in ON_RAY, -slow


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Of every test that failed in the browser what the page showed, at the end, which is left where a log is cut."""
    for report in terminalreporter.stats.get("failed", ()):
        for title, text in report.sections:
            if title == SHOWN:
                terminalreporter.write_line(f"{report.nodeid}: {text}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Files are shared out whole; those on Ray go to one process, as clusters on one machine disturb each other."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class OneCluster(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return "ray" if Path(file).name in ON_RAY else file

    return OneCluster(config, log)
