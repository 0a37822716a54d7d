"""A collection with everything that travels: labels, texts, tags, stars, columns, vectors and groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.collections.collection import Collection
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.encoders.imported_vectors import OwnVectors, add
from engine.encoders.vectors.pipeline import embed_collection
from engine.grouping.grouper import GroupingResult
from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.stored.grouping import Grouping, store_grouping
from engine.workbench.workbench import Workbench

COUNT = 7
LINES = '''file,label,text,season
a/1.png,cat,"a cat, sitting",winter
a/2.png,cat,=1+1,
b/1.png,Löwe & Co.,,summer
b/2.png,dog;wolf,two dogs,
b/3.png,,nothing,
c/ü.png,a/b,,spring
c/7.png,dog;wolf,"a ""quote""",
'''


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(Home(tmp_path / "home"))


@pytest.fixture
def zoo(bench: Workbench, tmp_path: Path) -> Collection:
    """Seven pictures in three folders; three have tags, one has no vector and is in no group."""
    root = tmp_path / "zoo"
    for number, line in enumerate(LINES.splitlines()[1:]):
        path = root / line.split(",")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (20, 20 + number, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    (root / "zoo.csv").write_text(LINES, encoding="utf-8")
    bench.run("import", source="csv", title="Zoo", path=str(root / "zoo.csv"))
    zoo = bench.collection("zoo")
    ids = zoo.images().ids.tolist()
    bench.mark("zoo", ids[:2], add=["in the sun", "x; y"], stars=4)
    bench.mark("zoo", ids[2:3], add=["[odd]"])
    vectors = np.random.default_rng(1).normal(size=(COUNT - 1, 3)).astype(np.float32)
    card = add(zoo, "Mine", "mine.npy", zoo.images().names[:-1], vectors)
    embed_collection(zoo, OwnVectors(card.name).at(zoo), ["max"], Reporter())
    return zoo


@pytest.fixture
def recipe(zoo: Collection) -> Recipe:
    return Recipe("zoo", "own-mine", "", "max")


@pytest.fixture
def grouped(zoo: Collection, recipe: Recipe) -> Grouping:
    """Two named groups over all pictures but the last."""
    images = zoo.images()
    labels = np.array([0, 0, 0, 1, 1, 1, -1], dtype=np.int64)
    points = np.random.default_rng(2).uniform(-1, 1, (COUNT, 2)).astype(np.float32)
    found = GroupingResult(labels, points, points, "euclidean")
    made = store_grouping(zoo, recipe, GroupingPlan(Step("kmeans")), images.hashes, images.ids, found, "Mine")
    for number, title in ((0, "Felines; mostly"), (1, "Canines")):
        made.edit({"kind": "name", "group": number, "title": title})
    return made
