"""The contrastive loss and its views."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from engine.core.home import Home
from engine.core.progress import Reporter
from engine.training import TrainingConfig, train_run
from engine.training.objectives.contrast import view
from engine.training.view_losses.nt_xent import nt_xent


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_against_a_slow_version() -> None:
    vectors, temperature = torch.randn(8, 5, generator=random()), 0.3
    total = 0.0
    for i in range(8):
        alike = [float(torch.cosine_similarity(vectors[i], vectors[j], dim=0)) / temperature for j in range(8)]
        others = [alike[j] for j in range(8) if j != i]
        total += math.log(sum(map(math.exp, others))) - alike[(i + 4) % 8]
    assert float(nt_xent(vectors, temperature)) == pytest.approx(total / 8, rel=1e-5)


def test_known_values() -> None:
    apart = torch.eye(4).repeat(2, 1)  # partners equal, all others at right angles
    assert float(nt_xent(apart, 0.01)) == pytest.approx(0, abs=1e-6)
    assert float(nt_xent(torch.ones(8, 4), 0.1)) == pytest.approx(math.log(7), rel=1e-6)
    assert float(nt_xent(torch.rand(2, 4), 0.1)) == pytest.approx(0, abs=1e-6)


def test_lengths_do_not_matter() -> None:
    vectors = torch.randn(6, 5, generator=random())
    assert float(nt_xent(vectors, 0.1)) == pytest.approx(float(nt_xent(vectors * torch.rand(6, 1), 0.1)), rel=1e-4)


def test_views_are_pictures_and_differ() -> None:
    images = torch.rand(6, 3, 48, 48, generator=random())
    first = view(images, 48, random(1))
    assert first.shape == images.shape
    assert 0 <= float(first.min()) <= float(first.max()) <= 1
    assert first.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(first, view(images, 48, random(1)))
    assert view(images, 32, random(1)).shape == (6, 3, 32, 32)
    assert not torch.allclose(first, view(images, 48, random(2)), atol=0.1)


def test_the_middle_stays_the_picture_s_own() -> None:
    """Surroundings come from other pictures, the middle does not: white ones among black ones stay light there."""
    images = torch.zeros(32, 3, 48, 48)
    images[:16] = 1
    middles = view(images, 48, random())[:, :, 22:26, 22:26].mean((1, 2, 3))
    assert float(middles[:16].min()) > float(middles[16:].max())


def test_where_no_surroundings_are_taken_a_view_shows_its_own_picture_alone() -> None:
    """White pictures among black ones stay white to their corners, and no longer do if surroundings are taken."""
    images = torch.zeros(32, 3, 48, 48)
    images[:16] = 1
    corners = [view(images, 48, random(), share)[:16, :, :4, :4].mean((1, 2, 3)) for share in (0.0, 1.0)]
    assert float(corners[0].min()) > 0.3
    assert float(corners[1].min()) < 0.3


def test_a_contrastive_training_learns_to_recognise(home: Home, blobs: Any) -> None:
    config = TrainingConfig(model=1, size=32, batch=12, epochs=8, contrast=1.0, rate=5e-4, name="views")
    run = train_run(home, config, blobs, Reporter())
    losses = [event["train"] for event in run.events()[1:]]
    assert min(losses[-2:]) < losses[0]
    again = train_run(home, TrainingConfig(**(run.config | {"name": "again"})), blobs, Reporter())
    assert again.digest == run.digest
