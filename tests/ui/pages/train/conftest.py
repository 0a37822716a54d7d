"""The training page without a browser and without training: runs and jobs are written as folders."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.core.storage import write_json
from engine.runs import listing as run_folders
from engine.runs.epochs import Watch
from engine.runs.run import Run
from engine.training.config import TrainingConfig
from engine.workbench.workbench import Workbench
from ui.pages.train import fields
from ui.session import opened as state

PICTURES = 20


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the collections `shapes` (20 pictures, two labels) and `few` (5)."""
    home = tmp_path_factory.mktemp("training")
    bench = Workbench(Home(home))
    for title, count in (("Shapes", PICTURES), ("Few", 5)):
        for number in range(count):
            colour = tuple(random.Random(number).randrange(256) for _ in range(3))
            path = home / "pictures" / title / ("even" if number % 2 == 0 else "odd") / f"{number:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (24, 24), colour).save(path)
        bench.run("import", source="folder", title=title, path=str(home / "pictures" / title))
    return home


@pytest.fixture
def bench(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    """The pages' workbench on that home, without runs and jobs."""
    monkeypatch.setenv("BENZER_HOME", str(pictures))
    state.workbench.cache_clear()
    yield state.workbench()
    state.workbench.cache_clear()
    for run in run_folders.runs(Home(pictures)):
        if not run.shipped:
            run.remove()
    for folder in (pictures / "jobs").glob("*-train"):
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def fake_run(
    bench: Workbench, name: str, end: str = "done", epochs: int = 3, *, rise: float = 0.1, **config: Any
) -> Run:
    """A run as a training leaves it: every epoch the loss falls a little and retrieval changes by `rise`."""
    collection = {"name": "shapes", "title": "Shapes", "fingerprint": bench.collection("shapes").fingerprint()}
    card = {"title": "Model 1, trained on Shapes", "made": "2026-01-02", "collection": collection, "images": PICTURES}
    whole = TrainingConfig.from_dict({"model": 1, "size": 32, "epochs": 4, "contrast": 1.0, **config})
    run = run_folders.create(bench.home, name, whole.as_dict(), card)
    ids = bench.collection("shapes").images().ids
    watch = Watch(run.folder / "watch")
    watch.begin(ids, "precision@8", 0.45, ids[:6].tolist(), strip())
    for epoch in range(epochs + 1):
        loss = 1.0 / (epoch + 1)
        facts = {
            "validation": loss,
            "mse": loss / 10,
            "ssim": loss / 2,
            "retrieval": 0.4 + rise * epoch,
            "best": epoch > 0,
        }
        facts |= {"train": loss, "rate": 0.001, "images_per_second": 50.0, "seconds": 0.5} if epoch else {}
        run.note(epoch=epoch, **facts)
        watch.note(epoch, np.array([[*ids[ids != id][:7], -1] for id in ids]), strip())
    if epochs:
        run.keep({"encoder.a": __import__("torch").zeros(2)}, best_epoch=epochs)
    if end != "cut off":
        run.end(
            end, epochs, error="The loss stopped being a number." if end == "failed" else "", diverged=end == "failed"
        )
    return run


def strip() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 10), "teal").save(out, "WEBP")
    return out.getvalue()


def page(collection: str = "shapes", **session: object) -> AppTest:
    """The page on its own, after its first run; with `away` in the session another page is drawn in its place."""
    script = (
        "import streamlit as st\nfrom ui.pages.train import page as train\n"
        "st.write('another page') if st.session_state.get('away') else train.page()"
    )
    test = AppTest.from_string(script, default_timeout=180)
    test.session_state["recipe"] = Recipe(collection, "model-4", "default")
    for key, value in session.items():
        test.session_state[key] = value
    test.run()
    assert not test.exception
    return test


RECONSTRUCT: dict[str, Any] = fields.DEFAULTS | fields.suited("recognise") | {"learns": "recognise"}


def autoencoder_page() -> AppTest:
    """The page where an autoencoder has been chosen."""
    return page(training_draft=dict(RECONSTRUCT))


def texts(test: AppTest) -> str:
    kinds = [*test.markdown, *test.caption, *test.subheader, *test.info, *test.success, *test.warning, *test.error]
    return "\n".join(str(element.value).replace("\\", "") for element in kinds)


def buttons(test: AppTest) -> dict[str, Any]:
    return {button.key: button for button in test.button}


def fake_job(bench: Workbench, id: str, stage: str, **arguments: Any) -> FileLock:
    """A living training job; it ends when the lock is released."""
    folder = bench.home.jobs / f"{id}-train"
    folder.mkdir(parents=True)
    facts = {"kind": "train", "title": "Train on shapes", "arguments": arguments, "started": 0.0}
    write_json(folder / "config.json", facts)
    event = {"kind": "progress", "stage": stage, "done": 5, "total": 50, "rate": 10.0, "note": "epoch 2 of 4"}
    (folder / "events.jsonl").write_text(json.dumps(event) + "\n")
    lock = FileLock(folder / "lock")
    lock.acquire()
    return lock
