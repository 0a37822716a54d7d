"""What a training needs to resume exactly where it was: last weights, Adam's moments, and the position.

A checkpoint is a generation of a store, so after a kill at any moment the last complete one survives. The position
counts epochs and batches; as every random number is a function of those, a resumed training on the CPU is bit-identical
to one that was never interrupted (with the same number of threads).
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.core.storage import read_json, write_json
from engine.core.store import Store
from engine.training.schedules import Schedule

_SECONDS = 60.0  # least time between checkpoints, which also take at most a twentieth of the time
_SHARE = 20


@dataclass
class Position:
    """The position of a training.

    Attributes:
        epoch, step: finished epochs, and finished batches of the current one.
        total, seen: sum of the losses in that epoch so far, and over how many pictures. seconds: spent in it.
        best, bad: the best value so far of the criterion for keeping weights (None: none yet), and epochs since.
        parts: how many parts each batch is split into to fit into memory.
    """

    epoch: int = 0
    step: int = 0
    total: float = 0.0
    seen: int = 0
    seconds: float = 0.0
    best: float | None = None
    bad: int = 0
    parts: int = 1


class Checkpoints:
    """The checkpoints of a run: `due` says when the next is worth its time."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "checkpoint", format="checkpoint", version=1)
        self.every = float(os.environ.get("BENZER_CHECKPOINT_SECONDS", _SECONDS))
        self._last, self._cost = time.monotonic(), 0.0

    @property
    def due(self) -> bool:
        """Whether the next checkpoint is worth its time now."""
        return time.monotonic() - self._last >= max(self.every, _SHARE * self._cost if self.every else 0.0)

    def save(
        self, network: torch.nn.Module, optimizer: torch.optim.Optimizer, schedule: Schedule, at: Position
    ) -> None:
        """Store the whole state; StorageFull leaves the previous checkpoint intact."""
        began = time.monotonic()
        facts = {"position": asdict(at), "schedule": schedule.state}

        def fill(folder: Path) -> None:
            from safetensors.torch import save  # its save_file would hide why a write failed

            (folder / "last.safetensors").write_bytes(save(_plain(network.state_dict())))
            (folder / "adam.safetensors").write_bytes(save(_plain(_moments(network, optimizer))))
            write_json(folder / "position.json", facts)

        self.store.publish(fill, {"epoch": at.epoch, "step": at.step})
        self._last = time.monotonic()
        self._cost = self._last - began

    def restore(
        self, network: torch.nn.Module, optimizer: torch.optim.Optimizer, schedule: Schedule
    ) -> Position | None:
        """Restore the last checkpoint and return its position; None if there is none.

        Raises:
            Corrupt: one of its files is damaged; the message names it.
        """
        from safetensors.torch import load_file

        snapshot = self.store.open()
        if snapshot is None:
            return None
        network.load_state_dict(load_file(snapshot.folder / "last.safetensors"))
        _restore_moments(network, optimizer, load_file(snapshot.folder / "adam.safetensors"))
        facts: dict[str, Any] = read_json(snapshot.folder / "position.json")
        schedule.restore(facts["schedule"])
        return Position(**facts["position"])


def _plain(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _moments(network: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state by the names of the weights, such as `<weight>/exp_avg`, `<weight>/step` of Adam."""
    return {
        f"{name}/{kind}": value
        for name, weight in network.named_parameters()
        for kind, value in optimizer.state.get(weight, {}).items()
        if value is not None
    }


def _restore_moments(network: torch.nn.Module, optimizer: torch.optim.Optimizer, stored: dict[str, Tensor]) -> None:
    for name, weight in network.named_parameters():
        kinds = {key.rpartition("/")[2]: value for key, value in stored.items() if key.rpartition("/")[0] == name}
        # Moments need the memory layout of the weights (channels_last), or the fused optimizer would mix them up.
        optimizer.state[weight] = {
            kind: torch.empty_like(weight).copy_(value) if value.ndim else value for kind, value in kinds.items()
        }
        if "step" in kinds:
            optimizer.state[weight]["step"] = kinds["step"].to(weight.device)
