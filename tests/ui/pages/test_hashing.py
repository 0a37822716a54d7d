"""The logic of the hashing page, without a browser and without measuring: studies are written as folders."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from streamlit.testing.v1 import AppTest

from engine.comparisons.hashing.measuring import StudyRow, unmeasured
from engine.comparisons.hashing.plan import StudyPlan, title_of
from engine.comparisons.hashing.study import HashingStudy, create
from engine.core.errors import BadParameter
from engine.core.recipe import Recipe
from engine.workbench.cost import study_seconds
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import job, labels, texts, visited
from ui.comparisons.state import exported, seen
from ui.pages.hashing import charts
from ui.pages.hashing.form import methods_in, whole_numbers
from ui.pages.hashing.presets import PRESETS
from ui.pages.hashing.results import advised, speed_table, where_measured
from ui.pages.hashing.source import Source, keep_upload, remove_left_over
from ui.pages.hashing.state import STUDIES, findings, names_of, shortened_titles
from ui.pages.hashing.table import columns_of, lines_of
from ui.widgets.results_table import table_data

HOSTILE = "<b>*x*</b> $1$"
SOURCE = "shapes/raw-pixels/avg-sqrt"
_MANY = " ".join(map(str, range(1, 33)))
LSH, WIDE, AUTO = "lsh(bits=8,tables=4)", "lsh(bits=16,tables=4)", "itq"


@pytest.fixture
def here(bench: Workbench, small_home: Path) -> Iterator[Workbench]:
    """The pages' workbench, without studies and their jobs when the test is over."""
    yield bench
    shutil.rmtree(small_home / "studies", ignore_errors=True)
    for folder in (small_home / "jobs").glob("*-study"):
        shutil.rmtree(folder)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What the page wanted to start."""
    asked: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: asked.append((kind, arguments)))
    return asked


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


# ── the vectors ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_collection_a_file_can_still_be_measured(empty_bench: Workbench) -> None:
    test = visit()
    assert "There is no collection yet." in texts(test)
    assert "Add pictures" in labels(test)
    assert test.text_input(key="study-path").label == "File"
    assert "study-start" not in [button.key for button in test.button]


def test_the_vectors_of_the_sidebar_are_named(here: Workbench) -> None:
    assert "**Shapes · Raw pixels · Average pool, square root and centred** · 12 vectors × 3,072 · Cosine" in texts(
        visit()
    )
    assert "The 12 pictures are prepared first" in texts(visit(encoder="colour-histogram"))


def test_an_encoder_that_must_be_fetched_first_is_said(here: Workbench) -> None:
    test = visit(encoder="resnet-18")
    assert "Choose another encoder in the sidebar" in texts(test)
    assert "study-start" not in [button.key for button in test.button]


def test_a_file_below_the_roots_is_read_and_measured(
    here: Workbench, vectors: Path, started: list[tuple[str, dict[str, Any]]]
) -> None:
    test = visit(**{"study-source": "A file on this computer"})
    test.text_input(key="study-path").set_value(vectors.name)
    test.button(key="study-read").click().run()
    assert "**some *vectors*** · 40 vectors × 6 · Euclidean" in texts(test)
    test.segmented_control(key="study-metric").set_value("cosine").run()
    test.text_input(key="study-asked").set_value(vectors.name).run()
    assert "40 queries come with them." in texts(test)
    test.button(key="study-start").click().run()
    assert not test.exception
    (study,) = here.studies()
    assert (study.plan.file, study.plan.metric, study.plan.asked) == (vectors, "cosine", str(vectors))
    assert started == [("study", {"name": study.name, "title": study.title})]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("/etc/passwd", "is outside the folders that Benzer may read"),
        ("pictures", "There is no file"),
        ("wrong.npy", "wrong.npy"),
        ("table.txt", "must be one of"),
    ],
)
def test_a_file_that_cannot_be_is_a_sentence(here: Workbench, vectors: Path, name: str, sentence: str) -> None:
    vectors.with_name("wrong.npy").write_bytes(b"no vectors")
    vectors.with_name("table.txt").write_text("1 2 3")
    test = visit(**{"study-source": "A file on this computer", "study_file": name})
    assert sentence in texts(test)
    assert "study-start" not in [button.key for button in test.button]


def test_queries_of_another_width_are_refused_before_anything_starts(here: Workbench, vectors: Path) -> None:
    np.save(vectors.with_name("wide.npy"), np.ones((9, 7), dtype=np.float32))
    fields = {"study_file": vectors.name, "study-asked": "wide.npy"}
    test = visit(**{"study-source": "A file on this computer", **fields})
    assert "The length of the queries must be 6, as of the vectors; got 7." in texts(test)
    assert "study-start" not in [button.key for button in test.button]


def test_an_upload_is_kept_for_the_job_and_goes_when_nobody_uses_it(here: Workbench) -> None:
    out = io.BytesIO()
    np.save(out, np.ones((30, 4), dtype=np.float32) + np.arange(30, dtype=np.float32)[:, None])
    test = visit(**{"study-source": "Upload"})
    test.file_uploader(key="study-upload").set_value(("My *vectors*.npy", out.getvalue(), "application/x")).run()
    assert "30 vectors × 4" in texts(test)
    assert not test.button(key="study-start").disabled
    path = keep_upload("My *vectors*.npy", out.getvalue())
    assert path.parent.parent == here.home.studies
    create(here.home, plan(source=f"file:{path}"))
    other = keep_upload("other.npy", b"not used")
    remove_left_over(older_than=0)
    assert path.exists()
    assert not other.exists()
    with pytest.raises(BadParameter):
        keep_upload("program.exe", b"")


def test_too_few_vectors_are_refused_before_anything_starts(here: Workbench, vectors: Path) -> None:
    np.save(vectors, np.ones((3, 2), dtype=np.float32))
    test = visit(**{"study-source": "A file on this computer", "study_file": vectors.name})
    assert "The number of vectors of a benchmark must be at least 5; got 3." in texts(test)
    assert "study-start" not in [button.key for button in test.button]


def test_an_upload_that_is_no_vectors_is_not_kept(here: Workbench) -> None:
    test = visit(**{"study-source": "Upload"})
    test.file_uploader(key="study-upload").set_value(("bad.npy", b"nothing", "application/x")).run()
    assert test.error
    assert not list((here.home.studies / ".uploads").glob("*.npy"))


# ── the form ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_form_starts_what_it_promises(here: Workbench, started: list[tuple[str, dict[str, Any]]]) -> None:
    test = visit()
    assert "**38 configurations**" in texts(test)
    test.pills(key="study-methods").set_value(["lsh", "hnsw"])
    test.text_input(key="study-own").set_value("hnsw( effort = 50 ), itq(bits=8,tables=1)")
    test.text_input(key="study-bits").set_value("8 16")
    test.text_input(key="study-tables").set_value("2")
    test.toggle(key="study-automatic").set_value(False)
    test.text_input(key="study-title").set_value(HOSTILE)
    test.run()
    assert "**6 configurations**" in texts(test)
    test.button(key="study-start").click().run()
    assert not test.exception
    (study,) = here.studies()
    assert started == [("study", {"name": study.name, "title": HOSTILE})]
    assert HOSTILE in texts(test)
    assert study.plan.source == SOURCE
    assert study.plan.methods == (
        "lsh(bits=8,lookup=buckets,tables=2)",
        "lsh(bits=16,lookup=buckets,tables=2)",
        "hnsw",
        "hnsw(effort=50)",
        "itq(bits=8,lookup=buckets,tables=1)",
    )


def test_a_plan_that_will_fail_is_announced_but_can_be_started(here: Workbench) -> None:
    test = visit()
    test.pills(key="study-methods").set_value(["rdh"])
    test.text_input(key="study-parts").set_value("2, 900")
    test.text_input(key="study-bits").set_value("4")
    test.run()
    assert "vectors cannot be split into 900 parts." in texts(test)
    assert not test.button(key="study-start").disabled
    test.text_input(key="study-parts").set_value("2").run()
    assert "cannot be" not in texts(test)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"study-methods": [], "study-own": ""}, "The methods of a benchmark must be at least one; got 'none'."),
        ({"study-bits": "8, x"}, "The bits of a benchmark must be whole numbers, as in 8, 16; got 'x'."),
        ({"study-sizes": "10, some"}, "must be whole numbers, as in 8, 16 or all; got 'some'."),
        ({"study-own": "lsh(bits"}, "must be written like lsh"),
        ({"study-own": "magic"}, "The method of a benchmark must be one of"),
        ({"study-folds": 0}, "The number of folds of a benchmark must be a whole number from 1 to 100; got 0."),
        ({"study-queries": None}, "The number of queries of a benchmark must be a whole number; got 'nothing'."),
        ({"study-tables": _MANY, "study-bits": _MANY}, "The number of settings of a benchmark must be at most 2,000"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(here: Workbench, change: dict[str, Any], sentence: str) -> None:
    test = visit()
    for name, value in change.items():
        test.session_state[name] = value
    test.run()
    assert sentence in texts(test)
    assert test.button(key="study-start").disabled


@pytest.mark.parametrize(("name", "cells"), [("thesis", 56), ("speed", 7), ("size", 9), ("folds", 30), ("first", 38)])
def test_presets_fill_the_form(here: Workbench, name: str, cells: int) -> None:
    test = visit()
    test.button(key=f"study-preset-{name}").click().run()
    assert f"**{cells} configurations**" in texts(test)
    assert not test.button(key="study-start").disabled


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
@pytest.mark.parametrize("count", [12, 600, 200_000])
def test_presets_know_how_many_vectors_there_are(preset: Any, count: int) -> None:
    fields = preset.fields(count)
    sizes = whole_numbers("sizes", fields["sizes"], also=("all",))
    assert all(size == "all" or 2 <= size <= count for size in sizes)
    assert whole_numbers("bits", fields["bits"])
    if preset.title == "Speed-up":
        assert fields["bits"] == {12: "2", 600: "7", 200_000: "16"}[count]


def test_methods_are_read_from_a_line() -> None:
    assert methods_in("hnsw(effort=50) itq( tables=1, bits=8 ),lsh") == [
        "hnsw(effort=50)",
        "itq(tables=1,bits=8)",
        "lsh",
    ]
    assert methods_in("lsh(bits") == ["lsh(bits"]
    assert methods_in("") == []


def test_more_work_is_said_to_take_longer(here: Workbench) -> None:
    def seconds(plan: StudyPlan, count: int, width: int | None) -> float:
        return study_seconds(here.home, plan, count, width)

    few, many = plan(methods=(LSH,)), plan(methods=(LSH, "hnsw"))
    assert seconds(few, 1000, 64) < seconds(many, 1000, 64) < seconds(many, 100_000, 64)
    assert seconds(few, 1000, None) > seconds(few, 1000, 64) + 10  # embedded first


def test_tuning_starts_a_study_with_the_wanted_recall(
    here: Workbench, started: list[tuple[str, dict[str, Any]]]
) -> None:
    test = visit(**{"study-way": "Tune for me"})
    test.slider(key="study-tune-recall").set_value(90)
    test.number_input(key="study-tune-neighbours").set_value(5)
    test.multiselect(key="study-tune-methods").set_value(["lsh", "hnsw"]).run()
    test.button(key="study-tune").click().run()
    (study,) = here.studies()
    assert (study.plan.tune, study.plan.neighbours, study.plan.methods) == (0.9, 5, ("lsh", "hnsw"))
    assert study.title == "Shapes: tuned for 90 %"
    assert started == [("study", {"name": study.name, "title": study.title})]


# ── a study ──────────────────────────────────────────────────────────────────────────────────────────────────────────


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
    assert "**4.0 times as fast as exact search**: **LSH · 8 bits · 4 tables** finds at least 95 % of" in texts(test)
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
    assert "**LSH · 8 bits · 4 tables** finds at least 95 %" in texts(test)
    test.slider(key=f"study-wanted-{study.name}").set_value(75).run()
    assert "**8.0 times as fast as exact search**: **LSH · 16 bits · 4 tables** finds at least 75 %" in texts(test)
    test.slider(key=f"study-wanted-{study.name}").set_value(99).run()
    assert "**Nothing here finds 99 % of the nearest.** The nearest to it is **LSH · 8 bits · 4 tables**" in texts(test)


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


# ── small parts ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_table_marks_the_best_and_shows_shares(here: Workbench) -> None:
    study = create(here.home, plan())
    measured(study, (1.0, 2.0), (0.96, 0.5), "No memory.", (0.9, 0.7))
    folded = study.folded()
    rows = [one.row for one in folded]
    data = table_data(lines_of(rows), columns_of(folded), "method", "Results")
    assert [column["title"] for column in data["columns"]] == [
        "method", "recall@8", "ms per query", "MAP@8", "candidates scanned",
        "ms in batches", "build s", "MB",
    ]  # fmt: skip
    exact, lsh, itq = data["rows"]
    assert [lsh["cells"][n]["best"] for n in (0, 1)] == [False, True]  # whether the recall is the highest is not known
    assert (lsh["cells"][0]["low"], lsh["cells"][0]["high"]) == (0.955, 0.965)
    assert (lsh["cells"][3]["text"], lsh["cells"][3]["sub"]) == ("4", "40.0%")
    assert (itq["cells"][3]["text"], itq["cells"][1]["sub"]) == ("–", "p99 1.4")
    assert not any(cell["best"] for cell in exact["cells"])  # the reference does not compete
    more, less = tuple([8, 7] * 20), tuple([6, 7] * 20)
    single = [
        replace(one, row=replace(one.row, found=found, empty=0.25))
        for one, found in zip(folded, ((8,) * 40, more, less), strict=False)
    ]
    told = table_data(lines_of([one.row for one in single]), columns_of(single), "method", "Results")["rows"]
    assert [line["cells"][0]["best"] for line in told] == [False, True, False]
    assert told[1]["cells"][1]["text"] == "25.0%"
    other = [replace(one, row=replace(one.row, strict_map=one.row.recall / 2)) for one in folded]
    assert "strict MAP" in [column.title for column in columns_of(other)]  # it is left out where it equals the recall
    assert (itq["name"], itq["sub"]) == ("ITQ", "automatic · " + " · ".join(title_of(
        "itq(bits=12,lookup=hamming,rerank=50,tables=3)").split(" · ")[1:]))  # fmt: skip


def test_folds_become_means_with_deviations(here: Workbench) -> None:
    study = create(here.home, plan(methods=(LSH,), folds=2))
    measured(study, (1.0, 2.0), (0.9, 0.5), (1.0, 2.2), (0.8, 0.7))
    assert findings(seen(STUDIES, study)).folded() == study.folded()
    data = table_data(lines_of([one.row for one in study.folded()]), columns_of(study.folded()), "method", "Results")
    recall = data["rows"][1]["cells"][0]
    assert (recall["text"], recall["sub"]) == ("0.850", "± 0.071")
    assert "Means over 2 folds" in texts(visit(study=study.name))


def test_sizes_are_named_and_shown(here: Workbench) -> None:
    study = create(here.home, plan(methods=(LSH,), sizes=(5, 10)))
    measured(study, (1.0, 1.0), (0.9, 0.5), (1.0, 2.0), (0.9, 0.75))
    assert [name.sub for name in names_of(study.rows())] == [
        "5 vectors", "8 bits · 4 tables · 5 vectors", "10 vectors", "8 bits · 4 tables · 10 vectors",
    ]  # fmt: skip
    test = visit(study=study.name)
    assert "Size-up: more vectors" in texts(test)
    sizes = test.table[0].value
    assert list(sizes["slower"]) == ["1.00×", "2.00×", "1.00×", "1.50×"]


def test_the_speed_up_of_more_parts_is_shown_with_where_it_was_measured(here: Workbench) -> None:
    methods = tuple(f"rdh(bits=4,parts={parts},tables=2)" for parts in (1, 2))
    study = create(here.home, plan(methods=methods))
    rows = measured(study, (1.0, 2.0), (0.9, 1.0), (0.9, 1.1))
    for row, parts, slowest in ((rows[1], 1, 1.0), (rows[2], 2, 0.5)):
        study.keep(replace(row, chosen={"parts": parts, "bits": 4}, slowest_ms=slowest))
    found = study.speed_up()
    table = speed_table(found, shortened_titles([one.title for one in found])[0])
    assert table["faster"] == ["1.00×", "0.91×"]
    assert table["recall"] == ["0.900", "0.900"]
    assert table["faster by it"] == ["1.00×", "2.00×"]
    test = visit(study=study.name)
    assert "Speed-up: more parts" in texts(test)
    assert "Measured in this process" in texts(test)
    assert where_measured("Ray on 3 nodes").startswith("Measured on Ray on 3 nodes")


def test_titles_are_shortened_to_what_differs() -> None:
    titles = ["RDH · 16 bits · 100 tables", "RDH · 24 bits · 100 tables"]
    assert shortened_titles(titles) == (dict(zip(titles, ["16 bits", "24 bits"], strict=True)), "100 tables")
    assert shortened_titles(["LSH · 8 bits", "ITQ · 8 bits"]) == (
        {"LSH · 8 bits": "LSH", "ITQ · 8 bits": "ITQ"},
        "8 bits",
    )
    assert shortened_titles(titles[:1])[0] == {titles[0]: "RDH"}
    assert shortened_titles([]) == ({}, "")


def test_charts_are_told_in_words(here: Workbench) -> None:
    study = create(here.home, plan())
    rows = measured(study, (1.0, 2.0), (0.96, 0.5), (0.8, 0.25))
    names = [name.whole for name in names_of(rows)]
    assert charts.spoken_quality(rows, names, "recall") == (
        "recall against milliseconds per query. The lowest time is of LSH · 16 bits · 4 tables: 0.25 ms, recall 0.800. "
        "The highest figure is of Exact: 2 ms, recall 1.000."
    )
    assert charts.spoken_bits(rows, "recall").endswith("LSH · 4 tables: 0.960 with 8 bits, 0.800 with 16.")
    assert charts.has_bits(rows)
    assert not charts.has_bits(rows[:2])


def test_advice_without_anything_measured_is_honest(here: Workbench) -> None:
    study = create(here.home, plan())
    assert advised(study.advice(0.95)) == "No results yet."
    measured(study, (1.0, 2.0))
    assert advised(study.advice(0.95)) == "Exact search takes 2 ms; other methods are not measured yet."


def test_advice_gives_its_range_of_factors_and_warns_of_a_long_tail(here: Workbench) -> None:
    study = create(here.home, plan())
    exact, row = measured(study, (1.0, 2.0), (0.99, 0.5))
    study.keep(replace(exact, p50_low=1.9, p50_high=2.2))
    study.keep(replace(row, p50_low=0.4, p50_high=0.6, p99=4.0))
    said = advised(study.advice(0.95))
    assert said.startswith("**4.0 times as fast as exact search** (3.2 to 5.5): ")
    assert said.endswith("At least one of the 2 queries took 4 ms or more.")
    study.keep(replace(row, p50_low=0.4, p50_high=0.6, p99=4.0, queries=1000, share=1.0))
    said = advised(study.advice(0.95))
    assert "It compares all 10 vectors, as exact search does: with so few, times say little" in said
    assert said.endswith("One query in a hundred takes 4 ms or more.")
    study.keep(replace(row, p99=1.0))
    assert "in a hundred" not in advised(study.advice(0.95))


def test_advice_says_what_is_not_decided(here: Workbench) -> None:
    study = create(here.home, plan())
    exact, row = measured(study, (1.0, 2.0), (0.953, 0.5))
    said = advised(study.advice(0.95))
    assert "may find 95 % of the nearest: 0.5 ms per query, recall 0.953 [0.948, 0.958]." in said
    assert "That it reaches the target is not decided." in said
    study.keep(replace(exact, p50_low=0.4, p50_high=2.2))
    study.keep(replace(row, p50_low=0.4, p50_high=0.6))
    assert advised(study.advice(0.9)).startswith("**Whether anything is faster than exact search is not decided.**")


def test_the_size_of_vectors_is_shown() -> None:
    assert Source("file:/a.npy", "a", "a", "cosine", 200_000, 128).size == "200,000 vectors × 128"
    assert Source(SOURCE, "a", "a", "cosine", 600, None).size == "600 vectors"
