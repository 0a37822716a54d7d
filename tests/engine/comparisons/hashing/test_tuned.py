"""Studies that are tuned, and those on the command line."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from engine.cli.parser import main
from engine.comparisons.hashing.run import rows_of, tuned_on
from engine.comparisons.hashing.tuning import aims, proposals
from engine.indexes import make_index
from tests.engine.comparisons.hashing.conftest import blobs

# ── tuning ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_what_is_proposed_reaches_the_recall():
    vectors, queries = blobs(3000), blobs(100, seed=5)
    truth = make_index("exact", "euclidean").build(np.arange(3000), vectors).search(queries, 20).ids
    found = proposals(vectors, "euclidean", 0.9, 20, ("lsh", "itq(lookup=buckets)", "rdh(parts=3)", "hnsw", "kmeans"))
    names = [method.partition("(")[0] for method in found]
    assert set(names) == {"lsh", "itq", "rdh", "hnsw", "kmeans"}
    assert {"lookup=hamming", "lookup=buckets"} <= {
        word for method in found for word in method[:-1].split("(")[-1].split(",")
    }
    for method in found:
        name, _, options = method.partition("(")
        given = dict(part.split("=") for part in options.rstrip(")").split(",") if part)
        settings = {key: int(value) if value.isdigit() else value for key, value in given.items()}
        index = make_index(name, "euclidean", **settings).build(np.arange(3000), vectors)
        answer = index.search(queries, 20)
        hits = [len(set(a) & set(b)) for a, b in zip(answer.ids.tolist(), truth.tolist(), strict=True)]
        assert np.mean(hits) / 20 > 0.87, method


def test_a_family_that_cannot_be_had_stays_to_say_why():
    assert proposals(blobs(100), "euclidean", 0.9, 5, ("pcah(bits=13,lookup=buckets)",)) == (
        "pcah(bits=13,lookup=buckets)",
    )


def test_a_sample_must_promise_more_than_is_wanted():
    assert all(0.9 < aim < 1 for aim in aims(0.9))
    assert aims(1.0) == [1.0]


def test_tuning_is_a_study_of_what_is_proposed(bench, plan):
    made = bench.plan_study(replace(plan, methods=("lsh(lookup=buckets)", "hnsw"), tune=0.9))
    assert not made.tuned
    bench.run("study", name=made.name)
    assert made.tuned
    assert made.facts["families"] == ["lsh(lookup=buckets)", "hnsw"]
    assert all("(" in method for method in made.plan.methods)
    best = made.best(0.9)
    assert best is not None
    assert best.recall >= 0.9
    chosen = made.plan.methods
    bench.run("study", name=made.name)
    assert made.plan.methods == chosen


def test_settings_are_chosen_over_the_most_vectors_and_none_that_is_asked(plan):
    alone = replace(plan, asked="", queries=20)
    for sizes in ((50, None), (None, 50), (50, 180, 1000)):
        rows = tuned_on(replace(alone, sizes=sizes), 200, apart=False)
        _, asked = rows_of(alone, alone.cells()[0], 200, apart=False)
        assert (len(rows), set(rows) & set(asked)) == (180, set())
    folds = replace(alone, folds=4)
    asked = {int(row) for cell in folds.cells()[::3] for row in rows_of(folds, cell, 200, apart=False)[1]}
    rows = tuned_on(folds, 200, apart=False)
    assert (len(asked), len(rows), asked & set(rows.tolist())) == (80, 120, set())
    some = replace(folds, queries=1000)  # every vector is asked once
    assert tuned_on(some, 200, apart=False).tolist() == rows_of(some, some.cells()[0], 200, apart=False)[0].tolist()
    assert tuned_on(plan, 200, apart=True) == slice(None)


def test_a_plan_may_be_measured_at_once(bench, plan):
    done = bench.run("study", plan=replace(plan, methods=("hnsw",)).as_dict(), tune=0.8)
    assert bench.study(done["study"]).plan.tune == 0.8


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_the_command_measures_lists_shows_and_writes(bench, tmp_path, capsys):
    words = ["hashing", "--vectors", str(tmp_path / "base.npy"), "--asked", str(tmp_path / "queries.npy")]
    grid = ["--methods", "lsh,rdh,hnsw(links=8)", "--bits", "6", "--tables", "2,4", "--probes", "0", "--parts", "1,2"]
    assert main([*words, *grid, "--neighbours", "5", "--sizes", "600,all", "--title", "Table"]) == 0
    told = capsys.readouterr().out
    assert "RDH (parts) · 2 parts · 6 bits · 4 tables · 0 probes" in told
    assert "speed-up" in told
    assert "times larger" in told
    assert "Benchmark: table · parts lived in: this process" in told
    assert main(["hashing", "--list"]) == 0
    assert "16 of 16" in capsys.readouterr().out
    files = ["--csv", str(tmp_path / "a.csv"), "--html", str(tmp_path / "a.html")]
    assert main(["hashing", "--show", "table", *files]) == 0
    assert "strict map" in (tmp_path / "a.csv").read_text()
    assert "<h2>Speed-up</h2>" in (tmp_path / "a.html").read_text()
    capsys.readouterr()
    assert main(["hashing", "--show", "table", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 16


def test_the_command_tunes_and_resumes(bench, tmp_path, capsys):
    words = ["hashing", "--vectors", str(tmp_path / "base.npy"), "--methods", "hnsw", "--neighbours", "5"]
    assert main([*words, "--tune", "0.9", "--title", "Tuned"]) == 0
    assert "recall" in capsys.readouterr().out.splitlines()[-1]
    study = bench.study("tuned")
    for path in (study.folder / "cells").iterdir():
        path.unlink()
    assert main(["hashing", "--resume", "tuned"]) == 0
    assert len(study.rows()) == 2
    assert main(["hashing", "--delete", "tuned", "--yes"]) == 0
    assert bench.studies() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "either --vectors with a file or --collection; got 'neither'"),
        (["--vectors", "a.txt"], r"one of .npy"),
        (["--show", "nothing"], "There is no benchmark 'nothing'. See: python -m engine hashing --list"),
        (["--show", "nothing", "--bits", "8"], "--bits does not go with hashing --show"),
        (["--vectors", "base.npy", "--html", "."], "The html of a report must be a file"),
        (["--vectors", "base.npy", "--bits", "8,x"], "whole numbers with commas"),
        (["--vectors", "base.npy", "--bits", "0"], "from 1 to 128; got 0"),
        (["--vectors", "base.npy", "--methods", "rdh", "--functions", "odd"], "one of same, different, selected"),
        (["--vectors", "base.npy", "--sizes", "1"], "size"),
        (["--collection", "none", "--asked", "queries.npy"], "left out with a collection"),
    ],
)
def test_wrong_words_get_a_sentence(bench, tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert main(["hashing", *words]) == 1
    assert said in capsys.readouterr().err
    assert bench.studies() == []


def test_the_command_leaves_nothing_where_no_cluster_answers(bench, tmp_path, capsys):
    assert main(["hashing", "--vectors", str(tmp_path / "base.npy"), "--methods", "rdh", "--ray", "127.0.0.1:1"]) == 1
    assert "No Ray cluster answers at '127.0.0.1:1'" in capsys.readouterr().err
    assert bench.studies() == []
    assert "BENZER_RAY" not in os.environ
