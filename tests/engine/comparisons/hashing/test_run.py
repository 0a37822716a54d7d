"""Studies end to end on real files: measured, stopped, taken up again, and refused."""

from __future__ import annotations

import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.comparisons.hashing import run as studying
from engine.comparisons.hashing.plan import StudyPlan
from engine.comparisons.hashing.run import rows_of
from engine.core.errors import BadParameter, BenzerError, MissingPackage, NotFound, Stopped, StorageFull, Unreadable
from engine.core.progress import Reporter
from tests.engine.comparisons.hashing.conftest import blobs


def test_measured_once_then_only_what_is_missing_or_damaged(bench, plan):
    made = bench.plan_study(plan)
    assert (made.name, made.state(bench.jobs()), made.rows()) == ("try-it", "planned", [])
    assert bench.run("study", name="try-it") == {"study": "try-it", "measured": 3, "failed": 0}
    exact, lsh, _ = made.rows()
    assert (exact.method, exact.recall, exact.size, exact.queries) == ("exact", 1.0, 1200, 30)
    assert lsh.title == "LSH · 6 bits · 4 tables · 0 probes"
    assert 0 < lsh.candidates < 1200
    assert lsh.workers == "this process"
    assert lsh.build_seconds > 0
    assert made.state(bench.jobs()) == "done"
    assert bench.run("study", name="try-it")["measured"] == 0
    broken = made.folder / "cells" / f"{lsh.key}.json"
    broken.write_bytes(b"{}")
    assert bench.run("study", name="try-it")["measured"] == 1
    assert made.rows()[1].recall == lsh.recall
    assert [path.name for path in (bench.home.studies).iterdir()] == ["try-it"]  # nothing that was weighed is left


def test_other_vectors_are_measured_anew(bench, plan, tmp_path):
    bench.plan_study(plan)
    bench.run("study", name="try-it")
    np.save(tmp_path / "base.npy", blobs(900))
    assert bench.run("study", name="try-it")["measured"] == 3
    assert {row.size for row in bench.study("try-it").rows()} == {900}


def test_what_cannot_be_keeps_its_sentence_and_the_others_go_on(bench, plan):
    methods = ("pcah(bits=13)", "itq(bits=13)", "lsh(bits=65,lookup=buckets)", "rdh(parts=1000)", "hnsw")
    bench.plan_study(replace(plan, methods=methods, sizes=(900, 5000)))
    done = bench.run("study", name="try-it")
    assert done == {"study": "try-it", "measured": 2, "failed": 10}
    errors = {row.method: row.error for row in bench.study("try-it").rows()[:6]}
    assert errors["pcah(bits=13)"] == (
        "The bits of the method pcah must be at most 12, the dimensions of the vectors; got 13."
    )
    assert "at most 12, the dimensions" in errors["itq(bits=13)"]
    assert "at most 64 for buckets" in errors["lsh(bits=65,lookup=buckets)"]
    assert "at most 900, the number of vectors; got 1000" in errors["rdh(parts=1000)"]
    assert {row.error for row in bench.study("try-it").rows()[6:]} == {
        "The size of a benchmark must be at most 1,200, the vectors that can be indexed; got 5000."
    }


def test_what_failed_is_tried_again(bench, plan, monkeypatch):
    bench.plan_study(plan)
    monkeypatch.setattr(studying, "measure", lambda *_: 1 / 0)
    assert bench.run("study", name="try-it")["failed"] == 3
    assert "An unexpected error occurred (ZeroDivisionError)" in bench.study("try-it").rows()[0].error
    monkeypatch.undo()
    assert bench.run("study", name="try-it") == {"study": "try-it", "measured": 3, "failed": 0}


def test_stopped_between_cells_and_taken_up_again(bench, plan, tmp_path):
    bench.plan_study(plan)
    reporter = Reporter(tmp_path)
    reporter.event = lambda **facts: (tmp_path / "stop").touch() if facts["kind"] == "cells" else None  # type: ignore
    with pytest.raises(Stopped):
        studying.run_study(bench.home, "try-it", reporter)
    assert len(bench.study("try-it").rows()) == 1
    assert bench.run("study", name="try-it")["measured"] == 2


