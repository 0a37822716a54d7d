"""Ready-made networks: the contract over each of them, and their known vectors."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.core.home import Home
from engine.encoders import open_encoder
from engine.encoders.backbone import filled, fold_batch_norm
from engine.encoders.networks import weights as pretrained
from engine.encoders.networks.table import BACKBONES, backbone
from engine.encoders.vectors.batches import embed_pictures
from tests.engine.encoders.networks.conftest import SMALL, random_weights

FEATURES = {
    "vgg-16": 512, "vgg-19": 512, "resnet-18": 512, "resnet-34": 512, "resnet-50": 2048, "resnet-101": 2048,
    "resnet-152": 2048, "inception-v3": 2048, "mobilenet-v2": 1280, "mobilenet-v3-small": 576,
    "mobilenet-v3-large": 960, "squeezenet-1-0": 512, "squeezenet-1-1": 512, "efficientnet-b0": 1280,
    "convnext-tiny": 768, "vit-b-16": 768, "swin-t": 768, "efficientnet-lite0": 1280, "efficientnet-lite1": 1280,
    "efficientnet-lite2": 1280,
}  # fmt: skip
REAL = Path(os.environ.get("BENZER_TEST_DATA") or Path(__file__).parents[5] / "shared" / "data") / "weights"


# ── the networks ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_table_is_the_known_one() -> None:
    assert {name: network.features for name, network in BACKBONES.items()} == FEATURES
    assert all(len(network.digits) == 8 and int(network.digits, 16) for network in BACKBONES.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", FEATURES)
def test_features_have_their_shape_and_folding_changes_nothing(name: str) -> None:
    network = backbone(name)
    weights = random_weights(network)
    side = {"vit-b-16": 224, "inception-v3": 139}.get(name, 64)
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    body = filled(network, weights)
    with torch.inference_mode():
        plain = network.tap(body, images)
        folded = network.tap(fold_batch_norm(body), images)
    assert plain.shape[:2] == (2, network.features)
    assert (plain.shape[-1] > 1) == network.spatial
    assert torch.allclose(plain, folded, rtol=1e-3, atol=1e-3 * float(plain.abs().max()))
    assert (plain[0] - plain[1]).abs().max() > 1e-3 * plain.abs().max()
    assert not [module for module in body.modules() if isinstance(module, torch.nn.BatchNorm2d)]


@pytest.mark.parametrize("name", ["resnet-18", "mobilenet-v2", "squeezenet-1-1", "swin-t"])
def test_the_input_of_the_stock_classification(name: str) -> None:
    from torchvision.models import get_model

    network = backbone(name)
    stock = get_model(network.builder, weights=None).eval()
    last = [module for module in stock.modules() if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)][-1]
    seen: list[torch.Tensor] = []
    last.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        stock(images)
        own = {key: value for key, value in stock.state_dict().items() if key in network.shapes()}
        found = network.tap(filled(network, own), images)
    expected = seen[0] if seen[0].ndim == 4 else seen[0][:, :, None, None]
    found = found if seen[0].ndim == 4 else found.mean((2, 3), keepdim=True)
    assert torch.allclose(found, expected, rtol=0, atol=1e-4 * float(expected.abs().max()))  # layers of float32


def test_contract(home: Home, weights_file: Path) -> None:
    pretrained.add(home, SMALL, weights_file)
    encoder = open_encoder(SMALL.name, "", home)
    assert (encoder.info.name, encoder.info.spatial, encoder.info.input_size) == (SMALL.name, True, 224)
    images = torch.rand(3, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    latents = encoder.encode(images)
    assert (latents.shape, latents.dtype) == ((3, 512, 13, 13), torch.float32)
    alone = torch.cat([encoder.encode(image[None]) for image in images])
    assert torch.allclose(latents, alone, rtol=0.02, atol=0.02 * float(latents.abs().max()))
    for embedding, width in (("max", 512), ("gem", 512), ("flatten", 512 * 169)):
        vectors = embed_pictures(encoder, [np.zeros((7, 90, 3), np.uint8)], embedding)
        assert vectors.shape == (1, width)
        assert np.isfinite(vectors).all()


# ── the real ones ────────────────────────────────────────────────────────────────────────────────────────────────────


KNOWN = {  # some of the averaged features of the picture below, by torchvision's own network in float32
    "mobilenet-v2": {388: 3.348, 881: 3.222, 201: 3.125, 216: 3.228, 514: 3.342, 1205: 3.005},
    "squeezenet-1-0": {101: 53.929, 502: 43.299, 100: 37.344, 17: 33.391, 177: 30.561, 189: 30.038},
}


@pytest.mark.parametrize("name", KNOWN)
def test_real_weights_give_their_known_vector(name: str, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly so in float32; as an encoder, in the precision of this device, in nearly the same direction."""
    if not REAL.is_dir():
        pytest.skip(f"there are no weights in {REAL}")
    monkeypatch.setenv(pretrained.FOLDER, str(REAL))
    ramp = np.stack(np.broadcast_arrays(np.arange(224)[:, None], np.arange(224), 128), -1).astype(np.uint8)
    network, encoder = backbone(name), open_encoder(name, "", home)
    images = torch.from_numpy(ramp).permute(2, 0, 1)[None].float() / 255
    images = (images - torch.tensor(network.mean)[:, None, None]) / torch.tensor(network.std)[:, None, None]
    with torch.inference_mode():
        body = fold_batch_norm(filled(network, pretrained.load(home, network)[1]))
        exact = network.tap(body, images).mean((2, 3))[0].numpy()
    assert [float(exact[i]) for i in KNOWN[name]] == pytest.approx(list(KNOWN[name].values()), abs=2e-3)
    found = embed_pictures(encoder, [ramp], "avg")[0]
    assert float(found @ exact / np.linalg.norm(found) / np.linalg.norm(exact)) > 0.99
