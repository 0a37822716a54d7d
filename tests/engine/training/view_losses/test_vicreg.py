"""VICReg against the formulas of the paper, value by value."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from engine.core.errors import BadParameter
from engine.training.view_losses.vicreg import VICReg


def slow(first: torch.Tensor, second: torch.Tensor, weights: tuple[float, float, float]) -> float:
    """Equations 1 to 5 of Bardes et al., 2022, with numpy's own variance and covariance."""
    one, other = first.double().numpy(), second.double().numpy()
    invariance = float(((one - other) ** 2).mean())
    variance = np.mean([max(0.0, 1 - math.sqrt(v + 1e-4)) for z in (one, other) for v in z.var(0, ddof=1)])
    covariance = 0.0
    for z in (one, other):
        table = np.cov(z.T)
        covariance += sum(table[i, j] ** 2 for i in range(len(table)) for j in range(len(table)) if i != j) / len(table)
    return float(weights[0] * invariance + weights[1] * variance + weights[2] * covariance)


@pytest.mark.parametrize("weights", [(25.0, 25.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)])
def test_it_is_the_formula(weights: tuple[float, float, float]) -> None:
    first, second = 0.7 * torch.randn(2, 9, 5, generator=torch.Generator().manual_seed(0))
    loss = VICReg(0.1, dict(zip(("invariance", "variance", "covariance"), weights, strict=True)))
    assert float(loss.between(first, second, torch.arange(9))) == pytest.approx(slow(first, second, weights), rel=1e-5)


def test_equal_vectors_cost_the_missing_variance_and_have_a_finite_gradient() -> None:
    same = torch.ones(6, 4, requires_grad=True)
    found = VICReg(0.1, {}).between(same, same, torch.arange(6))
    found.backward()
    assert float(found.detach()) == pytest.approx(25 * (1 - 0.01), rel=1e-5)
    assert bool(same.grad.isfinite().all())  # type: ignore[union-attr]


def test_a_single_picture_is_no_nan() -> None:
    assert math.isfinite(float(VICReg(0.1, {}).between(torch.rand(1, 4), torch.rand(1, 4), torch.arange(1))))


def test_settings_that_cannot_be() -> None:
    with pytest.raises(BadParameter, match="variance of the objective vicreg"):
        VICReg(0.1, {"variance": -1})