def test_a_full_disk_ends_it_and_loses_nothing(bench, plan, monkeypatch):
    bench.plan_study(plan)
    calls = []

    def keep_one(self, row):
        calls.append(row)
        if len(calls) > 1:
            raise StorageFull("full")
        return kept(self, row)

    kept = studying.HashingStudy.keep
    monkeypatch.setattr(studying.HashingStudy, "keep", keep_one)
    with pytest.raises(StorageFull):
        bench.run("study", name="try-it")
    assert len(bench.study("try-it").rows()) == 1


def test_two_do_not_measure_the_same(bench, plan):
    made = bench.plan_study(plan)
    with made.measuring():
        assert made.state(bench.jobs()) == "running"
        with pytest.raises(BadParameter, match="not being measured right now"):
            bench.run("study", name="try-it")
        with pytest.raises(BadParameter, match="not being measured right now"):
            made.remove()


def test_folds_are_each_asked_once(bench, plan):
    vectors = np.arange(100)
    plan = replace(plan, asked="", folds=4, queries=1000)
    asked = []
    for cell in plan.cells()[::3]:
        indexed, queries = rows_of(plan, cell, 100, apart=False)
        assert sorted([*vectors[indexed], *queries]) == vectors.tolist()
        asked += queries.tolist()
    assert sorted(asked) == vectors.tolist()
    assert all(len(rows_of(replace(plan, queries=7), cell, 100, False)[1]) == 7 for cell in plan.cells())


def test_held_out_queries_are_never_indexed_and_the_same_for_every_size(plan):
    plan = replace(plan, asked="", sizes=(50, None), queries=1000)
    (small, first), (large, second) = (rows_of(plan, cell, 200, apart=False) for cell in plan.cells()[::3])
    assert (len(small), len(large), len(first)) == (50, 160, 40)  # a fifth at most is asked
    np.testing.assert_array_equal(first, second)
    assert not set(first.tolist()) & set(large.tolist())
    assert set(small.tolist()) < set(large.tolist())
    with pytest.raises(BadParameter, match="at least 5"):
        rows_of(plan, plan.cells()[0], 4, apart=False)
    with pytest.raises(BadParameter, match="folds"):
        rows_of(replace(plan, folds=10, sizes=(None,)), plan.cells()[-1], 15, apart=False)


def test_vectors_are_not_copied_where_all_are_indexed(bench, plan, tmp_path):
    source = studying._source(bench.home, plan, Reporter())
    indexed, asked = rows_of(plan, plan.cells()[0], 1200, apart=True)
    assert np.shares_memory(studying._data(source, plan, indexed, asked).vectors, source.vectors)
    assert isinstance(source.vectors, np.memmap)


@pytest.mark.slow
def test_folds_speed_up_and_size_up_of_a_real_study(bench, plan):
    methods = ("rdh(bits=5,parts=1)", "rdh(bits=5,parts=3)")
    bench.plan_study(replace(plan, methods=methods, folds=2, sizes=(400, None), queries=20))
    assert bench.run("study", name="try-it")["failed"] == 0
    found = bench.study("try-it")
    assert [(one.row.size, one.folds) for one in found.folded()] == [(200, 2)] * 3 + [(600, 2)] * 3
    one, three = found.speed_up()
    assert (one.machines, one.speed_up, three.parts) == (1, 1, 3)
    assert three.slowest_ms < three.p50
    # With the same functions the parts compare exactly what one would.
    first, second = (row for row in found.averaged() if row.method in methods)
    assert first.candidates == second.candidates
    assert {one.times_larger for one in found.size_up()} == {1, 3}


