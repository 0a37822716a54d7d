"""Files are data: a payload in any place we load from never runs, even when its checksum was made to fit."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.core.errors import BenzerError
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.core.storage import read_json, write_json
from engine.indexes import make_index, methods
from engine.runs import listing as runs
from engine.workbench.workbench import Query, Workbench


class Payload:
    """Unpickling it leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "it-ran"


def pickled(mark: Path) -> bytes:
    return pickle.dumps(Payload(mark))


def objects(mark: Path) -> bytes:
    """A .npy file whose objects are pickled."""
    out = io.BytesIO()
    np.save(out, np.array([Payload(mark)] * 3, dtype=object), allow_pickle=True)
    return out.getvalue()


def torch_file(mark: Path) -> bytes:
    """What torch.save writes, with the payload inside."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(mark))
        archive.writestr("archive/version", "3")
    return out.getvalue()


MAKERS = {"pickle": pickled, "objects": objects, "torch": torch_file}


def reseal(folder: Path) -> None:
    """Make every checksum of a store fit what lies there now, as someone with write access could."""
    pointer = read_json(folder / "current.json")
    generation = folder / pointer["generation"]
    manifest = read_json(generation / "manifest.json")
    for name in manifest["files"]:
        manifest["files"][name] = hashlib.sha256((generation / name).read_bytes()).hexdigest()
    write_json(generation / "manifest.json", manifest)
    digest = hashlib.sha256((generation / "manifest.json").read_bytes()).hexdigest()
    write_json(folder / "current.json", pointer | {"manifest": digest})


def bench_with_vectors(tmp_path: Path) -> tuple[Workbench, Recipe]:
    (tmp_path / "pile").mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        Image.fromarray(rng.integers(0, 255, (20, 20, 3), dtype=np.uint8)).save(tmp_path / "pile" / f"{number}.png")
    bench = Workbench(Home(tmp_path / "home"))
    bench.run("import", source="folder", title="Pile", path=str(tmp_path / "pile"))
    recipe = Recipe("pile", "colour-histogram", embedding="flatten")
    bench.run("embed", recipe=recipe.as_dict())
    return bench, recipe


def test_the_payload_would_run(mark: Path) -> None:
    pickle.loads(pickled(mark))
    assert mark.is_dir()


@pytest.mark.parametrize("maker", MAKERS)
def test_in_vectors_and_indexes(tmp_path: Path, mark: Path, maker: str) -> None:
    bench, recipe = bench_with_vectors(tmp_path)
    asked = recipe.but(method="kmeans")
    bench.search(asked, Query.image(1))
    collection = tmp_path / "home" / "datasets" / "pile"
    for store in [*(collection / "vectors").iterdir(), *(collection / "indexes").iterdir()]:
        generation = store / read_json(store / "current.json")["generation"]
        for path in generation.glob("*.npy"):
            whole = path.read_bytes()
            path.write_bytes(MAKERS[maker](mark))
            reseal(store)
            with pytest.raises((BenzerError, ValueError)):
                Workbench(bench.home).search(asked, Query.image(1))
            assert not mark.exists(), path
            path.write_bytes(whole)
            reseal(store)


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("method", ["exact", "lsh", "itq", "spectral", "kmeans", "hnsw"])
def test_in_every_file_of_an_index(tmp_path: Path, mark: Path, method: str, maker: str) -> None:
    rng = np.random.default_rng(0)
    index = make_index(method, "cosine").build(np.arange(40), rng.normal(size=(40, 8)).astype(np.float32))
    assert method in methods()
    folder = tmp_path / "saved"
    folder.mkdir()
    index.save(folder)
    for path in [p for p in folder.rglob("*") if p.is_file()]:
        whole = path.read_bytes()
        path.write_bytes(MAKERS[maker](mark))
        with pytest.raises(Exception):  # noqa: B017 - which one does not matter here: it must not run
            make_index(method, "cosine").load(folder).search(np.ones((1, 8), np.float32), 3)
        assert not mark.exists(), path
        path.write_bytes(whole)


@pytest.mark.parametrize("maker", MAKERS)
def test_in_weights(tmp_path: Path, mark: Path, maker: str) -> None:
    home = Home(tmp_path)
    data = MAKERS[maker](mark)
    folder = home.weights / "evil"
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(data)
    weights = {"file": "weights.safetensors", "sha256": hashlib.sha256(data).hexdigest()}
    facts = {"format": 1, "state": "done", "config": {"model": 1}, "card": {}, "weights": weights}
    write_json(folder / "run.json", facts)
    with pytest.raises(Exception):  # noqa: B017
        runs.run(home, "evil").load()
    assert not mark.exists()


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.pkl", "a.npy", "a.pt"])
def test_in_imported_files(tmp_path: Path, mark: Path, maker: str, name: str) -> None:
    from engine.collections.sources.importing import import_files

    with pytest.raises(BenzerError):
        import_files(Home(tmp_path / "home"), "Evil", [(name, MAKERS[maker](mark))], Reporter())
    with pytest.raises(BenzerError):
        Workbench(Home(tmp_path / "home")).collection("evil")
    assert not mark.exists()


@pytest.mark.parametrize("name", ["config.json", "result.json", "events.jsonl"])
def test_in_jobs(tmp_path: Path, mark: Path, name: str) -> None:
    from engine.jobs.job import jobs

    folder = tmp_path / "jobs" / "20260101-000000-000-embed"
    write_json(folder / "config.json", {"kind": "embed", "title": "x", "arguments": {}, "started": 0})
    (folder / name).write_bytes(pickled(mark))
    for job in jobs(tmp_path / "jobs"):
        try:
            assert job.state
            assert job.progress.done == 0
        except BenzerError:
            pass
    assert not mark.exists()
