"""A trained encoder in other programs gives the vectors that it gives here."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load

from engine.core.device import device
from engine.core.errors import BadParameter, NotTrained
from engine.core.home import PROJECT, Home
from engine.encoders.portable import FORMATS, export_encoder, files_of, portable, zipped
from engine.runs import listing as runs
from engine.runs.run import Run
from engine.training import TrainingConfig
from engine.training.objectives.autoencoding import Autoencoding
from engine.training.objectives.body import body
from engine.workbench.workbench import Workbench

RUNS: dict[str, dict[str, Any]] = {
    "small": {"objective": "contrastive", "network": "small-resnet", "size": 32},
    "drawn": {"model": 1, "size": 32},
    "ready": {"objective": "deepcluster", "network": "mobilenet-v2", "size": 64},
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """A home with a run of each kind of network, with random weights and statistics."""
    home = Home(tmp_path_factory.mktemp("portable"))
    for name, given in RUNS.items():
        config = TrainingConfig(**given)
        run = runs.create(home, name, config.as_dict(), {"collection": {"name": "faces", "title": "Faces"}})
        trained = Autoencoding(config, device("float32")).network if config.reconstructs else body(config)
        torch.manual_seed(0)
        for key, value in trained.named_buffers():  # statistics as a training leaves them, so that folding is seen
            if key.endswith(("running_mean", "running_var")):
                value.uniform_(0.5, 1.5) if key.endswith("var") else value.uniform_(-0.1, 0.1)
        run.keep(trained.state_dict() if config.reconstructs else trained.weights(), best_epoch=1)  # type: ignore[operator]
    return Workbench(home)


@pytest.fixture
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENZER_PRECISION", "float32")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder, chance = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    paths = [folder / f"{number}.png" for number in range(3)]
    for path in paths:
        small = Image.fromarray(chance.integers(0, 256, (8, 8, 3), np.uint8))
        small.resize((80, 60), Image.Resampling.BICUBIC).save(path)
    return paths


def run_of(bench: Workbench, name: str) -> Run:
    return bench.training_run(name)


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("name", RUNS)
def test_the_onnx_file_gives_the_same_vectors(
    bench: Workbench, pictures: list[Path], tmp_path: Path, name: str
) -> None:
    run = run_of(bench, name)
    [file, beside, _] = export_encoder(bench.home, run, tmp_path / "mine.onnx")
    facts = json.loads(beside.read_text())
    bench.add_encoder(f"again-{name}", file, size=facts["size"], mean=facts["mean"], std=facts["std"])
    for pooling in ("avg", "max", "flatten"):
        own = bench.encode(pictures, f"{run.encoder}@{name}", pooling=pooling)
        other = bench.encode(pictures, f"again-{name}", pooling=pooling)
        assert np.abs(own).max() > 1e-3
        np.testing.assert_allclose(other, own, atol=1e-5 * max(1.0, float(np.abs(own).max())))


@pytest.mark.parametrize("name", RUNS)
def test_safetensors_load_back_equal_and_know_their_preparation(bench: Workbench, tmp_path: Path, name: str) -> None:
    run = run_of(bench, name)
    [file, beside, _] = export_encoder(bench.home, run, tmp_path / "mine.safetensors")
    stored, own = load(file.read_bytes()), run.load()
    names = {key: f"encoder.{key}" if name == "drawn" else key for key in stored}
    assert stored.keys()
    assert all(torch.equal(stored[key], own[names[key]]) for key in stored)
    facts = json.loads(beside.read_text())
    with safe_open(file, "pt") as opened:
        inside = opened.metadata()
    assert inside["colours"] == facts["colours"] == "RGB"
    assert json.loads(inside["size"]) == facts["size"] == RUNS[name]["size"]
    assert json.loads(inside["mean"]) == facts["mean"]
    assert facts["sha256"] == run.digest
    assert facts["mirrored"] is (name == "small")


def test_the_onnx_file_knows_its_preparation(bench: Workbench) -> None:
    import onnx

    made = files_of(bench.home, run_of(bench, "ready"), "onnx")
    model = onnx.load_model_from_string(made["ready.onnx"])
    inside = {prop.key: prop.value for prop in model.metadata_props}
    facts = json.loads(made["ready.json"])
    assert json.loads(inside["std"]) == facts["std"] == [0.229, 0.224, 0.225]
    assert inside["pooling"] == facts["pooling"] == "avg"


@pytest.mark.slow
@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", ["small", "ready"])
def test_the_example_runs_as_it_stands(
    bench: Workbench, pictures: list[Path], tmp_path: Path, name: str, form: str
) -> None:
    run = run_of(bench, name)
    [_, _, example] = export_encoder(bench.home, run, tmp_path / f"mine.{form}")
    command = [sys.executable, str(example), *map(str, pictures)]
    # The installed package is found anywhere, a checkout by its folder.
    path = {"PYTHONPATH": str(PROJECT)} if form == "safetensors" else {}
    done = subprocess.run(command, cwd=tmp_path, env={"PATH": "", **path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    numbers = done.stdout.replace("[", " ").replace("]", " ").split()
    printed = np.array(numbers, dtype=float).reshape(3, 3)
    own = bench.encode(pictures, f"{run.encoder}@{name}", pooling=portable(bench.home, run).facts["pooling"])
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    np.testing.assert_allclose(printed, own @ own.T, atol=1e-3)  # a large picture is made small in another way


def test_a_zip_holds_the_three_files(bench: Workbench) -> None:
    made = files_of(bench.home, run_of(bench, "small"), "safetensors")
    with zipfile.ZipFile(io.BytesIO(zipped(made))) as archive:
        assert archive.namelist() == ["small.safetensors", "small.json", "small.py"]
        assert archive.read("small.json") == made["small.json"]


def test_bad_requests_are_sentences(bench: Workbench, tmp_path: Path) -> None:
    run = run_of(bench, "small")
    with pytest.raises(BadParameter, match="onnx or safetensors"):
        export_encoder(bench.home, run, tmp_path / "mine.pt")
    with pytest.raises(BadParameter, match="in a folder that exists"):
        export_encoder(bench.home, run, tmp_path / "nowhere" / "mine.onnx")
    bare = runs.create(bench.home, "bare", TrainingConfig(model=1, size=32).as_dict(), {})
    with pytest.raises(NotTrained):
        files_of(bench.home, bare, "onnx")
