"""Vectors in files, a workbench, and a plan that measures two methods over them."""

from __future__ import annotations

import numpy as np
import pytest

from engine.comparisons.hashing.plan import StudyPlan, file_source
from engine.core.home import Home
from engine.workbench.workbench import Workbench


def blobs(count, dimensions=12, seed=0):
    """Vectors around 40 centres."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(40, dimensions)) * 4
    return (centres[rng.integers(0, 40, count)] + rng.normal(size=(count, dimensions))).astype(np.float32)


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.delenv("BENZER_RAY", raising=False)
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    np.save(tmp_path / "base.npy", blobs(1200))
    np.save(tmp_path / "queries.npy", blobs(30, seed=1))
    return Workbench(Home(tmp_path / "home"))


@pytest.fixture
def plan(tmp_path):
    return StudyPlan(
        "Try it",
        file_source(tmp_path / "base.npy"),
        methods=("lsh(bits=6,probes=0,tables=4)", "kmeans"),
        neighbours=5,
        asked=str(tmp_path / "queries.npy"),
    )
