"""How the tests are shared out where several processes run them, and what those on a real Ray have in common."""

from __future__ import annotations

import os

import pytest

ON_RAY = {"test_blocks.py", "test_rdh.py", "test_ray.py"}

# Ray keeps the token that it found when it was loaded: every cluster of one process must be given the same.
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_AUTH_TOKEN", "0f" * 24)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what must run by itself: browsers measure what a visitor waits for, clusters on one machine disturb each
    other."""
    for item in items:
        on_ray = item.path.name in ON_RAY and item.get_closest_marker("slow") is not None
        if "browser" in item.path.parts or on_ray:
            item.add_marker(pytest.mark.alone)
