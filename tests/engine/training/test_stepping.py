"""Optimizers, the warm-up, and clipped gradients."""

from __future__ import annotations

import math

import pytest
import torch

from engine.training.schedules import curve
from engine.training.stepping import OPTIMIZERS, Stepping


def fitted(optimizer: str) -> float:
    """How far from the least value of a parabola each optimizer ends."""
    weight = torch.nn.Parameter(torch.tensor([3.0, -2.0]))
    made = Stepping(optimizer).make([{"params": [weight]}], 0.05)
    for _ in range(400):
        made.zero_grad()
        ((weight - 1) ** 2).sum().backward()
        made.step()
    return float((weight - 1).detach().norm())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_finds_the_bottom(name: str) -> None:
    assert fitted(name) < 0.2


def test_a_step_of_sgd_is_the_formula() -> None:
    """Nesterov momentum as torch documents it: v = μ v + g, w = w − rate (g + μ v)."""
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    made, velocity, expected = Stepping("sgd", momentum=0.5).make([{"params": [weight]}], 0.1), 0.0, 1.0
    for _ in range(3):
        made.zero_grad()
        (weight**2).sum().backward()
        gradient = 2 * expected
        velocity = 0.5 * velocity + gradient
        expected -= 0.1 * (gradient + 0.5 * velocity)
        made.step()
    assert float(weight.detach()) == pytest.approx(expected, rel=1e-5)


def test_the_rate_rises_linearly_and_then_follows_the_schedule() -> None:
    stepping = Stepping(warmup=2.0)
    assert [stepping.share(done) for done in (0.0, 1.0, 2.0, 9.0)] == pytest.approx([0.01, 0.505, 1.0, 1.0])
    drawn = dict(curve("cosine", 0.1, 10, {}, warmup=2.0))
    assert drawn[0.0] == pytest.approx(0.001)
    assert drawn[5.0] == pytest.approx(0.05)
    assert max(drawn.values()) < 0.1


def test_long_gradients_are_shortened_and_short_ones_stay() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    for length, expected in ((10.0, 1.0), (0.5, 0.5)):
        weight.grad = torch.tensor([0.6, 0.8]) * length
        Stepping(clip=1.0).clipped([weight])
        assert float(weight.grad.norm()) == pytest.approx(expected, rel=1e-4)
    weight.grad = torch.full((2,), 1e6)
    Stepping().clipped([weight])
    assert float(weight.grad[0]) == 1e6
    assert math.isfinite(float(weight.grad.norm()))
