"""A workbench with a small labelled collection, and a plan over it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.comparisons.recipes.plan import ExperimentPlan
from engine.core.home import Home
from engine.workbench.workbench import Workbench
from tests.engine.narrow import narrow_model  # noqa: F401

COLOURS = {"red": (200, 60, 60), "green": (60, 180, 70), "blue": (60, 70, 210)}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with 30 noisy pictures of three colours; of two more nobody knows the label."""
    root, rng = tmp_path_factory.mktemp("experiments"), np.random.default_rng(0)
    for number in range(32):
        label = list(COLOURS)[number % 3]
        folder = root / "pictures" / label if number < 30 else root / "pictures"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.clip(rng.normal(COLOURS[label], 45, (24, 24, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    Workbench(Home(root / "home")).run("import", source="folder", title="Colours", path=str(root / "pictures"))
    return root / "home"


@pytest.fixture
def bench(origin: Path, tmp_path: Path) -> Workbench:
    shutil.copytree(origin, tmp_path / "home")
    return Workbench(Home(tmp_path / "home"))


def plan(**changes: Any) -> ExperimentPlan:
    given: dict[str, Any] = {
        "title": "Try it",
        "collection": "colours",
        "encoders": ("colour-histogram",),
        "embeddings": ("flatten",),
        "methods": ("exact", "lsh"),
    }
    return ExperimentPlan(**given | changes)
