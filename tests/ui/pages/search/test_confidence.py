"""The verdict on results, on the search page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine.search.calibration.measuring import calibrate
from engine.workbench.workbench import Workbench
from tests.ui.conftest import SCRIPT, draw
from ui.pages.search.confidence import alike_chart, alike_shown, chance_shown, scores_chart


def test_chance_is_said_of_each_result() -> None:
    assert chance_shown(0.0002, 3.26) == "0.02 % of pairs are as near · 3.3 pictures expected"
    assert chance_shown(1e-9, 1e-6) == "fewer than 0.001 % of pairs are as near · hardly any pictures expected"


def test_the_probability_of_the_label_is_said_where_it_is_known() -> None:
    assert alike_shown((0.934, 0.1), 0) == "93\xa0%"
    assert alike_shown((), 0) == ""


def test_the_verdict_is_below_the_heading_and_the_panel_shows_its_basis(bench: Workbench, tmp_path: Path) -> None:
    draw(tmp_path / "pictures", 40)
    bench.run("import", source="folder", title="Forty", path=str(tmp_path / "pictures"))
    recipe = bench.default_recipe("forty").but(encoder="raw-pixels", weights="")
    bench.run("embed", recipe=recipe.as_dict())
    try:
        test = AppTest.from_file(SCRIPT, default_timeout=180)
        for name, value in {"collection": "forty", "encoder": "raw-pixels", "embedding": "max", "q": "1"}.items():
            test.query_params[name] = value
        test.run()
        assert not test.exception
        told = bench.search(recipe, 1).calibration
        assert told is not None
        verdict = told.verdict[0].upper() + told.verdict[1:]
        assert any(f"**{verdict}**: " in element.value for element in [*test.markdown, *test.caption])
        test.session_state["how-sure"] = True
        test.run()
        assert not test.exception
    finally:
        bench.remove("forty")


def test_words_and_several_examples_have_no_verdict(bench: Workbench) -> None:
    found = bench.search(bench.default_recipe("shapes").but(encoder="raw-pixels", weights=""), 1)
    assert found.calibration is None  # eleven others are too few


def test_the_charts_draw_what_was_measured() -> None:
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.standard_normal((60, 8)), rng.standard_normal((60, 8)) + 6]).astype(np.float32)
    found = calibrate(vectors, "euclidean", ["a"] * 60 + ["b"] * 60)
    assert found is not None
    scores = scores_chart(found)
    assert [trace.name for trace in scores.data] == ["with similar pictures", "without them"]
    assert sum(scores.data[0].y) == pytest.approx(100)
    assert list(alike_chart(found).data[0].x) == found.distances.tolist()


def test_local_scaling_is_in_the_address_and_off_without_it(bench: Workbench) -> None:
    def visit(**more: str) -> AppTest:
        test = AppTest.from_file(SCRIPT, default_timeout=180)
        for name, value in {
            "collection": "shapes",
            "encoder": "raw-pixels",
            "embedding": "max",
            "q": "1",
            **more,
        }.items():
            test.query_params[name] = value
        test.run()
        assert not test.exception
        return test

    plain, scaled = visit(), visit(scaling="1")
    assert not any("CSLS" in element.value for element in plain.caption)
    assert any("CSLS" in element.value for element in scaled.caption)
    assert "scaling" not in plain.query_params
    assert scaled.query_params["scaling"] in ("1", ["1"])
