"""A learning rate for a training: a few steps at rates that rise from tiny to large, and where the loss falls fastest.

Source: Smith, "Cyclical learning rates for training neural networks", 2017 (the LR range test).
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.device import device, keep_freed_memory
from engine.core.errors import Diverged
from engine.core.progress import Reporter
from engine.runs.run import Run
from engine.training.config import TrainingConfig

if TYPE_CHECKING:
    from engine.training.loop import Training
    from engine.training.objectives.body import Weights
    from engine.training.pictures import Data

STEPS = 60
_LOWEST, _HIGHEST = 1e-6, 1.0
_TOO_HIGH = 4.0  # times the lowest loss: it has diverged
_NOTHING = 0.01  # of the loss: a fall by less is none
_NEAR = 4  # steps on either side by which a slope is measured: a decade in all


@dataclass(frozen=True)
class RateCurve:
    """What was measured: the rates that were tried, and the loss of each step.

    Attributes:
        smoothed: the losses as a running mean. suggested: the rate at which the loss fell fastest, None if it did
            not fall. lowest: the rate with the lowest smoothed loss, None if nothing was measured.
    """

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    suggested: float | None
    lowest: float | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def worth_trying(suggested: float, lowest: float) -> tuple[float, float]:
    """The ends of the rates worth trying, ascending: that of the steepest fall, and a tenth of that of the lowest loss.

    Either may be the greater: over a short valley the loss falls fastest close to its lowest.
    """
    low, high = sorted((suggested, _rounded(lowest / 10)))
    return low, high


def find_rate(config: TrainingConfig, data: Data, reporter: Reporter, first: Weights | None = None) -> RateCurve:
    """Try rates from 0.000001 to 1 in as many steps of this training; nothing of it is stored.

    Ends early where the loss is four times the lowest, or not finite.

    Args:
        first: initial weights, unless they are drawn with the seed.

    Raises:
        OutOfMemory: not even half a batch fits. Stopped: on request.
    """
    from engine.training.loop import Training

    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        training = Training.on_pictures(config, data, Run(Path(folder)), Reporter(), device(config.precision), first)
        return curve_of(steps_of(training), reporter)


def curve_of(step: Callable[[float], float], reporter: Reporter) -> RateCurve:
    """The losses of `step` at rising rates; it takes a rate and returns the loss before the step, or NaN."""
    losses, steps = list[float](), STEPS
    rates = np.geomspace(_LOWEST, _HIGHEST, steps).tolist()
    for number, rate in enumerate(rates):
        reporter.update("Trying learning rates", number, steps, "steps", note=f"learning rate {rate:.1e}")
        loss = step(rate)
        if not math.isfinite(loss):
            break
        losses.append(loss)
        if smoothed(losses)[-1] > _TOO_HIGH * min(smoothed(losses)):
            break
    reporter.update("Trying learning rates", steps, steps, "steps")
    found, tried = smoothed(losses), rates[: len(losses)]
    lowest = _rounded(tried[int(np.argmin(found))]) if found else None
    return RateCurve(tried, losses, found, suggestion(tried, losses, found), lowest)


def steps_of(training: Training) -> Callable[[float], float]:
    """One step of the training after another, at the rate that is asked for; NaN once it has diverged."""
    training.objective.network.train()
    order = training.begin_epoch()

    def step(rate: float) -> float:
        nonlocal order
        position, size = training.position, training.config.batch
        if position.step * size >= len(training.learning):
            position.epoch, position.step = position.epoch + 1, 0
            order = training.begin_epoch()
            training.objective.network.train()
        for group in training.optimizer.param_groups:
            group["lr"] = group["share"] * rate
        position.total, position.seen = 0.0, 0
        try:
            training.step(order[position.step * size : (position.step + 1) * size])
            training.flush_losses()
        except Diverged:
            return math.nan
        position.step += 1
        return position.total / position.seen

    return step


def smoothed(losses: Sequence[float]) -> list[float]:
    """The mean of each loss and its nearest, as many on either side as there are, at most four."""
    near = [slice(max(0, at - _NEAR), at + _NEAR + 1) for at in range(len(losses))]
    return [float(np.mean(losses[some])) for some in near]


def suggestion(rates: Sequence[float], losses: Sequence[float], smooth: Sequence[float]) -> float | None:
    """The rate of the steepest descent before the lowest smoothed loss; None for no descent.

    The slope at a rate is that of a line through the losses of the nearest steps, over the logarithm of the rate: that
    of two steps, each with another batch, would be noise.
    """
    lowest = int(np.argmin(smooth)) if smooth else 0
    if lowest < 2 or smooth[0] - smooth[lowest] < _NOTHING * abs(smooth[0]):
        return None
    logs, fallen = np.log(rates[: lowest + 1]), np.asarray(losses[: lowest + 1])
    near = [slice(max(0, at - _NEAR), at + _NEAR + 1) for at in range(lowest + 1)]
    slopes = [np.polyfit(logs[some], fallen[some], 1)[0] for some in near]
    return _rounded(rates[int(np.argmin(slopes))])


def _rounded(rate: float) -> float:
    return float(f"{rate:.2g}")
