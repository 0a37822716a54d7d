"""Embeddings: known values, slow versions, properties."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.core.errors import BadParameter
from engine.encoders.pooling import POOLINGS, embed


def latents() -> torch.Tensor:
    return torch.rand(3, 5, 4, 6, generator=torch.Generator().manual_seed(0))


def test_known_values() -> None:
    latent = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 8.0]]]])  # (1, 2, 2, 2)
    assert embed(latent, "max").tolist() == [[4, 8]]
    assert embed(latent, "avg").tolist() == [[2.5, 2]]
    assert embed(latent, "flatten").tolist() == [[1, 2, 3, 4, 0, 0, 0, 8]]
    assert embed(latent, "gem") == pytest.approx(np.array([[25 ** (1 / 3), 128 ** (1 / 3)]]), rel=1e-5)


@pytest.mark.parametrize("name", POOLINGS)
def test_against_slow_versions(name: str) -> None:
    values = latents().double().numpy()
    slow = {
        "max": lambda channel: [max(channel.ravel())],
        "avg": lambda channel: [sum(channel.ravel()) / channel.size],
        "gem": lambda channel: [(sum(v**3 for v in channel.ravel()) / channel.size) ** (1 / 3)],
        "flatten": lambda channel: list(channel.ravel()),
    }[name]
    expected = np.array([[value for channel in image for value in slow(channel)] for image in values])
    found = embed(latents(), name)
    assert found.dtype == np.float32
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", POOLINGS)
def test_the_order_in_memory_does_not_matter(name: str) -> None:
    other = latents().contiguous(memory_format=torch.channels_last)
    assert np.allclose(embed(latents(), name), embed(other, name), rtol=1e-5)


def test_pooled_ones_ignore_places_and_lie_in_order() -> None:
    turned = latents().flip(3)
    for name, kind in POOLINGS.items():
        same = np.allclose(embed(latents(), name), embed(turned, name), rtol=1e-5)
        assert same == kind.pooled
    average, gem, largest = (embed(latents(), name) for name in ("avg", "gem", "max"))
    assert (average <= gem + 1e-6).all()
    assert (gem <= largest + 1e-6).all()


def test_one_position_makes_all_alike() -> None:
    single = latents()[:, :, :1, :1]
    found = [embed(single, name) for name in POOLINGS]
    assert all(np.allclose(found[0], other, rtol=1e-5) for other in found)


def test_half_precision_becomes_single() -> None:
    assert embed(latents().bfloat16(), "avg").dtype == np.float32


def test_an_unknown_name() -> None:
    with pytest.raises(BadParameter, match="one of max, flatten, avg, gem"):
        embed(latents(), "sum")
