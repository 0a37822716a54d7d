"""A home that is copied while it is in use: the copy opens, or says what is missing, and can be mended."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.collections.integrity import check_and_repair
from engine.collections.listing import damaged
from engine.core.errors import BenzerError
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.workbench.integrity import check_home
from engine.workbench.workbench import Query, Workbench
from tests.counts import count

COPIES = count(5, 40)
RECIPE = Recipe("pile", "colour-histogram", method="lsh")
PLAN = {"clustering": "kmeans(groups=2)", "map": "pca"}


def draw(place: Path, seed: int) -> None:
    for number, pixels in enumerate(np.random.default_rng(seed).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)):
        Image.fromarray(pixels).save(place / f"{number}.png")


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Workbench]:
    """A home in which pictures are changed, scanned, embedded, indexed and grouped again and again."""
    pictures, stopped = tmp_path / "pictures", threading.Event()
    pictures.mkdir()
    draw(pictures, 0)
    bench, faults = Workbench(Home(tmp_path / "home")), list[BaseException]()

    def once(seed: int) -> None:
        draw(pictures, seed)
        bench.run("rescan", collection="pile")
        bench.run("embed", recipe=RECIPE.as_dict())
        bench.run("index", recipe=RECIPE.as_dict())
        bench.run("group", recipe=RECIPE.as_dict(), plan=PLAN, title=f"Groups {seed}")

    def work() -> None:
        seed = 1
        while not stopped.is_set():
            try:
                once(seed)
            except BaseException as error:
                faults.append(error)
                return
            seed += 1

    bench.run("import", source="folder", title="Pile", path=str(pictures))
    once(0)
    thread = threading.Thread(target=work)
    thread.start()
    yield bench
    stopped.set()
    thread.join()
    assert not faults


def copied(home: Path, target: Path) -> None:
    """As a tool for backups copies: file by file, passing over what vanishes meanwhile."""

    def copy(source: str, place: str) -> Any:
        try:
            return shutil.copy2(source, place)
        except FileNotFoundError:
            return place

    try:
        shutil.copytree(home, target, copy_function=copy)
    except shutil.Error as error:
        assert all("No such file" in why for _, _, why in error.args[0])


@pytest.mark.slow
def test_a_home_copied_while_it_is_in_use(busy: Workbench, tmp_path: Path) -> None:
    readable = 0
    for number in range(COPIES):
        copied(busy.home.root, tmp_path / f"copy-{number}")
        bench = Workbench(Home(tmp_path / f"copy-{number}"))
        unreadable = damaged(bench.home)
        assert len(bench.collections()) + len(unreadable) == 1
        readable += len(bench.collections())
        for card in bench.collections():
            collection = bench.collection(card.name)
            check_and_repair(collection)
            assert all(finding.repair is None for finding in check_and_repair(collection, repair=False))
            try:
                bench.run("embed", recipe=RECIPE.as_dict())
                bench.run("index", recipe=RECIPE.as_dict())
                assert bench.search(RECIPE, Query.image(int(collection.images().ids[0]))).hits
            except BenzerError as error:
                assert error.message
        check_home(bench.home, repair=True)
        bench.remove("pile")
        assert bench.collections() == []
    assert readable
