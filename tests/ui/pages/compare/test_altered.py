"""The parts of the compare page that need no labels: tables of invariances, and two encoders side by side."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.comparisons.invariances.invariance import InvarianceRow, Invariances, pictures_digest
from engine.comparisons.invariances.run import plan_for
from engine.core.errors import BenzerError
from engine.core.storage import write_json
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import HOSTILE, labels, texts, visited
from ui.comparisons.state import exported, seen
from ui.pages.compare.invariance_chart import curves_chart, spoken_curves
from ui.pages.compare.invariance_state import INVARIANCES, lines_of, verdicts


@pytest.fixture
def here(bench: Workbench, small_home: Path) -> Iterator[Workbench]:
    """The pages' workbench, without tables and their jobs when the test is over."""
    yield bench
    shutil.rmtree(small_home / "invariances", ignore_errors=True)
    for folder in (small_home / "jobs").glob("*-disagree"):
        shutil.rmtree(folder)


def visit(part: str, **session: Any) -> AppTest:
    return visited("compare", **{"collection": "shapes", "compare-part": part, **session})


def table(bench: Workbench, *encoders: str, title: str = "First look") -> Invariances:
    """A table of which every encoder but the first loses half of the pictures at the strongest alteration."""
    now = pictures_digest(bench.collection("shapes").images())
    plan = plan_for(bench.home, title, "shapes", encoders, alterations=("blur", "jpeg"), queries=8, levels=2)
    made = bench.plan_invariances(plan)
    for cell in plan.cells():
        weak = cell.encoder != plan.encoders[0]
        ranks = ((1,) * 8, (1,) * 8, (1, 1, 1, 1, 0, 0, 2, 9 - 1) if weak else (1,) * 8)
        made.keep(InvarianceRow(cell.key, cell.encoder, cell.alteration, (0.0, 0.5, 1.0), tuple(range(8)), ranks, now))
    return made


# ── invariances ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_form_starts_what_it_promises(here: Workbench, started: list[tuple[str, dict[str, Any]]]) -> None:
    test = visit("Invariances")
    test.multiselect(key="invariance-encoders").set_value(["raw-pixels", "hog"])
    test.multiselect(key="invariance-alterations").set_value(["blur", "jpeg", "grey"])
    test.number_input(key="invariance-queries").set_value(7)
    test.text_input(key="invariance-title").set_value(HOSTILE)
    test.run()
    assert "**6 curves**" in texts(test)
    assert "2 encoders × 3 alterations, 7 pictures each" in texts(test)
    test.button(key="invariance-start").click().run()
    assert not test.exception
    [made] = here.invariance_tables()
    assert started == [("invariance", {"name": made.name, "title": HOSTILE})]
    assert (made.plan.queries, made.plan.levels, len(made.plan.cells())) == (7, 5, 6)
    assert test.session_state.invariance == made.name
    assert HOSTILE in texts(test)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [("encoders", [], "encoders"), ("alterations", [], "alterations"), ("queries", None, "number of queries")],
)
def test_what_is_impossible_is_a_sentence(here: Workbench, key: str, value: Any, told: str) -> None:
    test = visit("Invariances", **{f"invariance-{key}": value})
    assert told in texts(test)
    assert test.button(key="invariance-start").disabled


def test_a_measured_table_is_drawn_with_its_verdicts(here: Workbench) -> None:
    made = table(here, "hog", "raw-pixels")
    test = visit("Invariances", invariance=made.name)
    assert "First look" in texts(test)
    assert "8 pictures altered" in texts(test)
    assert "not decided" in texts(test)  # eight queries decide nothing
    assert "Stop" not in labels(test)
    test.session_state[f"invariance-count-{made.name}"] = 8
    test.run()
    assert not test.exception


def test_lines_charts_and_exports_tell_the_same(here: Workbench) -> None:
    view = seen(INVARIANCES, table(here, "hog", "raw-pixels"))
    first, second = lines_of(view.rows)
    assert (first.rows["blur"].invariance()[0], second.rows["blur"].invariance()[0]) == (1, 0.75)
    assert second.rows["blur"].invariance(8)[0] == pytest.approx(7 / 8)
    rows = [line.rows["jpeg"] for line in (first, second)]
    chart = curves_chart(rows, [HOSTILE, "B"], 1, "hog/max")
    assert [len(trace.x) for trace in chart.data] == [3, 3]
    assert spoken_curves(rows, ["A", "B"], 1).startswith("JPEG quality. A: half or more are found at every strength")
    assert len(verdicts(view, 1)) == 2
    assert b"quality 10" in exported(view, "csv")
    assert json.loads(exported(view, "json"))["plan"]["levels"] == 2


