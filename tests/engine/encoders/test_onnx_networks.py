"""Networks from ONNX files, written here with a handful of nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.core.errors import BadParameter, BenzerError, Corrupt, NotFound, Unreadable
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.encoders import choices, open_encoder, own_modules
from engine.workbench.workbench import Workbench

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
SIZE = 16
PLAIN = {"size": SIZE, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def network(path: Path, *, pooled: bool = True, batch: Any = "n", channels: int = 3, factor: float = 1.0) -> Path:
    """Means of the channels, times a factor: over the whole picture, or over its quarters."""
    from onnx import TensorProto, helper

    side = SIZE if pooled else SIZE // 2
    nodes = [
        helper.make_node("AveragePool", ["pictures"], ["means"], kernel_shape=[side, side], strides=[side, side]),
        helper.make_node("Mul", ["means", "factor"], ["scaled"]),
        helper.make_node("Flatten" if pooled else "Identity", ["scaled"], ["out"]),
    ]  # fmt: skip
    shape = [batch, channels] if pooled else [batch, channels, 2, 2]
    graph = helper.make_graph(
        nodes, "means",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, [batch, channels, SIZE, SIZE])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)],
        [helper.make_tensor("factor", TensorProto.FLOAT, [], [factor])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return path


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    bench = Workbench(Home(tmp_path / "home"))
    (tmp_path / "pile").mkdir()
    for red in (0, 60, 130, 255):
        Image.new("RGB", (20, 20), (red, 40, 40)).save(tmp_path / "pile" / f"{red}.png")
    bench.import_folder(tmp_path / "pile", "Pile")
    return bench


@pytest.mark.parametrize("batch", ["n", 1])
@pytest.mark.parametrize("pooled", [True, False])
def test_its_vectors_are_those_of_the_network(bench: Workbench, tmp_path: Path, pooled: bool, batch: Any) -> None:
    info = bench.add_encoder("means", network(tmp_path / "n.onnx", pooled=pooled, batch=batch), **PLAIN)
    assert (info.name, info.spatial, info.input_size) == ("means", not pooled, SIZE)
    halves = np.zeros((20, 20, 3), np.uint8)
    halves[:, :10] = 255
    found = bench.encode([halves, np.full((20, 20, 3), 51, np.uint8)], "means", pooling="avg")
    assert found == pytest.approx(np.array([[0.5] * 3, [0.2] * 3]), abs=0.02)


def test_pictures_are_normalised_and_searched_by_it(bench: Workbench, tmp_path: Path) -> None:
    bench.add_encoder("means", network(tmp_path / "n.onnx"), size=SIZE, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    assert bench.encode(np.zeros((8, 8, 3), np.uint8), "means") == pytest.approx(np.full((1, 3), -1.0), abs=1e-4)
    recipe = bench.prepare(Recipe("pile", "means", "", "flatten", "euclidean"))
    names = [hit.name for hit in bench.search(recipe, tmp_path / "pile" / "60.png").hits]
    assert names[:2] == ["60.png", "0.png"]


def test_another_process_knows_it_and_it_goes_when_it_is_removed(bench: Workbench, tmp_path: Path) -> None:
    info = bench.add_encoder("means", str(network(tmp_path / "n.onnx")), **PLAIN)
    (tmp_path / "n.onnx").unlink()  # a copy is kept
    home = Home(bench.home.root)
    assert [line.ready for line in choices(home) if line.name == "means"] == [True]
    assert open_encoder("means", "", home).info == info
    bench.remove_encoder("means")
    assert "means" not in {line.name for line in choices(home)}
    with pytest.raises(NotFound, match="added from an ONNX file"):
        bench.remove_encoder("means")


def test_a_file_replaces_a_module_of_its_name(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_modules, "_added", {})
    white = np.full((8, 8, 3), 255, np.uint8)
    bench.add_encoder("means", torch.nn.Flatten(), **PLAIN)
    assert bench.encode(white, "means").shape == (1, 3 * SIZE * SIZE)
    info = bench.add_encoder("means", network(tmp_path / "n.onnx"), **PLAIN)
    assert bench.encode(white, "means").shape == (1, 3)
    assert [line.name for line in choices(bench.home)].count("means") == 1
    assert open_encoder("means", "", Home(bench.home.root)).info == info


def test_a_module_does_not_replace_a_file_which_would_outlive_it(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_modules, "_added", {})
    bench.add_encoder("means", network(tmp_path / "n.onnx"), **PLAIN)
    with pytest.raises(BadParameter, match="a new one; got 'means'") as refused:
        bench.add_encoder("means", torch.nn.Flatten(), **PLAIN)
    assert "remove_encoder('means')" in refused.value.way_out
    bench.remove_encoder("means")
    bench.add_encoder("means", torch.nn.Flatten(), **PLAIN)
    bench.remove_encoder("means")
    assert "means" not in {line.name for line in choices(bench.home)}


def test_the_fingerprint_covers_the_file_and_the_preparation(bench: Workbench, tmp_path: Path) -> None:
    first = bench.add_encoder("means", network(tmp_path / "n.onnx"), **PLAIN).fingerprint
    assert bench.add_encoder("means", network(tmp_path / "n.onnx"), **PLAIN).fingerprint == first
    assert bench.add_encoder("means", network(tmp_path / "n.onnx", factor=2.0), **PLAIN).fingerprint != first
    assert bench.encode(np.full((8, 8, 3), 51, np.uint8), "means") == pytest.approx(np.full((1, 3), 0.4), abs=1e-4)
    assert bench.add_encoder("means", network(tmp_path / "n.onnx"), size=SIZE).fingerprint != first


def test_what_is_no_such_network_is_a_sentence(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no network")
    refused: list[tuple[type[BenzerError], str, Path, dict[str, Any]]] = [
        (BadParameter, "a torch.nn.Module or an ONNX file", tmp_path / "none.onnx", PLAIN),
        (Unreadable, "no ONNX network", tmp_path / "text.onnx", PLAIN),
        (BadParameter, "size of", network(tmp_path / "n.onnx"), PLAIN | {"size": 32}),
        (BadParameter, "size of", network(tmp_path / "one.onnx", channels=1), PLAIN),
        (BadParameter, "number of pictures", network(tmp_path / "b.onnx", batch=4), PLAIN),
        (BadParameter, "std of", network(tmp_path / "n.onnx"), PLAIN | {"std": (0, 1, 1)}),
    ]
    for kind, sentence, file, given in refused:
        with pytest.raises(kind, match=sentence):
            bench.add_encoder("means", file, **given)
    with pytest.raises(BadParameter, match="a new one"):
        bench.add_encoder("colour-histogram", network(tmp_path / "n.onnx"), **PLAIN)
    assert "means" not in {line.name for line in choices(bench.home)}


def test_a_damaged_copy_is_named_and_stays_listed(bench: Workbench, tmp_path: Path) -> None:
    bench.add_encoder("means", network(tmp_path / "n.onnx"), **PLAIN)
    [copy] = bench.home.pretrained.glob("onnx/means/0*/network.onnx")
    copy.write_bytes(copy.read_bytes()[:-1])
    assert "means" in {line.name for line in choices(bench.home)}
    with pytest.raises(Corrupt, match="add_encoder"):
        open_encoder("means", "", bench.home)
