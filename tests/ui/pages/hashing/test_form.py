"""The vectors and the form of a search benchmark: what is read, refused and started."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.comparisons.hashing.plan import StudyPlan
from engine.comparisons.hashing.study import create
from engine.core.errors import BadParameter
from engine.workbench.cost import study_seconds
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import HOSTILE, labels, texts
from tests.ui.pages.hashing.conftest import LSH, SOURCE, plan, visit
from ui.pages.hashing.form import methods_in, whole_numbers
from ui.pages.hashing.presets import PRESETS
from ui.pages.hashing.source import keep_upload, remove_left_over

_MANY = " ".join(map(str, range(1, 33)))


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
