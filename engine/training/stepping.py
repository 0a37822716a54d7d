"""The optimizer of a training, with warm-up and gradient clipping."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.core.errors import BadParameter
from engine.core.settings import check_number

if TYPE_CHECKING:
    import torch
    from torch.nn import Parameter

OPTIMIZERS = {
    "adamw": "AdamW",
    "sgd": "SGD with Nesterov momentum",
    "nadam": "NAdam",
    "radam": "RAdam",
    "rmsprop": "RMSprop",
}
_FIRST = 0.01  # of the rate, in the first step of a warm-up
WITH_MOMENTUM = ("sgd", "rmsprop")


@dataclass(frozen=True)
class Stepping:
    """The settings of the optimizer; the defaults are plain Adam.

    Attributes:
        optimizer: a name of OPTIMIZERS; weight decay is decoupled from the gradient in all but sgd and rmsprop, where
            it is added to it. momentum: of sgd and rmsprop. warmup: epochs in which the rate rises linearly from a
            hundredth of the schedule's to all of it. clip: the greatest norm of the gradient, 0 for any.

    Sources: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019; Goyal et al., "Accurate, large
    minibatch SGD", 2017 (warm-up); Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural
    networks", 2013 (clipping the norm).
    """

    optimizer: str = "adamw"
    momentum: float = 0.9
    warmup: float = 0.0
    clip: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.optimizer, str) or self.optimizer not in OPTIMIZERS:
            raise BadParameter("optimizer", "the training", "one of " + ", ".join(OPTIMIZERS), self.optimizer)
        check_number("momentum", "the training", self.momentum, 0.0, 0.999)
        check_number("warm-up", "the training", self.warmup, 0.0, 10_000)
        check_number("gradient norm", "the training", self.clip, 0.0, 1e6)

    def share(self, done: float) -> float:
        """The share of the schedule's rate after `done` epochs: below 1 in the warm-up."""
        return 1.0 if done >= self.warmup else _FIRST + (1 - _FIRST) * done / self.warmup

    def make(self, groups: Sequence[dict[str, Any]], rate: float) -> torch.optim.Optimizer:
        """The optimizer over these groups of weights."""
        from torch import optim

        given: dict[str, Any] = {"lr": rate, "weight_decay": 0.0}
        if self.optimizer == "adamw":
            return optim.AdamW(groups, **given, fused=True)  # without weight decay Adam itself
        if self.optimizer == "sgd":
            return optim.SGD(groups, **given, momentum=self.momentum, nesterov=self.momentum > 0)
        if self.optimizer == "rmsprop":
            return optim.RMSprop(groups, **given, momentum=self.momentum)
        kind = optim.NAdam if self.optimizer == "nadam" else optim.RAdam
        return kind(groups, **given, decoupled_weight_decay=True)

    def clipped(self, weights: Iterable[Parameter]) -> None:
        """Clip the gradient to the maximum norm, if one is set."""
        if self.clip:
            from torch.nn.utils import clip_grad_norm_

            clip_grad_norm_(weights, self.clip)
