"""A search benchmark that was measured: its rows, its links and its exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from streamlit.testing.v1 import AppTest

from engine.comparisons.hashing.study import create
from engine.core.recipe import Recipe
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import HOSTILE, job, labels, texts
from tests.ui.pages.hashing.conftest import LSH, SOURCE, measured, plan, visit
from ui.comparisons.state import exported, seen
from ui.pages.hashing.state import STUDIES


def test_a_stopped_study_shows_what_is_finished_and_goes_on(
    here: Workbench, started: list[tuple[str, dict[str, Any]]]
) -> None:
    study = create(here.home, plan(title=HOSTILE))
    measured(study, (1.0, 2.0), (0.96, 0.5))
    job(here, "study", study.name, {"state": "stopped"})
    test = visit()
    assert HOSTILE in texts(test)
    assert "2 of 4 configurations measured · 8 nearest of 2 queries" in texts(test)
    assert "Stopped. 2 configurations left to measure." in texts(test)
    assert "**4.0 times as fast as exact search**: **LSH · 8 bits · 4 tables** finds at least 95\xa0% of" in texts(test)
    test.button(key=f"study-go-on-{study.name}").click().run()
    assert started == [("study", {"name": study.name, "title": study.title})]


def test_a_study_that_tunes_and_has_no_cells_yet_is_not_finished(here: Workbench) -> None:
    study = create(here.home, plan(tune=0.9))
    folder = job(here, "study", study.name, None)
    with FileLock(folder / "lock"):
        test = visit()
        assert "No results yet." in texts(test)
        assert test.button(key=f"study-stop-{folder.name}").label == "Stop"


def test_the_wanted_recall_names_another_method(here: Workbench) -> None:
    study = create(here.home, plan())
    measured(study, (1.0, 2.0), (0.96, 0.5), (0.8, 0.25), "It failed.")
    test = visit(study=study.name)
    assert "**LSH · 8 bits · 4 tables** finds at least 95\xa0%" in texts(test)
    test.slider(key=f"study-wanted-{study.name}").set_value(75).run()
    assert "**8.0 times as fast as exact search**: **LSH · 16 bits · 4 tables** finds at least 75\xa0%" in texts(test)
    test.slider(key=f"study-wanted-{study.name}").set_value(99).run()
    assert "**Nothing here finds 99\xa0% of the nearest.** The nearest to it is **LSH · 8 bits" in texts(test)


def test_search_with_it_puts_the_method_into_the_sidebar(here: Workbench) -> None:
    study = create(here.home, plan(metric="euclidean"))
    measured(study, (1.0, 2.0), (0.96, 0.5))
    test = visit(study=study.name)
    test.button(key="study-search").click().run()
    assert test.title[0].value.startswith("Find similar pictures in ")
    recipe: Recipe = test.session_state.recipe
    assert str(recipe) == f"{SOURCE}/euclidean/lsh(bits=8,tables=4)/8"


def test_where_exact_search_is_the_best_it_is_said_and_used(here: Workbench) -> None:
    study = create(here.home, plan())
    measured(study, (1.0, 0.2), (0.96, 0.5))
    test = visit(study=study.name)
    assert "**Exact search is the fastest here**: 0.2 ms over 10 vectors." in texts(test)
    test.button(key="study-search").click().run()
    assert test.session_state.recipe.method == "exact"


def test_of_a_file_the_method_is_there_to_be_copied(here: Workbench, vectors: Path) -> None:
    study = create(here.home, plan(source=f"file:{vectors}"))
    measured(study, (1.0, 2.0), (0.96, 0.5))
    test = visit(study=study.name)
    assert [code.value for code in test.code] == [LSH]
    assert "study-search" not in [button.key for button in test.button]


def test_a_row_opens_with_its_settings_in_force(here: Workbench) -> None:
    study = create(here.home, plan())
    rows = measured(study, (1.0, 2.0), (0.96, 0.5), "More bits than dimensions.", (0.9, 0.7))
    shown = texts(visit(study=study.name, study_row=rows[3].key))
    assert "ITQ · automatic · 12 bits · 3 tables" in shown
    assert "Candidates scanned: not available." in shown
    assert "Settings: bits 12, lookup hamming, probes 0, rerank 50, tables 3" in shown
    failed = visit(study=study.name, study_row=rows[2].key)
    assert "More bits than dimensions." in texts(failed)
    assert failed.button(key="study-use").disabled
    assert "1 configuration failed; the table says why." in texts(failed)


def test_a_file_that_is_gone_is_the_sentence_of_the_job(here: Workbench) -> None:
    study = create(here.home, plan(source="file:/gone/vectors.npy"))
    job(here, "study", study.name, {"state": "failed", "error": "There is no file /gone/vectors.npy."})
    test = visit(study=study.name)
    assert "There is no file /gone/vectors.npy." in texts(test)
    assert "vectors.npy · Cosine · 0 of 4 configurations measured" in texts(test)
    assert "Continue" in labels(test)


def test_it_is_listed_opened_renamed_and_gone(here: Workbench) -> None:
    study, other = create(here.home, plan()), create(here.home, plan(title="Other"))
    measured(study, (1.0, 2.0), (0.96, 0.5))
    study.rename("Another name")
    test = visit(study=other.name)
    assert "Another name" in texts(test)
    assert "**4.0 times as fast as exact search**" in texts(test)
    test.button(key=f"study-open-{study.name}").click().run()
    assert test.header[0].value == "Another name"
    study.remove()
    test.run()
    assert f"The benchmark “{study.name}” does not exist any more." in texts(test)


def test_a_link_opens_its_study(here: Workbench) -> None:
    older, _ = create(here.home, plan(title="Older")), create(here.home, plan(title="Newer"))
    test = AppTest.from_string(
        "import streamlit as st\nfrom ui.pages.hashing.page import page\nst.session_state.recipe = None\npage()",
        default_timeout=180,
    )
    test.query_params["study"] = older.name
    assert test.run().header[0].value == "Older"
    assert not test.exception


def test_a_closed_study_stays_closed_while_the_browser_still_sends_its_address(here: Workbench) -> None:
    study = create(here.home, plan(title="Older"))
    test = AppTest.from_string(
        "import streamlit as st\nfrom ui.pages.hashing.page import page\nst.session_state.recipe = None\npage()",
        default_timeout=180,
    )
    assert test.run().header[0].value == "Older"
    button = next(button for button in test.button if button.key == "study-close")
    button.click().run()
    assert test.header[0].value == "New benchmark"
    assert "study" not in test.query_params
    test.query_params["study"] = study.name
    test.run()
    assert test.header[0].value == "New benchmark"
    assert "study" not in test.query_params


def test_back_closes_a_study_that_was_opened_from_the_list(here: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    study = create(here.home, plan(title="Older"))
    test = AppTest.from_string(
        "import streamlit as st\nfrom ui.pages.hashing.page import page\nst.session_state.recipe = None\npage()",
        default_timeout=180,
    )
    assert test.run().header[0].value == "Older"
    del test.query_params["study"]
    assert test.run().header[0].value == "Older"  # the browser has not drawn the new address yet
    for module in ("ui.session.history", "ui.comparisons.state"):
        monkeypatch.setattr(f"{module}.went_through_history", lambda: True)
    del test.query_params["study"]
    assert test.run().header[0].value == "New benchmark"
    test.query_params["study"] = study.name
    assert test.run().header[0].value == "Older"


def test_exports_hold_what_was_measured(here: Workbench) -> None:
    study = create(here.home, plan(title=HOSTILE))
    measured(study, (1.0, 2.0), (0.96, 0.5), "=It failed.")
    view = seen(STUDIES, study)
    assert [row["recall"] for row in json.loads(exported(view, "json"))["rows"]] == [1.0, 0.96, 0.0]
    assert b"0.96" in exported(view, "csv")
    assert b"<b>*x*</b>" not in exported(view, "html")
