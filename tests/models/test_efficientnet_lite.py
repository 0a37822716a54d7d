"""EfficientNet-Lite: TensorFlow's padding, the published sizes, and the features of an independent network."""

from __future__ import annotations

import importlib.util
import math
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from models.efficientnet_lite import EfficientNetLite, SameConv2d

DATA = Path(os.environ.get("BENZER_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
REFERENCE = DATA.parent / "reference" / "efficientnet_lite.py"


def same_by_hand(image: torch.Tensor, kernel: torch.Tensor, stride: int) -> torch.Tensor:
    """TensorFlow's definition, one output value after the other: (h, w) and (k, k) to (⌈h / s⌉, ⌈w / s⌉)."""
    k = len(kernel)
    out = torch.zeros([math.ceil(side / stride) for side in image.shape])
    first = [max((n - 1) * stride + k - side, 0) // 2 for n, side in zip(out.shape, image.shape, strict=True)]
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            for i in range(k):
                for j in range(k):
                    y, x = row * stride + i - first[0], column * stride + j - first[1]
                    if 0 <= y < image.shape[0] and 0 <= x < image.shape[1]:
                        out[row, column] += image[y, x] * kernel[i, j]
    return out


@pytest.mark.parametrize(
    ("side", "kernel", "stride"), [(8, 3, 2), (7, 3, 2), (9, 5, 2), (10, 5, 2), (6, 5, 1), (2, 5, 2)]
)
def test_same_padding_is_that_of_tensorflow(side: int, kernel: int, stride: int) -> None:
    image = torch.rand(side, side + 1, generator=torch.Generator().manual_seed(0))
    convolution = SameConv2d(1, 1, kernel, stride)
    with torch.inference_mode():
        found = convolution(image[None, None])[0, 0]
    assert torch.allclose(found, same_by_hand(image, convolution.weight[0, 0].detach(), stride), atol=1e-5)


@pytest.mark.parametrize(("number", "millions"), [(0, 4.65), (1, 5.42), (2, 6.09)])
def test_the_published_numbers_of_parameters(number: int, millions: float) -> None:
    with torch.device("meta"):
        network = EfficientNetLite(number)
    assert sum(weight.numel() for weight in network.parameters()) == pytest.approx(millions * 1e6, rel=0.002)


def reference() -> Any:
    """The module that the network is compared with; it is not part of the project."""
    if not REFERENCE.is_file():
        pytest.skip(f"there is no other implementation at {REFERENCE}")
    spec = importlib.util.spec_from_file_location("lite_reference", REFERENCE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("number", "side"), [(0, 224), (0, 161), (1, 96), (2, 90)])
def test_the_features_of_another_implementation(number: int, side: int) -> None:
    other = reference().Lite(number).eval()
    random = torch.Generator().manual_seed(3)
    for name, tensor in other.state_dict().items():
        if name.endswith("running_var"):
            tensor.copy_(torch.rand(tensor.shape, generator=random) + 0.5)
        elif name.endswith("running_mean"):
            tensor.copy_(torch.rand(tensor.shape, generator=random) * 0.2 - 0.1)
    own = EfficientNetLite(number).eval()
    own.load_state_dict(other.state_dict())
    images = torch.rand(2, 3, side, side, generator=random)
    with torch.inference_mode():
        found, expected = own.features((255 * images - 127) / 128), other.features(images)
        scores = other(images)
        assert torch.allclose(own((255 * images - 127) / 128), scores, rtol=1e-4, atol=1e-4 * float(scores.abs().max()))
    assert float(expected.abs().max()) > 0
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
