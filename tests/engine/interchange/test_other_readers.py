"""What is exported, read by the programs it is made for, where these are installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.collections.collection import Collection
from engine.core.recipe import Recipe
from engine.encoders.imported_vectors import OwnVectors
from engine.encoders.vectors.store import stored
from engine.grouping.stored.grouping import Grouping
from engine.workbench.workbench import Workbench


@pytest.fixture
def vectors(zoo: Collection) -> dict[str, list[float]]:
    """The vector of each picture by its name."""
    found = stored(zoo, OwnVectors("own-mine").at(zoo).info, "max")
    assert found is not None
    names = dict(zip(zoo.images().ids.tolist(), zoo.images().names, strict=True))
    return {names[id]: row for id, row in zip(found.ids.tolist(), found.matrix.tolist(), strict=True)}


def labels(zoo: Collection) -> dict[str, str]:
    return dict(zip(zoo.images().names, zoo.images().labels, strict=True))


def loaded(path: Path, kind: str, **given: Any) -> Any:
    datasets = pytest.importorskip("datasets")
    if not hasattr(datasets, "load_dataset"):
        pytest.skip("the package datasets is not installed: this is the project's folder of that name")
    return datasets.load_dataset(kind, **given, cache_dir=str(path / "cache"), split="train")


@pytest.mark.parametrize("with_vectors", [False, True])
def test_hugging_face_reads_an_imagefolder(
    bench: Workbench, zoo: Collection, recipe: Recipe, vectors: dict[str, Any], tmp_path: Path, with_vectors: bool
) -> None:
    path = bench.export(zoo, "imagefolder", tmp_path, vectors=recipe if with_vectors else "")
    rows = list(loaded(tmp_path, "imagefolder", data_dir=str(path)))
    sizes = {(row["image"].size, row["label"]) for row in rows}
    shapes = [tuple(shape) for shape in zoo.images().shapes.tolist()]
    assert sizes == set(zip(shapes, zoo.images().labels, strict=True))
    assert {tuple(row["tags"]) for row in rows} == {("in the sun", "x; y"), ("[odd]",), ()}
    if with_vectors:
        found = [row["embedding"] for row in rows if row["embedding"] is not None]
        assert sorted(found) == sorted(vectors.values())


def test_hugging_face_reads_parquet_with_classes(
    bench: Workbench, zoo: Collection, recipe: Recipe, vectors: dict[str, Any], tmp_path: Path
) -> None:
    path = bench.export(zoo, "parquet", tmp_path, vectors=recipe)
    table = loaded(tmp_path, "parquet", data_dir=str(path))
    names = table.features["label"].names
    assert names == sorted(zoo.labels())
    found = {(row["image"].size, "" if row["label"] is None else names[row["label"]]) for row in table}
    shapes = [tuple(shape) for shape in zoo.images().shapes.tolist()]
    assert found == set(zip(shapes, zoo.images().labels, strict=True))
    assert sorted(row["embedding"] for row in table if row["embedding"]) == sorted(vectors.values())


def test_pycocotools_reads_coco(bench: Workbench, zoo: Collection, tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    path = bench.export(zoo, "coco", tmp_path)
    found = coco.COCO(str(path / "annotations.json"))
    names = {one["id"]: one["name"] for one in found.loadCats(found.getCatIds())}
    known = {}
    for picture in found.loadImgs(found.getImgIds()):
        annotations = found.loadAnns(found.getAnnIds(imgIds=[picture["id"]]))
        own = picture["file_name"].removeprefix("images/")
        known[own] = next((names[one["category_id"]] for one in annotations), "")
        with Image.open(path / picture["file_name"]) as opened:
            assert opened.size == (picture["width"], picture["height"])
    assert known == labels(zoo)


def test_webdataset_reads_shards(
    bench: Workbench, zoo: Collection, recipe: Recipe, vectors: dict[str, Any], tmp_path: Path
) -> None:
    webdataset = pytest.importorskip("webdataset")
    path = bench.export(zoo, "webdataset", tmp_path, vectors=recipe)
    classes = json.loads((path / "classes.json").read_text(encoding="utf-8"))
    samples = list(webdataset.WebDataset(str(path / "00000.tar"), shardshuffle=False).decode("pil"))
    assert {one["json"]["file_name"]: classes[one["cls"]] if "cls" in one else "" for one in samples} == labels(zoo)
    assert {one["json"]["file_name"]: one["npy"].tolist() for one in samples if "npy" in one} == vectors
    assert all(one["png"].size for one in samples)


def test_fiftyone_reads_its_dataset(
    bench: Workbench, zoo: Collection, recipe: Recipe, vectors: dict[str, Any], tmp_path: Path
) -> None:
    fiftyone = pytest.importorskip("fiftyone")
    path = bench.export(zoo, "fiftyone", tmp_path, vectors=recipe)
    found = fiftyone.Dataset.from_dir(str(path), dataset_type=fiftyone.types.FiftyOneDataset)
    own = {one.filepath.split("/data/")[1]: one for one in found}
    assert {name: one.ground_truth.label if one.ground_truth else "" for name, one in own.items()} == labels(zoo)
    held = {name: one for name, one in own.items() if one.has_field("embedding") and one.embedding is not None}
    assert {name: list(one.embedding) for name, one in held.items()} == pytest.approx(vectors)


def test_pandas_reads_what_goes_to_embedding_atlas(
    bench: Workbench, zoo: Collection, recipe: Recipe, grouped: Grouping, tmp_path: Path
) -> None:
    import pandas as pd

    path = bench.export(zoo, "embedding-atlas", tmp_path, vectors=recipe, grouping=grouped.name)
    table = pd.read_parquet(path / "dataset.parquet")
    assert np.array_equal(table[["projection_x", "projection_y"]].to_numpy(), grouped.points)
    first = table["neighbors"][0]
    assert first["ids"][0] == 0
    assert len(first["ids"]) == len(first["distances"]) == 6
    assert table["image"][0]["bytes"].startswith(b"\x89PNG")
