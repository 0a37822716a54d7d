"""The input of the training loop: an objective, the source of its batches, and what it is evaluated on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from engine.core.device import Device
from engine.training.config import TrainingConfig
from engine.training.objective import Objective
from engine.training.objectives.autoencoding import Autoencoding
from engine.training.objectives.body import Weights
from engine.training.objectives.deepcluster import DeepCluster
from engine.training.objectives.views import Views
from engine.training.pictures import Data, Pictures, Rows
from engine.training.probe import Probe, probe
from engine.training.split import rows_of
from engine.training.stepping import Stepping

_SHOWN = 6  # pictures reconstructed after every epoch


class LoopSettings(Protocol):
    """The part of a config that the loop itself uses; see `TrainingConfig` for the meanings."""

    @property
    def rate(self) -> float: ...
    @property
    def schedule(self) -> str: ...
    @property
    def options(self) -> Mapping[str, float]: ...
    @property
    def epochs(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def keep(self) -> str: ...
    @property
    def patience(self) -> int: ...
    @property
    def keep_state(self) -> bool: ...


class Source(Protocol):
    """A source of batches: `take` returns what is passed to the objective's `loss`."""

    def take(self, rows: Rows) -> Any: ...


@dataclass(frozen=True)
class Setup:
    """What a training learns from.

    Attributes:
        source: gives batches by their rows. ids: (n,) of the items in the collection.
        learning, held_out: the rows to train on and the rows to measure the loss on.
        probe: what retrieval is measured with, None for nothing. shown: rows reconstructed after every epoch; with
            neither, nothing is stored for display.
        groups: the optimizer's parameter groups, each with its `share` of the rate, and its `weight_decay` if any;
            empty if all learn at the rate.
        learned: whether the network is already trained, so that its initial weights may remain the best.
        stepping: the optimizer, and what goes with it. learns_labels: whether labels are learned.
    """

    objective: Objective
    source: Any
    ids: Rows
    learning: Rows
    held_out: Rows
    probe: Probe | None
    shown: Rows
    groups: Sequence[dict[str, Any]] = ()
    learned: bool = False
    stepping: Stepping = field(default_factory=Stepping)
    learns_labels: bool = False

    @property
    def watched(self) -> bool:
        """Whether anything is stored for display after every epoch."""
        return self.probe is not None or len(self.shown) > 0


def of_pictures(config: TrainingConfig, data: Data, device: Device, first: Weights | None) -> Setup:
    """The setup of a training on pictures: a network that reconstructs, recognises or clusters them."""
    objective = objective_of(config, data, device, first)
    learning, held_out = rows_of(data.labels, config)
    shown = _shown(held_out, learning)
    source, groups = Pictures(data, device), _groups(objective, config.weight_decay)
    learned = config.start == "pretrained"
    asked, stepping = probe(data, config), config.stepping
    more = (groups, learned, stepping, config.learns_labels)
    return Setup(objective, source, data.ids, learning, held_out, asked, shown, *more)


def objective_of(config: TrainingConfig, data: Data, device: Device, first: Weights | None) -> Objective:
    """What a config trains, with its initial weights."""
    if config.view_loss is not None:
        return Views(config, device, data, first)
    return DeepCluster(config, device, data, first) if config.clusters_itself else Autoencoding(config, device)


def _groups(objective: Objective, decay: float) -> list[dict[str, Any]]:
    """The optimizer's groups: weights that decay, and biases and normalisations, which do not; none if none does."""
    if not decay:
        return []
    weights = list(objective.network.parameters())
    matrices, others = [w for w in weights if w.ndim > 1], [w for w in weights if w.ndim <= 1]
    return [
        {"params": matrices, "share": 1.0, "weight_decay": decay},
        {"params": others, "share": 1.0, "weight_decay": 0.0},
    ]


def _shown(held_out: Rows, learning: Rows) -> Rows:
    """Six evenly spread rows, held-out ones if there are enough."""
    first = held_out[:: max(1, len(held_out) // _SHOWN)][:_SHOWN]
    return np.concatenate([first, learning[:: max(1, len(learning) // _SHOWN)][: _SHOWN - len(first)]])
