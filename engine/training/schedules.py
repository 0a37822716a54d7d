"""Learning rate schedules: each is a function of the (fractional) number of epochs done.

The rate is queried before every batch, so cosine schedules step per batch. The values are those of PyTorch's schedulers
of the same names, except that one cycle ends with the last epoch, not with the last step. No optimizer is needed: they
can be plotted before a training starts, and a resumed training only needs `state`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from engine.core.errors import BadParameter
from engine.core.settings import Setting, all_settings
from engine.training.stepping import Stepping


class Schedule(ABC):
    """A schedule that starts from `base`; `rate(done)` is the learning rate after `done` epochs."""

    name: ClassVar[str]
    title: ClassVar[str]
    help: ClassVar[str]
    options: ClassVar[tuple[Setting, ...]] = ()

    def __init__(self, base: float, epochs: int, options: Mapping[str, Any]) -> None:
        thing = f"the schedule {self.name}"
        self.base, self.epochs = base, epochs
        self.settings = all_settings(self.options, options, thing)
        if self.settings.get("eta_min", 0.0) > base:  # the rate would rise instead of fall
            wanted = f"at most the learning rate, {base:g}"
            raise BadParameter("eta_min", thing, wanted, self.settings["eta_min"])

    @abstractmethod
    def rate(self, done: float) -> float:
        """The learning rate after `done` epochs."""

    def observe(self, loss: float) -> None:  # noqa: B027 - most schedules ignore the loss
        """Take the validation loss of the epoch that has just ended."""

    @property
    def state(self) -> dict[str, Any]:
        """The JSON-able state needed to resume."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Resume from `state`."""


class Constant(Schedule):
    """The same learning rate throughout."""

    name = "none"
    title = "constant"
    help = "The same learning rate throughout."

    def rate(self, done: float) -> float:
        return self.base


class Cosine(Schedule):
    """Source: Loshchilov and Hutter, "SGDR", 2017, without restarts (CosineAnnealingLR)."""

    name = "cosine"
    title = "cosine"
    help = "Falls along half a cosine to the minimum rate at the last batch."
    options = (Setting("eta_min", "Minimum rate", "The learning rate at the end.", 0.0, 1.0, 0.0, whole=False),)

    def rate(self, done: float) -> float:
        return _cosine(self.base, self.settings["eta_min"], min(1.0, done / self.epochs))


class WarmRestarts(Schedule):
    """Source: Loshchilov and Hutter, "SGDR", 2017 (CosineAnnealingWarmRestarts). T_0 is counted in epochs."""

    name = "warm-restarts"
    title = "cosine with warm restarts"
    help = "Falls along half a cosine over T_0 epochs, then restarts at the top (SGDR)."
    options = (
        Setting("t_0", "T_0", "Epochs until the first restart.", 1, 10_000, 10),
        Setting("t_mult", "T_mult", "Each period is this many times as long as the one before.", 1, 10, 1),
        Setting("eta_min", "Minimum rate", "The learning rate just before a restart.", 0.0, 1.0, 1e-4, whole=False),
    )

    def rate(self, done: float) -> float:
        span = float(self.settings["t_0"])
        while done >= span:
            done -= span
            span *= self.settings["t_mult"]
        return _cosine(self.base, self.settings["eta_min"], done / span)


