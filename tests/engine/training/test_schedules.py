"""Schedules: the values of PyTorch's schedulers, their settings, and going on from their state."""

from __future__ import annotations

import pytest
import torch

from engine.core.errors import BadParameter
from engine.training.schedules import SCHEDULES, curve, schedule

STEPS = 7  # batches an epoch


def optimizer(rate: float) -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)


def rate_of(adam: torch.optim.Optimizer) -> float:
    return float(adam.param_groups[0]["lr"])


def test_none_stays() -> None:
    assert {schedule("none", 0.001, 5, {}).rate(done) for done in (0, 2.5, 5)} == {0.001}


@pytest.mark.filterwarnings("ignore")
def test_cosine_is_that_of_pytorch() -> None:
    adam = optimizer(0.001)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(adam, T_max=5 * STEPS, eta_min=1e-5)
    ours = schedule("cosine", 0.001, 5, {"eta_min": 1e-5})
    for step in range(5 * STEPS):
        assert ours.rate(step / STEPS) == pytest.approx(rate_of(adam), rel=1e-6)
        theirs.step()


@pytest.mark.parametrize("t_mult", [1, 2])
def test_warm_restarts_are_those_of_pytorch(t_mult: int) -> None:
    adam = optimizer(0.001)
    theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(adam, T_0=5, T_mult=t_mult, eta_min=1e-4)
    ours = schedule("warm-restarts", 0.001, 20, {"t_0": 5, "t_mult": t_mult})
    for epoch in range(20):
        for step in range(STEPS):
            theirs.step(epoch + step / STEPS)
            assert ours.rate(epoch + step / STEPS) == pytest.approx(rate_of(adam), rel=1e-6)


@pytest.mark.parametrize("more", [{}, {"cooldown": 3}, {"eps": 1e-4}, {"patience": 0, "factor": 0.5}])
def test_plateau_is_that_of_pytorch(more: dict[str, float]) -> None:
    adam = optimizer(0.001)
    settings = {"factor": 0.2, "patience": 2, "threshold": 1e-4, "min_lr": 5e-5} | more
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(adam, **settings)  # type: ignore[arg-type]
    ours = schedule("plateau", 0.001, 40, settings)
    losses = [1, 0.9, 0.89999, 0.9, 0.95, 0.9, 0.5] + [0.6] * 9 + [0.4] * 5
    for epoch, loss in enumerate(losses):
        assert ours.rate(epoch) == pytest.approx(rate_of(adam), rel=1e-6)
        theirs.step(loss)
        ours.observe(loss)
    assert rate_of(adam) < 0.001


def test_one_cycle_is_that_of_pytorch_to_within_a_step() -> None:
    """PyTorch reaches the top one step before the share of the epochs is over, and the end at the last step."""
    adam, epochs, steps = optimizer(0.001), 10, 50
    theirs = torch.optim.lr_scheduler.OneCycleLR(adam, 0.01, total_steps=epochs * steps, cycle_momentum=False)
    ours = schedule("one-cycle", 0.01, epochs, {})
    for step in range(epochs * steps - 1):
        near = [ours.rate((step + shift) / steps) for shift in (0, 1)]
        assert min(near) * (1 - 1e-6) - 1e-9 <= rate_of(adam) <= max(near) * (1 + 1e-6) + 1e-9
        adam.step()
        theirs.step()
    assert ours.rate(0) == pytest.approx(0.01 / 25)
    assert ours.rate(10) == pytest.approx(0.01 / 25 / 1e4)


def test_the_drawn_schedule_equals_the_one_used_in_training() -> None:
    points = curve("warm-restarts", 0.001, 20, {"t_0": 5})
    ours = schedule("warm-restarts", 0.001, 20, {"t_0": 5})
    assert points[0] == (0, 0.001)
    assert points[-1][0] == 20
    assert all(rate == ours.rate(done) for done, rate in points)


def test_the_report_s_defaults() -> None:
    defaults = {name: {o.name: o.default for o in kind.options} for name, kind in SCHEDULES.items()}
    assert defaults["warm-restarts"] == {"t_0": 10, "t_mult": 1, "eta_min": 1e-4}
    assert defaults["plateau"] == {"factor": 0.2, "patience": 2, "threshold": 1e-4, "min_lr": 5e-5,
                                   "cooldown": 0, "eps": 1e-8}  # fmt: skip
    assert set(defaults) == {"none", "cosine", "warm-restarts", "plateau", "one-cycle"}


def test_going_on_from_the_state() -> None:
    ours = schedule("plateau", 0.001, 40, {})
    for loss in (1, 1, 1):
        ours.observe(loss)
    later = schedule("plateau", 0.001, 40, {})
    later.restore(ours.state)
    ours.observe(1), later.observe(1)
    assert later.rate(4) == ours.rate(4) == pytest.approx(0.0002)


@pytest.mark.parametrize(
    ("name", "options"),
    [("steps", {}), ("plateau", {"patience": 1.5}), ("plateau", {"factor": 2}), ("none", {"t_0": 3}),
     ("warm-restarts", {"t_0": 0}), ("cosine", {"eta_min": float("nan")}), ("cosine", {"eta_min": "low"})],
)  # fmt: skip
def test_wrong_settings_are_named(name: str, options: dict[str, float]) -> None:
    with pytest.raises(BadParameter):
        schedule(name, 0.001, 5, options)


@pytest.mark.parametrize("name", ["cosine", "warm-restarts"])
def test_a_least_rate_above_the_rate_is_refused(name: str) -> None:
    assert schedule(name, 1e-4, 5, {"eta_min": 1e-4}).rate(0) == pytest.approx(1e-4)
    with pytest.raises(BadParameter, match=r"eta_min .* must be at most the learning rate, 0\.0001; got 0\.001"):
        schedule(name, 1e-4, 5, {"eta_min": 1e-3})
