"""A trained encoder in other programs gives the vectors that it gives here."""

from __future__ import annotations

import io
import json
import re
import runpy
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from safetensors import safe_open
from safetensors.torch import load

from engine.collections.reading.colour_profile import rgb_profile
from engine.collections.reading.safely import open_picture
from engine.core.device import device
from engine.core.errors import BadParameter, MissingPackage, NotTrained
from engine.core.home import PROJECT, Home
from engine.encoders.networks.table import backbone
from engine.encoders.portable import (
    FORMATS,
    ONNX_PACKAGE,
    Portable,
    as_onnx,
    export_encoder,
    files_of,
    portable,
    zipped,
)
from engine.runs import listing as runs
from engine.runs.run import Run
from engine.training import TrainingConfig
from engine.training.objectives.autoencoding import Autoencoding
from engine.training.objectives.body import body
from engine.workbench.workbench import Workbench
from models.portable import Tapped

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


@pytest.mark.parametrize("pictures_at_once", [1, 3])
def test_an_exported_transformer_takes_any_number_of_pictures(pictures_at_once: int) -> None:
    """It is traced with two: the class token must not be repeated for two of each batch."""
    import onnxruntime
    from torchvision.models import VisionTransformer

    torch.manual_seed(0)
    small = VisionTransformer(32, patch_size=16, num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32).eval()
    network = Tapped(backbone("vit-b-16").tap, small)
    exported = as_onnx(Portable("small", network, {}, {}, ""), {"size": 32})
    asked = torch.rand(pictures_at_once, 3, 32, 32)
    session = onnxruntime.InferenceSession(exported)
    [features] = session.run(None, {"pictures": asked.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(features, network(asked).numpy(), atol=1e-5)


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
def test_the_example_runs_unchanged(
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


def test_an_example_reads_pictures_as_they_are_read_here(bench: Workbench, tmp_path: Path) -> None:
    """Upright, in sRGB, on white: of a photograph that a telephone has turned, and a drawing without a ground."""
    chance = np.random.default_rng(0)
    colours = Image.fromarray(chance.integers(0, 256, (3, 4, 3), np.uint8)).resize((64, 48), Image.Resampling.BICUBIC)
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    wide = rgb_profile((0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329), (2.2,))
    colours.save(tmp_path / "turned.jpg", exif=turned, icc_profile=wide, quality=95)
    clear = colours.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    clear.save(tmp_path / "clear.png")
    example = files_of(bench.home, run_of(bench, "small"), "safetensors")["small.py"].decode()
    (tmp_path / "reading.py").write_text(example.partition("\nfacts = ")[0])
    names = runpy.run_path(str(tmp_path / "reading.py"))
    for name in ("turned.jpg", "clear.png"):
        found, here = np.asarray(names["opened"](tmp_path / name), int), open_picture(tmp_path / name)
        assert found.shape == np.shape(here)
        assert np.abs(found - np.asarray(here, int)).max() <= 2
    plain = np.asarray(Image.open(tmp_path / "turned.jpg").convert("RGB").transpose(Image.Transpose.ROTATE_270), int)
    assert np.abs(plain - np.asarray(names["opened"](tmp_path / "turned.jpg"), int)).max() > 10


def test_what_is_left_out_of_a_default_embedding_is_said(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.encoders.portable.default_embedding", lambda *_: "avg-sqrt")
    facts = portable(bench.home, run_of(bench, "small")).facts
    assert facts["pooling"] == "avg"
    assert facts["left_out"] == "square root and centred, fitted to the vectors of a collection"
    monkeypatch.setattr("engine.encoders.portable.default_embedding", lambda *_: "max")
    assert portable(bench.home, run_of(bench, "small")).facts["left_out"] == ""


@pytest.mark.parametrize("ending", ["safetensors", "json", "py"])
def test_files_that_are_there_are_not_replaced_unasked(bench: Workbench, tmp_path: Path, ending: str) -> None:
    run, own = run_of(bench, "small"), tmp_path / f"notes.{ending}"
    own.write_text("mine")
    with pytest.raises(BadParameter, match=r"notes\..*--replace"):
        export_encoder(bench.home, run, tmp_path / "notes.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == [own.name]
    assert own.read_text() == "mine"
    assert len(export_encoder(bench.home, run, tmp_path / "notes.safetensors", replace=True)) == 3
    assert own.read_bytes() != b"mine"


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


def test_without_its_package_onnx_says_what_the_extra_needs(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    [needed] = extras["onnx-export"]
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingPackage, match=re.escape(f'pip install "{needed}"')):
        bench.export_run("drawn", "onnx")
    assert f'"{needed}"' == ONNX_PACKAGE  # what the page says
