"""The groups page without a browser: groupings are stored as folders, jobs are only noted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.core.progress import Reporter
from engine.core.storage import write_json
from engine.encoders.vectors.store import stored
from engine.grouping.grouper import group
from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.stored.grouping import Grouping, store_grouping
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import SCRIPT
from ui.pages.groups import state as groups_state

TREE = GroupingPlan(Step("hierarchical", (("groups", 3),)), map=Step("pca"))
FLAT = GroupingPlan(Step("kmeans", (("groups", 2),)), Step("pca", (("dimensions", 3),)), map=Step("pca"))


@pytest.fixture
def here(bench: Workbench, small_home: Path) -> Iterator[Workbench]:
    """The pages' workbench, without groupings and jobs when the test is over."""
    yield bench
    for name in ("shapes", "few"):
        shutil.rmtree(small_home / "datasets" / name / "groupings", ignore_errors=True)
    for folder in (small_home / "jobs").glob("20990101*"):
        shutil.rmtree(folder)
    for shelf in (groups_state._groupings, groups_state._seen, groups_state._matrices):
        shelf.clear()


def made(
    bench: Workbench, plan: GroupingPlan = TREE, title: str = "First look", collection: str = "shapes"
) -> Grouping:
    """A grouping, as the job would store it."""
    recipe = bench.default_recipe(collection).but(encoder="raw-pixels", weights="")
    found = bench.collection(collection)
    vectors = stored(found, bench.encoder(recipe).info, recipe.embedding)
    assert vectors is not None
    what = group(vectors.matrix, plan, recipe.metric, Reporter())
    return store_grouping(found, recipe, plan, vectors.hashes, vectors.ids, what, title)


def job(bench: Workbench, kind: str, result: dict[str, Any] | None, **arguments: Any) -> Path:
    folder = bench.home.jobs / f"20990101-000000-000-{kind}"
    config = {"kind": kind, "title": f"Some {kind}", "arguments": arguments, "started": 0.0}
    write_json(folder / "config.json", config)
    (folder / "lock").touch()
    if result is not None:
        write_json(folder / "result.json", result)
    return folder


def visit(query: dict[str, str] | None = None, **session: Any) -> AppTest:
    """The groups page with these choices made; a link is followed once the page is there."""
    test = AppTest.from_file(SCRIPT, default_timeout=180)
    for name, value in {"collection": "shapes", "encoder": "raw-pixels", "go_to": "groups", **session}.items():
        test.session_state[name] = value
    drawn(test.run())
    if query:
        for name, value in query.items():
            test.query_params[name] = value
        drawn(test.run())
    return test


def choose(test: AppTest, **session: Any) -> AppTest:
    """The same page with something else chosen, as a click on a picture would."""
    for name, value in session.items():
        test.session_state[name] = value
    return drawn(test.run())


def drawn(test: AppTest) -> AppTest:
    assert not test.exception, test.exception
    return test


def texts(test: AppTest) -> str:
    kinds = (test.markdown, test.caption, test.info, test.warning, test.error, test.success)
    heads = (test.header, test.subheader)
    return " | ".join(part.value for kind in (*kinds, *heads) for part in kind).replace("\\", "")


def labels(test: AppTest) -> list[str]:
    return [button.label.replace("\\", "") for button in test.button]
