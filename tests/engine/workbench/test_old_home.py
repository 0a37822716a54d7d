"""A home that version 0.1 made opens with all that is in it, and opening it changes none of its bytes.

`tests/data/home-of-0.1.zip` holds twelve drawn pictures with vectors, an LSH index, a grouping, an experiment, a study,
a classification and an ended job, and `answer.json`, what that version answered.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.workbench import Query, Workbench

KEPT = Path(__file__).resolve().parents[2] / "data" / "home-of-0.1.zip"


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    with zipfile.ZipFile(KEPT) as archive:
        archive.extractall(tmp_path)
    return Workbench(Home(tmp_path))


def digests(home: Home) -> dict[str, str]:
    files = (path for path in home.root.rglob("*") if path.is_file() and path.name != ".lock")
    return {
        str(path.relative_to(home.root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not path.name.endswith(("-wal", "-shm"))
    }


def test_everything_is_there(bench: Workbench) -> None:
    [card] = bench.collections()
    assert (card.name, card.count, card.labels) == ("old-shapes", 12, 2)
    [grouping] = bench.groupings("old-shapes")
    assert grouping.name == "two-kinds-1"
    assert sorted(grouping.ids) == list(range(1, 13))
    [experiment] = bench.experiments()
    assert [row.error for row in experiment.rows()] == ["", ""]
    [study] = bench.studies()
    assert len(study.rows()) == 2
    [classification] = bench.classifications()
    assert classification.rows()
    [job] = bench.jobs()
    assert job.state == "done"


def test_the_stored_vectors_and_index_answer_as_they_did(bench: Workbench) -> None:
    before = json.loads((bench.home.root / "answer.json").read_text(encoding="utf-8"))
    made = digests(bench.home)
    recipe = Recipe.from_dict(before["recipe"])
    assert bench.readiness(recipe).ready
    answer = bench.search(recipe, Query.image(before["query"]["image"]))
    assert [hit.id for hit in answer.hits] == [hit["id"] for hit in before["hits"]]
    assert [hit.distance for hit in answer.hits] == pytest.approx([hit["distance"] for hit in before["hits"]], abs=1e-6)
    assert digests(bench.home) == made


def test_it_can_be_checked(bench: Workbench) -> None:
    from engine.collections.integrity import check

    assert check(bench.collection("old-shapes")) == []
