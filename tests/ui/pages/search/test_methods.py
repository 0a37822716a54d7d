"""Methods side by side, and the number of clusters."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.core.errors import MissingPackage
from engine.core.recipe import Recipe
from engine.workbench.workbench import Answer, Query, Workbench
from tests.ui.app_pages import seeing
from tests.ui.pages.search.conftest import RAW, params, visit
from ui.sidebar.cluster_help import proposals


def _in_the_window(test: AppTest, key: str) -> AppTest:
    """Click a button in the window of the number of clusters, which a run of the whole page would close."""
    if key not in [button.key for button in test.button]:
        seeing(test).button(key="cluster-help").click().run()
    test.session_state.cluster_help_asked = True
    return test.button(key=key).click().run()


def test_clusters_can_be_chosen_by_measuring(bench: Workbench) -> None:
    test = _in_the_window(visit(**RAW | {"method": "kmeans"}), "cluster-measure")
    assert not test.exception
    assert len(test.get("plotly_chart")) == 1
    elbow = next(row for row in bench.cluster_help(test.session_state.recipe) if row["elbow"])["clusters"]
    _in_the_window(test, f"use-{elbow}")
    assert params(test)["method"] == f"kmeans(clusters={elbow})"
    seeing(test).selectbox(key="metric").select("euclidean").run()
    assert not test.get("plotly_chart")  # it was drawn from other distances


def test_measuring_clusters_without_vectors_is_a_sentence(bench: Workbench) -> None:
    test = _in_the_window(visit(**RAW | {"encoder": "colour-histogram", "method": "kmeans"}), "cluster-measure")
    assert "Shapes is not ready for Colour histogram yet" in test.error[0].value


def test_clusters_worth_taking() -> None:
    rows = [{"clusters": c, "inertia": 1 / c, "silhouette": s, "elbow": float(c == 3)} for c, s in ((2, 0.1), (3, 0.4))]
    assert list(proposals(rows)) == [3]
    rows[0]["silhouette"] = 0.5
    assert list(proposals(rows)) == [3, 2]


def test_pictures_that_were_left_out_are_named(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not [panel for panel in visit(**RAW).expander if "not searched" in panel.label]
    monkeypatch.setattr(Workbench, "left_out", lambda *_: (("a *b*.png", "The file is cut off."), ("c.png", "Gone.")))
    test = visit(**RAW)
    panel = next(panel for panel in test.expander if panel.label == "2 pictures skipped: could not be read")
    assert panel.markdown[0].value.replace("\\", "") == "- a *b*.png: The file is cut off.\n- c.png: Gone."
    started: list[Any] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: started.append(kind))
    test.button(key="left-out-again").click().run()
    assert started == ["embed"]


@pytest.mark.parametrize("missing", [False, True])
def test_a_method_that_cannot_answer_says_so_in_its_column(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, missing: bool
) -> None:
    real = Workbench.search

    def search(self: Workbench, recipe: Recipe, query: Query, **options: Any) -> Answer:
        if missing and recipe.method == "hnsw":
            raise MissingPackage("HNSW", "faiss-cpu")
        return real(self, recipe, query, **options)

    monkeypatch.setattr(Workbench, "search", search)
    test = AppTest.from_string(_COMPARE, default_timeout=180).run()
    assert not test.exception
    assert [column.markdown[0].value for column in test.columns] == [
        "**Exact**",
        "**LSH**",
        "**k\\-means**",
        "**HNSW**",
    ]
    assert len([element for element in test.caption if "11 pictures · " in element.value]) == 4 - missing
    assert len(test.columns[3].error) == missing


_COMPARE = """
import streamlit as st
from ui.pages.search.method_comparison import comparison
from ui.session.query import set_query_image
from engine.core.recipe import Recipe

set_query_image(1)
st.session_state.include_query = False
st.session_state.compare = True
comparison(Recipe("shapes", "raw-pixels", embedding="max"))
"""
