"""The compare page without a browser and without measuring: experiments are written as folders."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.workbench.workbench import Workbench
from tests.ui.app_pages import visited


@pytest.fixture
def here(bench: Workbench, small_home: Path) -> Iterator[Workbench]:
    """The pages' workbench, without experiments and their jobs when the test is over."""
    yield bench
    shutil.rmtree(small_home / "experiments", ignore_errors=True)
    for folder in (small_home / "jobs").glob("*-experiment"):
        shutil.rmtree(folder)


def visit(**session: Any) -> AppTest:
    """The compare page with these choices made."""
    return visited("compare", **{"collection": "shapes", **session})