def test_a_failed_encoder_says_why_in_its_line(here: Workbench) -> None:
    made = table(here, "hog", "raw-pixels")
    row = made.rows()[2]
    for failed in made.rows()[2:]:
        made.keep(InvarianceRow(failed.key, failed.encoder, failed.alteration, error="It was made elsewhere."))
    view = seen(INVARIANCES, made)
    assert [line.error for line in lines_of(view.rows)] == ["", "It was made elsewhere."]
    assert row.encoder == lines_of(view.rows)[1].key
    assert "2 curves failed" in texts(visit("Invariances", invariance=made.name))


def test_a_link_opens_its_part_and_a_damaged_table_does_no_harm(here: Workbench) -> None:
    made = table(here, "hog", "raw-pixels")
    (made.folder / "cells" / f"{made.plan.cells()[0].key}.json").write_text("broken")
    test = visit("Configurations")
    test.query_params["invariance"] = made.name
    test.run()
    assert not test.exception
    assert "3 of 4 curves measured" in texts(test)


def test_back_to_a_table_opens_its_part_again(here: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    made = table(here, "hog", "raw-pixels")
    test = visit("Invariances", invariance=made.name)
    assert "4 of 4 curves measured" in texts(test)
    test.segmented_control(key="compare-part").set_value("Configurations").run()
    assert "invariance" not in test.query_params
    for module in ("ui.session.history", "ui.comparisons.state"):
        monkeypatch.setattr(f"{module}.went_through_history", lambda: True)
    test.query_params["invariance"] = made.name
    test.run()
    assert not test.exception
    assert "4 of 4 curves measured" in texts(test)


def test_changed_pictures_are_reported(here: Workbench) -> None:
    made = table(here, "hog")
    assert "have changed" not in texts(visit("Invariances", invariance=made.name))
    for row in made.rows():
        made.keep(replace(row, made_of="earlier"))
    assert "The pictures have changed since this was measured." in texts(visit("Invariances", invariance=made.name))


# ── two encoders ─────────────────────────────────────────────────────────────────────────────────────────────────────


def done(bench: Workbench, first: str, second: str) -> None:
    """A finished job that has compared two encoders."""
    asked = {"collection": "shapes", "first": first, "second": second}
    folder = bench.home.jobs / "20990101-000000-000-disagree"
    config = {"kind": "disagree", "title": "x", "arguments": asked | {"home": str(bench.home.root)}, "started": 0.0}
    value = bench.run("disagree", **asked)
    write_json(folder / "config.json", config)
    (folder / "lock").touch()
    write_json(folder / "result.json", {"state": "done", "value": value})


def test_two_encoders_are_chosen_and_compared(here: Workbench, started: list[tuple[str, dict[str, Any]]]) -> None:
    test = visit("Two encoders")
    test.selectbox(key="disagree-first").set_value("raw-pixels").run()
    test.selectbox(key="disagree-second").set_value("raw-pixels").run()
    assert "Choose two different encoders." in texts(test)
    assert test.button(key="disagree-start").disabled
    test.selectbox(key="disagree-second").set_value("hog").run()
    test.button(key="disagree-start").click().run()
    assert started == [("disagree", {"collection": "shapes", "first": "raw-pixels", "second": "hog"})]


def test_the_result_says_how_far_they_agree_and_what_the_labels_say(here: Workbench) -> None:
    done(here, "raw-pixels", "hog")
    test = visit("Two encoders")
    assert "of the 8 nearest on average" in texts(test)
    assert "Over all labelled pictures" in texts(test)
    before = texts(test).count("of 8 shared")
    test.button(key="disagree-more").click().run()
    assert texts(test).count("of 8 shared") > before


def test_a_failed_comparison_says_why(here: Workbench) -> None:
    with pytest.raises(BenzerError, match="more than 9"):
        here.run("disagree", collection="few", first="raw-pixels", second="hog")
    folder = here.home.jobs / "20990101-000000-000-disagree"
    asked = {"collection": "few", "first": "raw-pixels/max", "second": "hog/max"}
    write_json(folder / "config.json", {"kind": "disagree", "title": "x", "arguments": asked, "started": 0.0})
    (folder / "lock").touch()
    write_json(folder / "result.json", {"state": "failed", "error": "Too few pictures."})
    assert "Too few pictures." in texts(visit("Two encoders", collection="few"))


def test_without_a_collection_nothing_breaks(empty_bench: Workbench) -> None:
    assert "Nothing to compare yet" in texts(visit("Two encoders"))


def test_where_only_comparisons_are_left_two_encoders_offer_to_add_pictures(
    empty_bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.pages.compare.page.listed", lambda kind: ["of a deleted collection"])
    test = visit("Two encoders")
    assert "they need no labels" in texts(test)
    assert "Add pictures" in labels(test)
