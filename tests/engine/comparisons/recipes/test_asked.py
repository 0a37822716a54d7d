"""Experiments on the command line, what each query reached, and which pictures are asked with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli.parser import main
from engine.collections.labelling import write_labels
from engine.comparisons.recipes.leads import leads
from engine.comparisons.recipes.report import verdict
from engine.workbench.workbench import Workbench
from tests.engine.comparisons.recipes.conftest import plan
from tests.engine.narrow import narrow_model  # noqa: F401


def test_the_command(bench: Workbench, monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("BENZER_HOME", str(bench.home.root))
    grid = ["compare", "--collection", "colours", "--encoders", "colour-histogram", "--poolings", "flatten"]
    assert main([*grid, "--methods", "exact,lsh(bits=4,tables=8)", "--title", "Mine"]) == 0
    assert "lsh(bits=4,tables=8)" in capsys.readouterr().out
    assert main(["compare", "--list", "--json"]) == 0
    [line] = json.loads(capsys.readouterr().out)
    assert (line["experiment"], line["state"], line["measured"]) == ("mine", "done", "2 of 2")
    assert main(["compare", "--show", "mine", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 2
    assert main(["compare", "mine", "--csv"]) == 0  # a name alone resumes as well
    assert capsys.readouterr().out.startswith("title,encoder")
    assert main(["compare", "mine", "--html", str(tmp_path / "out.html")]) == 0
    assert (tmp_path / "out.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main(["compare", "--collection", "colours", "--report-tables", "--size", "96", "--no-run"]) == 0
    assert len(bench.experiments()[0].plan.cells()) == 36
    capsys.readouterr()
    for bad in (["compare"], ["compare", "mine", "--k", "3"], ["compare", "mine", "--k", "0"], [*grid, "--size", "96"],
                [*grid, "--report-tables"], [*grid, "--k", "0"], ["compare", "none"]):  # fmt: skip
        assert main(bad) == 1
        assert "Traceback" not in capsys.readouterr().err
    assert main(["compare", "--delete", "mine"]) == 0  # without a terminal nobody can be asked
    assert "Nothing was deleted" in capsys.readouterr().out
    assert bench.experiment("mine")
    assert main(["compare", "--delete", "mine", "--yes"]) == 0
    assert main(["compare", "--show", "mine"]) == 1


def test_what_each_query_reached_is_kept_and_decides(
    bench: Workbench, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bench.plan_experiment(plan(methods=("exact", "lsh(bits=12,probes=0,tables=1)"), probe=True))
    bench.run("experiment", name=made.name)
    first, second = made.rows()
    queries = made.queries(first)
    assert queries is not None
    assert len(queries.ids) == first.queries == 30
    assert queries.figures["precision"].mean() == pytest.approx(first.precision)
    assert first.labels == "30 labels: 30 from folders."
    assert first.ceiling == 1.0
    assert 0 < (first.probe or 0) <= 1
    found = leads(made, [first, second])
    assert found.best == first.key
    assert not found.refused
    assert len(found.against) + len(found.equals) == 1
    monkeypatch.setenv("BENZER_HOME", str(bench.home.root))
    file = tmp_path / "queries.parquet"
    assert main(["compare", "--show", made.name, "--json", "--per-query", str(file)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == verdict([first, second], found)
    assert sum(row["against_the_highest"] is None for row in told["rows"]) == 2 - len(found.against)
    assert file.read_bytes()[:4] == b"PAR1"
    assert main(["compare", "--show", made.name, "--per-query", str(tmp_path / "queries.txt")]) != 0
    assert "must be one that ends in .csv or .parquet" in capsys.readouterr().err


def test_queries_and_gallery_are_stated(bench: Workbench) -> None:
    images = bench.collection("colours").images()
    made = bench.plan_experiment(plan(queries_where="name~1", methods=("exact", "lsh")))
    bench.run("experiment", name=made.name)
    exact, lsh = made.rows()
    asked = [name for name in images.names if "1" in name]
    assert not exact.error
    assert f"Queries: {exact.queries} pictures with name~1; gallery: the other {exact.images}." in exact.labels
    assert exact.queries <= len(asked)
    assert exact.images + exact.queries == 30
    assert lsh.recall is not None


def test_labels_of_a_classifier_can_be_left_out(bench: Workbench) -> None:
    collection = bench.collection("colours")
    ids = collection.images().ids.tolist()
    write_labels(collection, dict.fromkeys(ids[:6], "red"), "the classifier Late fusion", "classifier")
    made = bench.plan_experiment(plan(methods=("exact",), own_labels=True))
    bench.run("experiment", name=made.name)
    [row] = made.rows()
    images = collection.images()
    left = [label for id, label in zip(images.ids.tolist(), images.labels, strict=True) if label and id not in ids[:6]]
    assert row.images == len(left)
    assert "Labels that a classifier wrote are left out." in row.labels
    kept = bench.plan_experiment(plan(title="All", methods=("exact",)))
    bench.run("experiment", name=kept.name)
    assert "6 by a classifier." in kept.rows()[0].labels
