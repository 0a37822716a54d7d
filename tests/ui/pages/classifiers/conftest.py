"""The classifiers of the classify page, without a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.collections.labelling import write_labels
from engine.runs.run import Run
from engine.workbench.workbench import Workbench
from tests import shop
from tests.ui.app_pages import HOSTILE
from tests.ui.conftest import SCRIPT, workbench_at

OPEN = 9  # things whose label was taken away


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with a measured classification, its classifier, items without a label, and predictions about them."""
    home = tmp_path_factory.mktemp("classifiers")
    bench, recipe = shop.shop(home, "late")
    (found,) = bench.classifications()
    bench.run("classification", name=found.name)
    write_labels(bench.collection("shop"), dict.fromkeys(range(1, OPEN + 1), ""), "taken away")
    bench.run("apply", name=recipe.weights, collection="shop")
    bench.classifier(recipe.weights).run.rename(HOSTILE)
    return home


@pytest.fixture
def bench(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    shutil.copytree(made, tmp_path / "home")
    yield from workbench_at(tmp_path / "home", monkeypatch)


@pytest.fixture
def run(bench: Workbench) -> Run:
    (found,) = bench.classifiers()
    return found


def visit(name: str = "", **session: Any) -> AppTest:
    """The half of the page with the classifiers, one of them open."""
    test = AppTest.from_file(SCRIPT, default_timeout=180)
    test.session_state["go_to"], test.session_state["classify-view"] = "classify", "Classifiers"
    for key, value in ({"classify_open": name} | session).items():
        test.session_state[key] = value
    return ran(test)


def ran(step: Any) -> AppTest:
    """The page after it was visited or something on it was used."""
    test: AppTest = step.run()
    assert not test.exception
    return test


def texts(test: AppTest) -> str:
    kinds = (test.markdown, test.caption, test.info, test.warning, test.error, test.success, test.header)
    return " | ".join(part.value for kind in (*kinds, test.subheader) for part in kind).replace("\\", "")


def buttons(test: AppTest) -> dict[str, Any]:
    return {button.key: button for button in test.button}
