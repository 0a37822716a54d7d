"""Many things at once on one collection: searches while it is trained on, pictures that vanish meanwhile."""

from __future__ import annotations

import shutil
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.core.errors import BenzerError, Stopped
from engine.core.home import Home
from engine.core.progress import Progress
from engine.core.recipe import Recipe
from engine.workbench.workbench import Query, Workbench

COUNT, SESSIONS, EACH = 32, 20, 10
RECIPE = Recipe("pile", "colour-histogram", embedding="flatten")
SMALL: dict[str, Any] = {"model": 1, "size": 32, "batch": 8, "epochs": 2, "probe": 16}


def draw(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number in range(COUNT):
        pixels = rng.integers(0, 256, (1, 1, 3)) + rng.integers(-30, 30, (24, 24, 3))
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{number:02d}.png")
    return folder


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Pictures this small gain nothing from several threads, and wait for them where the machine is busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    """A collection of pictures that stay where they are, embedded."""
    made = Workbench(Home(tmp_path / "home"))
    made.run("import", source="folder", title="Pile", path=str(draw(tmp_path / "pictures")))
    made.run("embed", recipe=RECIPE.as_dict())
    yield made
    for job in made.jobs():
        if job.alive:
            job.stop()
            job.wait(60)


def asked(bench: Workbench, session: int) -> list[tuple[Recipe, Query]]:
    """What one session asks: other pictures, methods and numbers of answers than the next one."""
    ids = bench.collection("pile").images().ids
    questions = []
    for n in range(session, session + EACH):
        recipe = RECIPE.but(method=["exact", "lsh", "kmeans"][n % 3], k=1 + n % 9)
        questions.append((recipe, Query.image(int(ids[7 * n % COUNT]))))
    return questions


@pytest.mark.slow
def test_searches_of_many_sessions_beside_a_training_and_an_import(bench: Workbench, tmp_path: Path) -> None:
    serial = [[bench.search(*question).hits for question in asked(bench, session)] for session in range(SESSIONS)]
    training = bench.start("train", collection="pile", config=SMALL | {"epochs": 5000, "name": "beside"})
    importing = bench.start("import", source="folder", title="Another", path=str(tmp_path / "pictures"))
    until = time.monotonic() + 180
    while training.progress.stage != "Training" and training.alive and time.monotonic() < until:
        time.sleep(0.05)
    assert training.progress.stage == "Training", training.error
    wrong: list[object] = []
    taken: list[float] = []
    together = threading.Barrier(SESSIONS)

    def session(number: int) -> None:
        together.wait()
        for n, question in enumerate(asked(bench, number)):
            began = time.perf_counter()
            try:
                hits = bench.search(*question).hits
            except BenzerError as error:
                wrong.append(error)
                continue
            taken.append(time.perf_counter() - began)
            if hits != serial[number][n]:
                wrong.append((question, hits))

    threads = [threading.Thread(target=session, args=(number,)) for number in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert training.alive, training.error
    assert not wrong
    assert len(taken) == SESSIONS * EACH
    sys.stdout.write(f"p95 of {len(taken)} searches: {1000 * statistics.quantiles(taken, n=20)[-1]:.0f} ms\n")
    assert importing.wait(60) == "done", importing.error
    training.stop()
    assert training.wait(60) == "stopped", training.error
    assert bench.training_run("beside").can_continue


class AtStep:
    """Does something once the training has come to its first step."""

    def __init__(self, do: Any) -> None:
        self.do: Any = do

    def __call__(self, progress: Progress) -> None:
        if progress.stage == "Training" and self.do:
            do, self.do = self.do, None
            do()


def test_pictures_that_vanish_during_a_training_do_not_disturb_it(bench: Workbench, tmp_path: Path) -> None:
    whole = bench.run("train", collection="pile", config=SMALL | {"name": "whole"})

    def vanish() -> None:
        shutil.rmtree(tmp_path / "pictures")
        raise Stopped

    with pytest.raises(Stopped):
        bench.run("train", AtStep(vanish), collection="pile", config=SMALL | {"name": "parts"})
    done = bench.run("train", run="parts")
    digests = [bench.training_run(ended["run"]).digest for ended in (whole, done)]
    assert digests[0] == digests[1]


def test_a_collection_removed_during_its_training(bench: Workbench) -> None:
    try:
        bench.run("train", AtStep(lambda: bench.remove("pile")), collection="pile", config=SMALL | {"name": "mine"})
    except BenzerError as error:
        assert "\n" not in str(error)
    run = bench.training_run("mine")
    assert run.state in ("done", "failed")
    assert not run.ready or run.load()
    assert not (bench.home.datasets / "pile").exists()
    with pytest.raises(BenzerError, match="pile"):
        bench.run("train", run="mine", epochs=9)
