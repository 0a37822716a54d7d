"""Weights that come as a package: read by their path, checked in full, never run; and what a damaged one says."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.cli.parser import main
from engine.core.errors import BadParameter, Corrupt, MissingPackage
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders import choices, open_encoder
from engine.encoders.backbone import filled
from engine.encoders.networks import packaged
from engine.encoders.networks import weights as pretrained
from engine.encoders.networks.table import BACKBONES, Backbone, backbone
from engine.encoders.vectors.batches import embed_pictures

LITE = backbone("efficientnet-lite0")
KNOWN = {  # the largest averaged features of the picture below, by an independent network in float32
    "efficientnet-lite0": {113: 4.7859, 468: 3.3822, 897: 2.5550, 287: 2.4852, 747: 2.3182, 245: 1.9431},
    "efficientnet-lite1": {1077: 4.2261, 605: 4.2024, 918: 4.1760, 388: 3.8939, 404: 3.7155, 667: 3.4650},
    "efficientnet-lite2": {302: 4.0529, 52: 3.0385, 749: 2.7271, 1100: 2.5475, 797: 2.4909, 1208: 2.2502},
}


def board(side: int) -> NDArray[np.uint8]:
    """Red grows downwards, green to the right, blue is a chessboard."""
    steps, (row, column) = np.linspace(0, 255, side).astype(np.uint8), np.mgrid[:side, :side] * 8 // side
    return np.stack(np.broadcast_arrays(steps[:, None], steps, (row + column) % 2 * 255), -1).astype(np.uint8)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of that kind that would shout if it were run; returns its file of weights, still empty."""
    folder = tmp_path / "site" / "made_up_pytorch_model"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('the code of the package was run')")
    monkeypatch.syspath_prepend(str(folder.parent))
    return folder / "models" / LITE.file


def pinned(path: Path, data: bytes) -> Backbone:
    """A line of the table for a package whose file holds these bytes."""
    path.write_bytes(data)
    return replace(LITE, package="made-up-pytorch-model", sha256=hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("name", KNOWN)
def test_real_weights_give_their_known_vector(name: str, home: Home) -> None:
    """Exactly so in float32; as an encoder, in the precision of this device, in much the same direction."""
    network = backbone(name)
    if packaged.file_of(network) is None:
        pytest.skip(f"{network.package} is not installed")
    picture, encoder = board(network.size), open_encoder(name, "", home)
    images = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        exact = network.tap(filled(network, pretrained.load(home, network)[1]), (images - 127) / 128).mean((2, 3))[0]
    assert [float(exact[i]) for i in KNOWN[name]] == pytest.approx(list(KNOWN[name].values()), abs=2e-3)
    found = torch.from_numpy(embed_pictures(encoder, [picture], "avg")[0])
    assert float(torch.nn.functional.cosine_similarity(found, exact, dim=0)) > 0.95


def test_it_is_ready_from_the_start_and_averages(home: Home) -> None:
    line = next(choice for choice in choices(home) if choice.name == LITE.name)
    assert (line.ready, line.weights, line.embedding) == (True, "", "avg-sqrt")
    assert pretrained.load(home, LITE)[0].sha256 == LITE.sha256
    assert not home.pretrained.exists(), "nothing is copied"


def test_nothing_of_the_package_is_run(home: Home) -> None:
    open_encoder(LITE.name, "", home)
    assert LITE.package.replace("-", "_") not in sys.modules


def test_without_the_package_the_line_that_installs_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKBONES, LITE.name, replace(LITE, package="not-installed-pytorch-model"))
    line = next(choice for choice in choices(home) if choice.name == LITE.name)
    assert not line.ready
    assert line.help.endswith("pip install not-installed-pytorch-model.")
    with pytest.raises(MissingPackage, match=r"EfficientNet-Lite0 needs .* pip install not-installed-pytorch-model"):
        open_encoder(LITE.name, "", home)
    with pytest.raises(MissingPackage):
        pretrained.fetch(home, BACKBONES[LITE.name], Reporter())


@pytest.mark.parametrize("change", ["flip", "cut", "empty", "other network"])
def test_a_damaged_file_is_named(change: str, package: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"weights" * 100
    network = pinned(package, data)
    others = {"flip": b"W" + data[1:], "cut": data[:-1], "empty": b"", "other network": b"lite1" * 100}
    package.write_bytes(others[change])
    monkeypatch.setitem(BACKBONES, LITE.name, network)
    with pytest.raises(Corrupt, match=f"{network.file} has been damaged") as caught:
        open_encoder(LITE.name, "", home)
    assert caught.value.way_out.endswith("--force-reinstall --no-deps made-up-pytorch-model")


def test_a_package_without_its_file(package: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKBONES, LITE.name, replace(LITE, package="made-up-pytorch-model"))
    assert not next(choice for choice in choices(home) if choice.name == LITE.name).ready
    with pytest.raises(Corrupt, match="is missing or cannot be read"):
        open_encoder(LITE.name, "", home)


def test_the_weights_of_another_network_are_named(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    torch.save({name: torch.ones(shape) for name, shape in backbone("efficientnet-lite1").shapes().items()}, path)
    with pytest.raises(BadParameter, match="weights add efficientnet-lite1 FILE"):
        pretrained.add(home, LITE, path)


def test_the_list_of_weights(
    package: Path, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENZER_HOME", str(home.root))
    network = pinned(package, b"weights")
    package.write_bytes(b"rot")
    monkeypatch.setitem(BACKBONES, "efficientnet-lite1", replace(network, name="efficientnet-lite1"))
    assert main(["weights"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert " ready " in lines[LITE.name]
    assert LITE.package in lines[LITE.name]
    assert " damaged " in lines["efficientnet-lite1"]
