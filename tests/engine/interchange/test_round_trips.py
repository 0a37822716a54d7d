"""Out to a format and back: the pictures and all that is known of them are equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.collections.collection import Collection
from engine.core.errors import BadParameter, NotFound
from engine.core.recipe import Recipe
from engine.encoders.imported_vectors import OwnVectors
from engine.encoders.vectors.store import stored
from engine.grouping.stored.grouping import Grouping
from engine.interchange import formats
from engine.workbench.workbench import Workbench

PICTURED = [name for name, kind in formats().items() if kind.needs_pictures]


def known(bench: Workbench, name: str, encoder: str) -> dict[str, dict[str, Any]]:
    """What is known of each picture, by the hash of its file."""
    collection, table = bench.collection(name), bench.picture_table(name)
    vectors = stored(collection, OwnVectors(encoder).at(collection).info, "max") if encoder else None
    held = dict(zip(vectors.ids.tolist(), vectors.matrix.tolist(), strict=True)) if vectors else {}
    groupings = bench.groupings(name)
    groups = groupings[0].groups() if groupings else None
    found = {}
    for row, id in enumerate(table.ids.tolist()):
        columns = {key: cells[row] for key, cells in table.columns.items() if cells[row]}
        found[collection.image(id).hash] = {
            "label": table.labels[row],
            "text": table.texts[row],
            "tags": table.marks[row].tags,
            "stars": table.marks[row].stars,
            "columns": columns,
            "vector": held.get(id),
            "group": groups.of(id).title if groups else None,
        }
    return found


@pytest.mark.parametrize("format", PICTURED)
def test_everything_comes_back(
    bench: Workbench, zoo: Collection, recipe: Recipe, grouped: Grouping, tmp_path: Path, format: str
) -> None:
    (tmp_path / "out").mkdir()
    path = bench.export(zoo, format, tmp_path / "out", vectors=str(recipe), grouping=grouped.name)
    assert path.parent == tmp_path / "out"
    back = bench.import_dataset(path, format, "Back")
    before, after = known(bench, "zoo", "own-mine"), known(bench, "back", "own-back")
    names = zoo.images().names
    if formats()[format].needs_vectors:
        before = {hash: facts for hash, facts in before.items() if facts["vector"]}
        names = names[:-1]
    assert after == before
    assert sorted(name.removeprefix(_folders(name)) for name in back.images().names) == sorted(names)


def _folders(name: str) -> str:
    """What YOLO puts before the name of a picture: its split and its label."""
    return next((name[: name.index(own)] for own in ("a/", "b/", "c/") if f"/{own}" in name[:-5]), "")


@pytest.mark.parametrize("format", [name for name in PICTURED if not formats()[name].needs_vectors])
def test_pictures_and_labels_alone_come_back(bench: Workbench, zoo: Collection, tmp_path: Path, format: str) -> None:
    path = bench.export(zoo, format, tmp_path, where="label=cat")
    bench.import_dataset(path, format, "Back")
    before = {hash: facts for hash, facts in known(bench, "zoo", "").items() if facts["label"] == "cat"}
    assert known(bench, "back", "") == before
    assert len(before) == 2


def test_places_on_the_map_come_back(
    bench: Workbench, zoo: Collection, grouped: Grouping, recipe: Recipe, tmp_path: Path
) -> None:
    path = bench.export(zoo, "embedding-atlas", tmp_path, vectors=str(recipe), grouping=grouped.name)
    back = bench.import_dataset(path, "embedding-atlas", "Back")
    hashes = dict(zip(zoo.images().hashes, grouped.points.tolist(), strict=True))
    there = bench.groupings("back")[0]
    assert dict(zip(back.images().hashes, there.points.tolist(), strict=True)) == hashes


def test_the_neighbours_are_those_of_exact_search(
    bench: Workbench, zoo: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    from pyarrow.parquet import read_table

    path = bench.export(zoo, "embedding-atlas", tmp_path, vectors=str(recipe))
    rows = read_table(path / "dataset.parquet").to_pylist()
    for row in rows[:-1]:
        distances = [
            1
            - np.dot(row["embedding"], one["embedding"])
            / np.linalg.norm(row["embedding"])
            / np.linalg.norm(one["embedding"])
            for one in rows[:-1]
        ]
        assert row["neighbors"]["ids"] == np.argsort(distances).tolist()
        assert row["neighbors"]["distances"] == pytest.approx(sorted(distances), abs=1e-5)
    assert rows[-1]["neighbors"] is None


def test_vectors_alone_are_read_by_numpy_and_by_this_program(
    bench: Workbench, zoo: Collection, recipe: Recipe, tmp_path: Path
) -> None:
    path = bench.export(zoo, "npy", tmp_path, vectors=recipe)
    matrix = np.load(path / "vectors.npy", allow_pickle=False)
    vectors = stored(zoo, OwnVectors("own-mine").at(zoo).info, "max")
    assert vectors is not None
    assert np.array_equal(matrix, vectors.matrix)
    from engine.core.progress import Reporter
    from engine.encoders.imported_vectors import import_vectors
    from engine.encoders.vectors.layouts import parts_of

    card = import_vectors(zoo, parts_of(path / "vectors.parquet"), "Again", Reporter())
    again = stored(zoo, OwnVectors(card.name).at(zoo).info, "max")
    assert again is not None
    assert np.array_equal(again.matrix, vectors.matrix)
    with pytest.raises(BadParameter, match="must be one that has the pictures"):
        bench.import_dataset(path, "npy", "Back")


def test_a_picture_that_has_vanished_is_named(bench: Workbench, zoo: Collection, tmp_path: Path) -> None:
    (tmp_path / "zoo" / "a" / "1.png").unlink()
    for format in PICTURED:
        if not formats()[format].needs_vectors:
            done = bench.run("export", collection="zoo", format=format, folder=str(tmp_path))
            assert done["count"] == 6
            assert [name for name, _ in done["left_out"]] == ["a/1.png"]


def test_columns_have_the_names_that_the_user_gives(bench: Workbench, zoo: Collection, tmp_path: Path) -> None:
    path = bench.export(zoo, "csv", tmp_path, columns={"image": "file", "label": "klass"})
    assert (path / "table.csv").read_text(encoding="utf-8").startswith("file,klass,text,tags,stars,season")
    back = bench.import_dataset(path, "csv", "Back", columns={"image": "file", "label": "klass"})
    assert back.labels() == zoo.labels()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"format": "excel"}, "format of a data set must be one of csv"),
        ({"format": "coco", "columns": {"label": "x"}}, "columns of the format coco must be left out"),
        ({"format": "clip-retrieval"}, "vectors of the format clip-retrieval must be named"),
        ({"format": "npy"}, "vectors of the format npy must be named"),
        ({"format": "coco", "folder": "/no/such"}, "There is no folder '/no/such'"),
        ({"format": "coco", "grouping": "none"}, "There is no grouping 'none'"),
        ({"format": "coco", "ids": []}, "number of pictures of an export must be at least 1"),
        ({"format": "coco", "ids": [999]}, "There is no picture 999"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_leaves_nothing(
    bench: Workbench, zoo: Collection, tmp_path: Path, arguments: dict[str, Any], sentence: str
) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises((BadParameter, NotFound), match=sentence):
        bench.run("export", **{"collection": "zoo", "folder": str(tmp_path / "out"), **arguments})
    assert not list((tmp_path / "out").iterdir())