def test_a_collection_is_embedded_first(bench, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(12):
        path = tmp_path / "pictures" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(path)
    bench.run("import", source="folder", title="Noise", path=str(tmp_path / "pictures"))
    plan = StudyPlan("Noise", "noise/colour-histogram/flatten", "cosine", ("lsh",), neighbours=3)
    made = bench.plan_study(plan)
    bench.run("study", name=made.name)
    assert [(row.size, row.queries, row.error) for row in made.rows()] == [(10, 2, "")] * 2


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (
            {"methods": ("lsh(bits=0)",)},
            BadParameter,
            "bits of the method lsh must be a whole number from 1 to 128; got 0",
        ),
        ({"methods": ("simhash",)}, BadParameter, "method of a benchmark"),
        ({"source": "file:/nowhere/base.npy"}, NotFound, "no file"),
        ({"source": "nobody/colour-histogram/flatten", "asked": ""}, NotFound, "nobody"),
        ({"methods": (), "tune": 0.9}, BadParameter, "at least one"),
    ],
)
def test_what_a_plan_names_must_be_there(bench, plan, change, error, said):
    with pytest.raises(error, match=said):
        bench.plan_study(replace(plan, **change))
    assert bench.studies() == []


def test_files_that_cannot_be_asked_are_refused_before_anything(bench, plan, tmp_path):
    np.save(tmp_path / "queries.npy", blobs(5, dimensions=7))
    with pytest.raises(BadParameter, match="12, as of the vectors; got 7"):
        bench.plan_study(plan)
    np.save(tmp_path / "queries.npy", np.full((2, 12), np.nan))
    with pytest.raises(BadParameter, match="NaN or Inf in row 0"):
        bench.plan_study(plan)
    whole = (tmp_path / "base.npy").read_bytes()
    (tmp_path / "base.npy").write_bytes(whole[:-9])
    with pytest.raises(Unreadable, match=r"base\.npy is cut off"):
        bench.plan_study(plan)


def test_a_dead_cluster_is_found_out_before_anything_is_measured(bench, plan, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    made = bench.plan_study(replace(plan, methods=("rdh(parts=2)", "rdh(parts=3)")))
    monkeypatch.setenv("BENZER_RAY", address)
    began = time.monotonic()
    with pytest.raises(BenzerError, match=f"No Ray cluster answers at '{address}'"):
        bench.run("study", name=made.name)
    assert time.monotonic() - began < 10
    assert made.rows() == []


def test_a_study_without_parts_asks_for_no_cluster(bench, plan, monkeypatch):
    monkeypatch.setenv("BENZER_RAY", "127.0.0.1:1")
    bench.plan_study(plan)
    assert bench.run("study", name="try-it")["failed"] == 0


def test_without_a_cluster_the_other_methods_are_measured(bench, plan, monkeypatch):
    made = bench.plan_study(replace(plan, methods=("rdh(bits=2,tables=2)", "lsh(bits=2,tables=2)")))
    monkeypatch.setenv("BENZER_RAY", "127.0.0.1:1")
    assert bench.run("study", name=made.name)["failed"] == 1
    by_method = {row.method.partition("(")[0]: row for row in made.rows()}
    assert "No Ray cluster answers" in by_method["rdh"].error
    assert by_method["lsh"].recall > 0
    assert not by_method["exact"].error


def test_ray_that_is_not_installed_is_named(bench, plan, monkeypatch):
    bench.plan_study(replace(plan, methods=("rdh",)))
    monkeypatch.setenv("BENZER_RAY", "local")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackage, match='pip install "ray>='):
        bench.run("study", name="try-it")


@pytest.mark.slow
def test_a_job_measures_a_study(bench, plan):
    made = bench.plan_study(replace(plan, methods=("hnsw",)))
    job = bench.start("study", name=made.name)
    assert job.title == "Benchmarking “try-it”"
    assert job.wait(120) == "done", (Path(job.folder) / "log.txt").read_text()
    assert made.state(bench.jobs()) == "done"
    assert made.job(bench.jobs()).id == job.id
