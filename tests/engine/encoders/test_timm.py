"""Networks of timm: without timm the line that installs it; with it, weights from a file or the hub's cache."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.cli.parser import main
from engine.core.errors import BadParameter, Corrupt, MissingPackage, NotFound, NoWeights
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.encoders import choices, knows, open_encoder, timm_networks
from engine.workbench.workbench import Workbench

NAME = "timm-test_resnet.r160_in1k"
needs_timm = pytest.mark.skipif(find_spec("timm") is None, reason="timm is not installed (pip install timm)")


def test_without_timm_the_line_that_installs_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timm_networks, "_installed", lambda: False)
    timm_networks.timm_network.cache_clear()
    assert knows(NAME, home)
    assert NAME not in [choice.name for choice in choices(home)]
    with pytest.raises(MissingPackage, match="pip install timm"):
        open_encoder(NAME, "", home)


@pytest.mark.parametrize("name", ["timm-", "timm-a/b", "timm-hf-hub:x", "timm-local-dir:x", "timm-A"])
def test_names_that_are_none(name: str, home: Home) -> None:
    with pytest.raises(NotFound):
        open_encoder(name, "", home)


def _weights(model: str, seed: int = 0) -> dict[str, torch.Tensor]:
    import timm

    torch.manual_seed(seed)
    return dict(timm.create_model(model, pretrained=False).state_dict())


def _file(folder: Path, tensors: dict[str, torch.Tensor]) -> Path:
    from safetensors.torch import save_file

    save_file(tensors, folder / "model.safetensors")
    return folder / "model.safetensors"


@needs_timm
@pytest.mark.parametrize("name", [NAME, "timm-test_vit.r160_in1k", "timm-test_convnext.r160_in1k"])
def test_features_are_timms(name: str, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import timm

    monkeypatch.setenv("BENZER_HOME", str(home.root))
    model = name.removeprefix("timm-")
    tensors = _weights(model)
    assert main(["weights", "add", name, str(_file(tmp_path, tensors))]) == 0
    encoder = open_encoder(name, "", home)
    assert name in [choice.name for choice in choices(home) if choice.ready]
    stock = timm.create_model(model, pretrained=False).eval()
    stock.load_state_dict(tensors)
    side = encoder.info.input_size
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    mean, std = (torch.tensor(stock.pretrained_cfg[key])[:, None, None] for key in ("mean", "std"))
    with torch.inference_mode():
        expected = stock.forward_features((images - mean) / std)
        if expected.ndim == 3:
            expected = stock.forward_head(expected, pre_logits=True)[:, :, None, None]
    found = encoder.encode(images)
    assert found.dtype == torch.float32
    assert found.shape == expected.shape
    assert (found.shape[-1] > 1) == encoder.info.spatial
    assert torch.nn.functional.cosine_similarity(found.flatten(1), expected.flatten(1)).min() > 0.99
    assert torch.allclose(found[:1], encoder.encode(images[:1]), rtol=0.02, atol=0.02 * float(found.abs().max()))
    assert main(["weights", "delete", name, "--yes"]) == 0
    assert name not in [choice.name for choice in choices(home)]


@needs_timm
def test_the_cache_of_the_hub_is_used_and_checked(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(NoWeights, match="weights add timm-test_resnet"):
        open_encoder(NAME, "", home)
    data = _file(tmp_path, _weights(NAME.removeprefix("timm-"))).read_bytes()
    blob = tmp_path / "hub" / "models--timm--test_resnet.r160_in1k" / "blobs" / hashlib.sha256(data).hexdigest()
    linked = blob.parents[1] / "snapshots" / "main" / "model.safetensors"
    blob.parent.mkdir(parents=True), linked.parent.mkdir(parents=True)
    blob.write_bytes(data[:-4] + b"\0\0\0\1")
    linked.symlink_to(blob)
    with pytest.raises(Corrupt, match="no longer matches"):
        open_encoder(NAME, "", home)
    blob.write_bytes(data)
    assert open_encoder(NAME, "", home).info.name == NAME


@needs_timm
def test_weights_of_another_network_and_ones_that_are_missing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("BENZER_HOME", str(home.root))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "none"))
    foreign = _file(tmp_path, _weights("test_vit.r160_in1k"))
    assert main(["weights", "add", NAME, str(foreign)]) == 1
    assert "must be made for this network" in capsys.readouterr().err
    with pytest.raises(BadParameter, match="left out"):
        open_encoder(NAME, "mine", home)
    with pytest.raises(NotFound):
        open_encoder("timm-nothing_of_that_name", "", home)
    assert main(["weights", "fetch", NAME]) == 1
    assert Recipe("a", NAME).encoder == NAME
    assert Workbench(home).choices(also=NAME)[-1].title.endswith("not downloaded")
