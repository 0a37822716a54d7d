"""Altered copies of a batch."""

from __future__ import annotations

import numpy as np
import torch

from engine.core.device import Device
from engine.training import TrainingConfig
from engine.training.augment import augmented, cut, greyed, mirrored, noisy, recoloured, zoomed
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


def test_zooming_to_the_whole_changes_nothing_but_the_size() -> None:
    images = torch.rand(4, 3, 32, 32, generator=random())
    assert torch.allclose(zoomed(images, 32, (1.0, 1.0), random(), stretch=1.0), images, atol=1e-5)
    assert zoomed(images, 20, (0.2, 1.0), random()).shape == (4, 3, 20, 20)


def test_a_part_has_the_area_and_the_shape_that_were_asked_for() -> None:
    """On a picture whose red and green are its coordinates, the span of both tells the part's width and height."""
    line = torch.linspace(0, 1, 64)
    ramp = torch.stack([line.expand(64, 64), line[:, None].expand(64, 64), torch.zeros(64, 64)])
    parts = zoomed(ramp.expand(200, 3, 64, 64), 64, (0.2, 0.6), random())
    spans = (parts.amax((2, 3)) - parts.amin((2, 3)))[:, :2]
    area, ratio = spans.prod(1), spans[:, 0] / spans[:, 1]
    assert 0.17 < float(area.min()) < 0.25
    assert 0.55 < float(area.max()) < 0.62
    assert float(ratio.max()) < 4 / 3 * 1.05
    assert float(ratio.min()) > 3 / 4 / 1.05


def test_grey_has_the_brightness_of_the_colour() -> None:
    images = torch.rand(5, 3, 8, 8, generator=random())
    grey = greyed(images, 1.0, random())
    luma = 0.299 * images[:, 0] + 0.587 * images[:, 1] + 0.114 * images[:, 2]
    assert torch.allclose(grey, luma[:, None].expand_as(images), atol=1e-6)
    assert torch.equal(greyed(images, 0.0, random()), images)
