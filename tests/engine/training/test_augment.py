"""Altered copies of a batch."""

from __future__ import annotations

import numpy as np
import torch

from engine.core.device import Device
from engine.training import TrainingConfig
from engine.training.augment import augmented, cut, mirrored, noisy, recoloured
from engine.training.objectives.autoencoding import Autoencoding


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_nothing_is_altered_unasked() -> None:
    images = torch.rand(4, 3, 32, 32)
    assert torch.equal(augmented(images, TrainingConfig(), random()), images)
    assert noisy(images, 0.0, random()) is images


def test_noise_is_on_the_input_alone(monkeypatch: object) -> None:
    images = torch.rand(4, 3, 32, 32)
    seen = noisy(images, 0.2, random())
    assert 0.1 < float((seen - images).std()) < 0.25
    assert torch.equal(seen, noisy(images, 0.2, random()))
    objective = Autoencoding(TrainingConfig(model=1, size=32, noise=0.2), Device("cpu", torch.float32, ""))
    inputs, targets = [], []
    objective._loss = lambda i, t: inputs.append(i) or targets.append(t) or torch.zeros(())  # type: ignore
    objective.loss(images, random(), np.arange(len(images)))
    assert torch.equal(targets[0], images)
    assert torch.equal(inputs[0], seen)


def test_mirrored_pictures_are_mirrored_as_a_whole() -> None:
    images = torch.rand(16, 3, 32, 32)
    altered = mirrored(images, random())
    turned = [torch.equal(a, b.flip(2)) for a, b in zip(images, altered, strict=True)]
    same = [torch.equal(a, b) for a, b in zip(images, altered, strict=True)]
    assert all(a != b for a, b in zip(turned, same, strict=True))
    assert any(turned)
    assert any(same)


def test_a_cut_shows_a_part_of_the_picture_in_its_order() -> None:
    ramp = torch.linspace(0, 1, 64).expand(8, 3, 64, 64)
    parts = cut(ramp, random())
    assert parts.shape == ramp.shape
    assert (parts.diff(dim=3) >= -1e-6).all()
    spans = (parts[:, 0, 0, -1] - parts[:, 0, 0, 0]).tolist()
    assert all(0.6 < span <= 1 for span in spans)
    assert len({round(span, 3) for span in spans}) > 4
    whole = cut(ramp, random(), least=1.0)
    assert torch.allclose(whole, ramp, atol=1e-5)


def test_other_colours_keep_the_shapes() -> None:
    images = torch.rand(8, 3, 16, 16) * 0.6 + 0.2
    altered = recoloured(images, random())
    assert not torch.allclose(altered, images, atol=0.02)
    assert torch.allclose(recoloured(images, random(), strength=0.0), images, atol=1e-6)
    grey = torch.full((2, 3, 4, 4), 0.5)
    assert torch.allclose(recoloured(grey, random()).std((1, 2, 3)), torch.zeros(2), atol=1e-6)
    for before, after in zip(images, altered, strict=True):
        assert float(torch.corrcoef(torch.stack([before.mean(0).ravel(), after.mean(0).ravel()]))[0, 1]) > 0.95
