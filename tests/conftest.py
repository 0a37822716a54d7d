"""How the tests are shared out where several processes run them, and what those on a real Ray have in common."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from engine.jobs import job as jobs
from tests import forking

HERE = Path(__file__).parent
# What trains networks, builds packages or starts an interpreter for each test is not for the daily round.
SLOW = (
    "distribution", "engine/training/test_loop.py", "engine/training/test_survival.py", "engine/training/objectives",
    "engine/classification/training", "engine/classification/test_run.py", "engine/classification/test_fine_tuning.py",
    "engine/comparisons/recipes/test_run.py", "engine/comparisons/hashing/test_run.py", "engine/cli/test_train.py",
    "engine/cli/test_terminals.py", "engine/workbench/test_full_disk.py",
)  # fmt: skip
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


@pytest.fixture
def real_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers of jobs are started as a person's are: by an interpreter that has imported nothing yet."""
    monkeypatch.setattr(jobs, "begin_worker", forking.really_begin_worker)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what must run by itself: browsers measure what a visitor waits for, clusters on one machine disturb each
    other."""
    for item in items:
        on_ray = item.path.name in ON_RAY and item.get_closest_marker("slow") is not None
        if "browser" in item.path.parts or on_ray:
            item.add_marker(pytest.mark.alone)
        if any(item.path.is_relative_to(HERE / place) for place in SLOW):
            item.add_marker(pytest.mark.slow)
    slow = Counter(item.path for item in items if item.get_closest_marker("slow") is not None)
    items.sort(key=lambda item: -slow[item.path])  # long files first: one begun last would be waited for alone
