"""Losses: known values and a slow version of SSIM."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from engine.core.errors import BadParameter
from engine.training.losses import LOSSES, loss


def test_known_values() -> None:
    black, white = torch.zeros(2, 3, 32, 32), torch.ones(2, 3, 32, 32)
    assert float(loss("mse").between(black, white)) == 1.0
    assert float(loss("mse").between(black, black + 0.5)) == 0.25
    for name in LOSSES:
        assert float(loss(name).between(white, white)) == pytest.approx(0, abs=1e-6)
    assert float(loss("ssim").between(black, white)) == pytest.approx(1, abs=1e-3)


def test_the_mix_is_the_sum() -> None:
    a, b = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    parts = float(loss("mse").between(a, b)) + float(loss("ssim").between(a, b))
    assert float(loss("mix").between(a, b)) == pytest.approx(parts, rel=1e-5)


def slow_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """One channel, Gaussian window of 11 with deviation 1.5, inner part only."""

    def smooth(x: np.ndarray) -> np.ndarray:
        for axis in (0, 1):
            x = gaussian_filter1d(x, 1.5, axis=axis, truncate=5 / 1.5)
        return x[5:-5, 5:-5]

    ma, mb = smooth(a), smooth(b)
    va, vb, cov = smooth(a * a) - ma**2, smooth(b * b) - mb**2, smooth(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    return float((((2 * ma * mb + c1) * (2 * cov + c2)) / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean())


def test_ssim_against_a_slow_version() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 40, 40))
    expected = 1 - slow_ssim(a, (a + b) / 2)
    first = torch.tensor(a, dtype=torch.float32).expand(1, 3, 40, 40)
    second = torch.tensor((a + b) / 2, dtype=torch.float32).expand(1, 3, 40, 40)
    assert float(loss("ssim").between(first, second)) == pytest.approx(expected, abs=1e-4)


def test_an_unknown_loss_is_named() -> None:
    with pytest.raises(BadParameter, match="one of mse, ssim, mix"):
        loss("l1")
