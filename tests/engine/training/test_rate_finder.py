"""The learning-rate finder on losses whose right rate is known, and on a training."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.core.device import device
from engine.core.home import Home
from engine.core.progress import Progress, Reporter
from engine.runs.run import Run
from engine.training import TrainingConfig
from engine.training.config import with_defaults
from engine.training.loop import Training
from engine.training.rate_finder import STEPS, curve_of, find_rate, smoothed, steps_of, suggestion, worth_trying
from engine.training.train import training_data
from models.specs import RESIDUAL
from tests.engine.training.conftest import Blobs
from tests.engine.training.objectives.views.conftest import NARROW, SMALL


class Valley:
    """Steps down a parabola of curvature 1: at rates above 2 its loss explodes."""

    def __init__(self, curvature: float) -> None:
        self.curvature, self.at = curvature, 1.0

    def __call__(self, rate: float) -> float:
        loss = self.curvature * self.at**2 / 2
        self.at -= rate * self.curvature * self.at
        return loss


@pytest.mark.parametrize("curvature", [10.0, 100.0])
def test_the_rate_at_which_a_parabola_falls_fastest_is_below_the_one_that_explodes(curvature: float) -> None:
    found = curve_of(Valley(curvature), Reporter())
    assert found.suggested is not None
    assert 0.02 / curvature < found.suggested < 2 / curvature


def test_it_stops_where_the_loss_explodes_or_is_not_a_number() -> None:
    found = curve_of(Valley(1e4), Reporter())
    assert len(found.rates) == len(found.losses) == len(found.smoothed) < STEPS
    losses = iter([1.0, 0.9, math.nan, 0.8])
    assert curve_of(lambda rate: next(losses), Reporter()).losses == [1.0, 0.9]


@pytest.mark.parametrize("losses", [[1.0] * 9, [1.0, 1.1, 1.2, 1.5], [], [1.0], [2.0, 1.999, 1.998, 1.997]])
def test_without_a_descent_nothing_is_suggested(losses: list[float]) -> None:
    assert suggestion(np.geomspace(1e-3, 1, len(losses)).tolist() if losses else [], losses, losses) is None


def test_the_slope_is_that_of_many_steps_in_spite_of_noise() -> None:
    rates = np.geomspace(1e-6, 1, STEPS)
    noise = np.random.default_rng(0).normal(0, 0.05, STEPS)
    losses = (3 - np.tanh(1.5 * (np.log10(rates) + 3)) + noise).tolist()  # falls fastest at 0.001
    assert 3e-4 < (suggestion(rates.tolist(), losses, smoothed(losses)) or 0) < 3e-3


def test_the_mean_of_equal_losses_is_that_loss_from_the_first_on() -> None:
    assert smoothed([3.0] * 5) == pytest.approx([3.0] * 5)


def test_a_training_is_tried_at_every_rate_and_leaves_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RESIDUAL, "small-resnet", NARROW)
    config, told = TrainingConfig(**SMALL), list[Progress]()
    found = find_rate(config, training_data(config, Blobs(24), Reporter()), Reporter(listen=told.append))  # type: ignore[arg-type]
    assert 10 < len(found.rates) <= STEPS
    assert found.rates[0] == pytest.approx(1e-6)
    assert found.rates == sorted(found.rates)
    assert told[-1].done == STEPS
    assert not home.weights.exists()


def test_its_first_step_is_that_of_the_training(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RESIDUAL, "small-resnet", NARROW)
    config = TrainingConfig(**(SMALL | with_defaults({"optimizer": "sgd"}, 24) | {"size": 32, "batch": 8}))
    data = training_data(config, Blobs(24), Reporter())  # type: ignore[arg-type]
    tried, real = (Training.on_pictures(config, data, Run(home.root), Reporter(), device()) for _ in range(2))
    loss = steps_of(tried)(0.01)
    real.objective.network.train()
    rows = real.begin_epoch()[:8]
    for group in real.optimizer.param_groups:
        group["lr"] = 0.01
    real.step(rows)
    real.flush_losses()
    assert loss == real.position.total / real.position.seen
    for one, other in zip(tried.objective.network.parameters(), real.objective.network.parameters(), strict=True):
        assert bool((one == other).all())


@pytest.mark.parametrize(
    ("suggested", "lowest", "ends"), [(0.00089, 0.0036, (0.00036, 0.00089)), (0.0001, 0.02, (0.0001, 0.002))]
)
def test_the_rates_worth_trying_ascend(suggested: float, lowest: float, ends: tuple[float, float]) -> None:
    assert worth_trying(suggested, lowest) == ends
