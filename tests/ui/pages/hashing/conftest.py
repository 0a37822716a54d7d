"""The page of search benchmarks without a browser and without measuring: studies are written as folders."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine.comparisons.hashing.measuring import StudyRow, unmeasured
from engine.comparisons.hashing.plan import StudyPlan
from engine.comparisons.hashing.study import HashingStudy
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import visited

SOURCE = "shapes/raw-pixels/avg-sqrt"
LSH, WIDE, AUTO = "lsh(bits=8,tables=4)", "lsh(bits=16,tables=4)", "itq"


@pytest.fixture
def here(bench: Workbench, small_home: Path) -> Iterator[Workbench]:
    """The pages' workbench, without studies and their jobs when the test is over."""
    yield bench
    shutil.rmtree(small_home / "studies", ignore_errors=True)
    for folder in (small_home / "jobs").glob("*-study"):
        shutil.rmtree(folder)


@pytest.fixture
def vectors(small_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of 40 vectors below the roots."""
    monkeypatch.setenv("BENZER_ROOTS", str(small_home))
    path = small_home / "some *vectors*.npy"
    np.save(path, np.random.default_rng(0).random((40, 6), dtype=np.float32))
    return path


def plan(**changes: Any) -> StudyPlan:
    facts = {"title": "First look", "source": SOURCE, "metric": "cosine", "methods": (LSH, WIDE, AUTO), "neighbours": 8}
    return StudyPlan(**{**facts, **changes})


def measured(study: HashingStudy, *figures: tuple[float, float] | str) -> list[StudyRow]:
    """Write a row for each of the first cells: recall and milliseconds, or the text of an error."""
    found = []
    for cell, value in zip(study.plan.cells(), figures, strict=False):
        row = unmeasured(cell)
        if isinstance(value, str):
            row = replace(row, error=value)
        else:
            recall, ms = value
            chosen = {"bits": 12, "tables": 3, "probes": 0, "rerank": 50, "lookup": "hamming"}
            counted = {"candidates": 4.0, "share": 0.4} if cell.method != AUTO else {}
            row = replace(
                row, chosen=chosen if cell.method == AUTO else {}, size=cell.size or 10, dimensions=6, queries=2,
                neighbours=8, recall=recall, recall_low=recall - 0.005, recall_high=min(1.0, recall + 0.005),
                recall_10=recall, map=min(1.0, recall + 0.1), strict_map=recall, p50=ms, p99=2 * ms, batch_ms=ms / 2,
                build_seconds=0.1, megabytes=0.5, vectors_megabytes=1.0, **counted,
            )  # fmt: skip
        study.keep(row)
        found.append(row)
    return found


def visit(**session: Any) -> AppTest:
    """The hashing page with these choices made."""
    return visited("hashing", **{"collection": "shapes", "encoder": "raw-pixels", "metric": "cosine", **session})