class Plateau(Schedule):
    """PyTorch's ReduceLROnPlateau with mode min and a relative threshold."""

    name = "plateau"
    title = "reduce on plateau"
    help = "Multiplied by the factor whenever the validation loss has not improved for more epochs than the patience."
    options = (
        Setting("factor", "Factor", "The rate is multiplied by this.", 0.01, 0.99, 0.2, whole=False),
        Setting("patience", "Patience", "Epochs without improvement that are tolerated.", 0, 1000, 2),
        Setting("threshold", "Threshold", "Relative gain that counts as improvement.", 0.0, 1.0, 1e-4, whole=False),
        Setting("cooldown", "Cooldown", "Epochs after a reduction in which none is counted.", 0, 1000, 0),
        Setting("min_lr", "Minimum rate", "The rate never falls below this.", 0.0, 1.0, 5e-5, whole=False),
        Setting("eps", "Minimum change", "Smaller reductions are skipped.", 0.0, 1.0, 1e-8, whole=False),
    )

    def __init__(self, base: float, epochs: int, options: Mapping[str, Any]) -> None:
        super().__init__(base, epochs, options)
        self.now, self.best, self.bad, self.resting = base, math.inf, 0, 0

    def rate(self, done: float) -> float:
        return self.now

    def observe(self, loss: float) -> None:
        if loss < self.best * (1 - self.settings["threshold"]):
            self.best, self.bad = loss, 0
        else:
            self.bad += 1
        if self.resting:
            self.resting, self.bad = self.resting - 1, 0
        if self.bad > self.settings["patience"]:
            self._step_down()

    def _step_down(self) -> None:
        lower = max(self.now * self.settings["factor"], self.settings["min_lr"])
        if self.now - lower > self.settings["eps"]:
            self.now = lower
        self.resting, self.bad = int(self.settings["cooldown"]), 0

    @property
    def state(self) -> dict[str, Any]:
        best = None if math.isinf(self.best) else self.best
        return {"now": self.now, "best": best, "bad": self.bad, "resting": self.resting}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.now, self.bad, self.resting = state["now"], state["bad"], state["resting"]
        self.best = math.inf if state["best"] is None else state["best"]


class OneCycle(Schedule):
    """Source: Smith and Topin, "Super-convergence", 2018 (OneCycleLR with cosines; Adam's momentum stays as it is)."""

    name = "one-cycle"
    title = "one cycle"
    help = "Rises along half a cosine to the learning rate, then falls along half a cosine far below where it started."
    options = (
        Setting("pct_start", "pct_start", "Share of the epochs in which the rate rises.", 0.01, 0.99, 0.3, whole=False),
        Setting("div_factor", "div_factor", "Maximum rate / initial rate.", 1.0, 1e6, 25.0, whole=False),
        Setting("final_div_factor", "final_div_factor", "Initial rate / final rate.", 1.0, 1e9, 1e4, whole=False),
    )

    def rate(self, done: float) -> float:
        share, rising = min(1.0, done / self.epochs), self.settings["pct_start"]
        first = self.base / self.settings["div_factor"]
        if share < rising:
            return _cosine(first, self.base, share / rising)
        return _cosine(self.base, first / self.settings["final_div_factor"], (share - rising) / (1 - rising))


SCHEDULES: dict[str, type[Schedule]] = {kind.name: kind for kind in (Constant, Cosine, WarmRestarts, Plateau, OneCycle)}


def schedule(name: str, base: float, epochs: int, options: Mapping[str, Any]) -> Schedule:
    """The schedule of that name; BadParameter for an unknown name or setting."""
    if not isinstance(name, str) or name not in SCHEDULES:
        raise BadParameter("schedule", "the training", "one of " + ", ".join(SCHEDULES), name)
    if not isinstance(options, Mapping) or not all(isinstance(option, str) for option in options):
        raise BadParameter("settings", f"the schedule {name}", "numbers by their names", options)
    return SCHEDULES[name](base, epochs, options)


def curve(
    name: str, base: float, epochs: int, options: Mapping[str, Any], warmup: float = 0.0
) -> list[tuple[float, float]]:
    """(epochs done, learning rate) over a whole training, to be plotted before it starts.

    A schedule that depends on the loss is plotted as if the loss fell in every epoch.
    """
    asked, stepping = schedule(name, base, epochs, options), Stepping(warmup=warmup)
    points = max(200, min(4 * epochs, 2000))
    done = [epochs * i / points for i in range(points + 1)]
    return [(at, stepping.share(at) * asked.rate(at)) for at in done]


def _cosine(top: float, bottom: float, share: float) -> float:
    return bottom + (top - bottom) * (1 + math.cos(math.pi * share)) / 2
