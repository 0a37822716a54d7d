"""The bytes that a training stores, computed from the shapes of its network without allocating it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from engine.core.device import Device
from engine.training.config import TrainingConfig
from engine.training.pictures import Data
from engine.training.setup import objective_of
from engine.training.stepping import Stepping


def network_bytes(config: TrainingConfig, images: int) -> tuple[int, int]:
    """The bytes of the encoder's weights and of a checkpoint, for a training on that many pictures."""
    data = Data(np.empty((0, 1, 1, 3), np.uint8), np.arange(images), ("",) * images)
    with torch.device("meta"):
        objective = objective_of(config, data, Device("meta", torch.float32, ""), None)
    learned = sum(weight.numel() * weight.element_size() for weight in objective.network.parameters())
    whole = _bytes(objective.network.state_dict()) + _moments(config.stepping) * learned
    return _bytes(objective.weights()), whole


def _moments(stepping: Stepping) -> int:
    """How many values an optimizer keeps for each weight."""
    moving = int(stepping.momentum > 0)
    return {"sgd": moving, "rmsprop": 1 + moving}.get(stepping.optimizer, 2)


def _bytes(tensors: Mapping[str, Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
