"""The table of single queries: the same lines as CSV and as Parquet, harmless, and refused where nothing was kept."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pyarrow import parquet

from engine.collections.collection import Collection, Images
from engine.comparisons.recipes.experiment import Experiment, create, unmeasured
from engine.comparisons.recipes.plan import ExperimentPlan
from engine.comparisons.recipes.queries_export import HEADER, QUERY_EXPORTS, TITLES, queries_csv, queries_parquet
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.evaluation.single_queries import FIGURES, SingleQueries


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    experiment = create(Home(tmp_path), ExperimentPlan("T", "c", ("raw-pixels", "colour-histogram")))
    for place, cell in enumerate(experiment.plan.cells()):
        figures = {"precision": np.array([0.5, 1.0]), "knn": np.array([0.0, 1.0])}
        if place == 0:
            figures["map"] = np.array([0.25, 0.75])
        queries = SingleQueries(np.array([3, 7]), np.array([[7, 9], [3, -1]]), figures)
        row = unmeasured(cell, str(cell.recipe), queries=2)
        experiment.keep(experiment.keep_measured(row, queries))
    images = Images(ids=np.array([3, 7, 9]), names=["=a.png", "b.png", "c.png"], labels=["cat", "@dog", "cat"],
                    hashes=["x", "y", "z"], texts=["", "", ""])  # fmt: skip
    monkeypatch.setattr(Collection, "open", lambda home, name: SimpleNamespace(images=lambda: images))
    return experiment


def test_every_query_of_every_row_has_a_line(made: Experiment) -> None:
    lines = list(csv.DictReader(io.StringIO(queries_csv(made))))
    assert len(lines) == 4
    first = lines[0]
    assert (first["id"], first["name"], first["label"]) == ("3", "'=a.png", "cat")
    assert (first["precision"], first["average precision"], first["R-precision"]) == ("0.5", "0.25", "")
    assert [line["results"] for line in lines] == ["7 9", "3"] * 2
    assert lines[2]["average precision"] == ""  # an approximate search has no whole ranking
    assert lines[1]["label"] == "'@dog"


def test_parquet_holds_the_same(made: Experiment) -> None:
    table = parquet.read_table(io.BytesIO(queries_parquet(made)))
    assert tuple(table.column_names) == HEADER
    assert table["id"].to_pylist() == [3, 7, 3, 7]
    assert table["results"].to_pylist() == [[7, 9], [3]] * 2
    assert table["average precision"].to_pylist() == [0.25, 0.75, None, None]
    assert table["name"].to_pylist()[0] == "=a.png"


def test_every_figure_has_a_title() -> None:
    assert set(TITLES) == set(FIGURES)


def test_what_was_not_kept_is_refused_and_not_offered(made: Experiment) -> None:
    export = QUERY_EXPORTS[0]
    assert export.offered(made.rows())
    assert export.data(made).startswith(b"\xef\xbb\xbfconfiguration,id")
    for row in made.rows():
        made.keep(replace(row, single_queries=""))
    assert not export.offered(made.rows())
    with pytest.raises(BadParameter, match="Measure it again"):
        queries_csv(made)
