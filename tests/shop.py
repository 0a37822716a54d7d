"""A small shop for tests: things in three colours with a text each, and classifiers that learned from them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from engine.classification.plan import ClassificationPlan
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.workbench.workbench import Workbench

COLOURS = {"Bags": (200, 60, 60), "Caps": (60, 180, 70), "Shirts": (60, 70, 210)}
WORDS = {"Bags": "leather bag", "Caps": "sun cap", "Shirts": "cotton shirt"}
_FAST = {"epochs": 8, "batch": 16, "rate": 0.003, "missing": 0.3}


def table(folder: Path, count: int = 30, silent: bool = False) -> Path:
    """A table of pictures with a label and a text each (`silent`: none)."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(count):
        label = list(COLOURS)[number % 3]
        pixels = np.clip(rng.normal(COLOURS[label], 45, (32, 32, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        text = "" if silent else f"{WORDS[label]} number {number}"
        lines.append({"image": f"{number}.png", "text": text, "label": label})
    path = folder / f"{folder.name}.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return path


def shop(home: Path, fusion: str = "early") -> tuple[Workbench, Recipe]:
    """A home with the collection `shop`, embedded as pictures and by a classifier; and the recipe of the classifier."""
    bench = Workbench(Home(home))
    bench.run("import", source="csv", title="Shop", path=str(table(home / "tables" / "shop")))
    return bench, classifier(bench, fusion)


def classifier(bench: Workbench, fusion: str = "early") -> Recipe:
    """Train one on `shop`, and embed that by its encoder of pictures and by itself; the recipe of the latter."""
    found = bench.plan_classification(plan(fusion))
    name = bench.run("classifier", name=found.name, fusion=fusion)["classifier"]
    recipe = Recipe("shop", "fused", name, embedding="flatten")
    for one in (recipe.but(encoder="colour-histogram", weights=""), recipe):
        bench.run("embed", recipe=one.as_dict())
    return recipe


def plan(fusion: str, seed: int = 0) -> ClassificationPlan:
    """A classification of `shop` in two folds, which takes a second."""
    encoders = ("colour-histogram", "tf-idf", "flatten")
    return ClassificationPlan(f"Try {fusion}", "shop", *encoders, (fusion,), 2, settings=_FAST, seed=seed)
