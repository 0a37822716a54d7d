"""The classify page without a browser and without training: classifications are written as folders."""

from __future__ import annotations

import csv
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine.classification.plan import ClassificationPlan
from engine.classification.results import Classification, create
from engine.core.home import Home
from engine.workbench.workbench import Workbench
from tests.classified import keep_all
from tests.ui.app_pages import HOSTILE, SCRIPT
from tests.ui.conftest import workbench_at

CLASSES = ("Bags", "Caps", HOSTILE)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with 20 things that have a text and a label, in a table with a further column, and 6 without labels."""
    home = tmp_path_factory.mktemp("shop")
    for title, count, labelled in (("Shop", 20, True), ("Bare", 6, False)):
        folder = home / "tables" / title
        folder.mkdir(parents=True)
        with open(folder / "table.csv", "w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(["image", "text", "label", "season"] if labelled else ["image", "text"])
            for number in range(count):
                label = CLASSES[min(number % 4, 2)]
                hue = random.Random(number + 100 * labelled).choices(range(256), k=3)
                Image.new("RGB", (24, 24), tuple(hue)).save(folder / f"{number}.png")
                words = f"{label} **number** {number} " + "long " * 60
                line = [f"{number}.png", words, label, ("Summer", "Winter")[number % 2]]
                lines.writerow(line if labelled else line[:2])
        Workbench(Home(home)).run("import", source="csv", title=title, path=str(folder / "table.csv"))
    return home


@pytest.fixture
def here(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    """The pages' workbench on a copy of that home."""
    shutil.copytree(shop, tmp_path / "home")
    yield from workbench_at(tmp_path / "home", monkeypatch)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What the page wanted to start."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def start(self: Workbench, kind: str, **arguments: Any) -> SimpleNamespace:
        asked.append((kind, arguments))
        return SimpleNamespace(id="none")

    monkeypatch.setattr(Workbench, "start", start)
    return asked


def plan(**changes: Any) -> ClassificationPlan:
    given = {"title": "First look", "collection": "shop", "picture": "raw-pixels", "fusions": ("picture", "late")}
    return ClassificationPlan(**{**given, "folds": 2, **changes})


def things(bench: Workbench) -> list[tuple[int, str]]:
    images = bench.collection("shop").images()
    return list(zip(images.ids.tolist(), images.labels, strict=True))


def classified(bench: Workbench, **changes: Any) -> Classification:
    """A measured classification: pictures alone are wrong twice in each fold, together once in the first."""
    found = create(bench.home, plan(**changes))
    every = things(bench)
    wrong = {
        ("picture", fold): [(id, "Caps") for id, label in every[fold::2] if label == HOSTILE][:2] for fold in (0, 1)
    }
    wrong["late", 0] = [(id, HOSTILE) for id, label in every[0::2] if label == "Bags"][:1]
    keep_all(found, CLASSES, every, wrong)
    return found


def opened(collection: str = "shop", **values: Any) -> AppTest:
    at = AppTest.from_file(SCRIPT, default_timeout=180)
    at.session_state["go_to"] = "classify"
    at.session_state["collection"] = collection
    for key, value in values.items():
        at.session_state[key] = value
    at.run()
    assert not at.exception
    return at


def texts(at: AppTest) -> str:
    return "\n".join(one.value for kind in (at.markdown, at.caption, at.info, at.error, at.warning) for one in kind)
