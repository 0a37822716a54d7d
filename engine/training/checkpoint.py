"""What a training needs to resume exactly where it was: last weights, the optimizer's moments, and the position.

A checkpoint is a generation of a store, so after a kill at any moment the last complete one survives. The position
counts epochs and batches; as every random number is a function of those, a resumed training on the CPU is bit-identical
to one that was never interrupted (with the same number of threads). It is copied between two steps and written beside
the next ones. Of a finished training only the position stays, unless its state is to be kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.core.errors import StorageFull
from engine.core.storage import read_json, write_json
from engine.runs.state import MOMENTS, POSITION, WEIGHTS, kept_state
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
    """The checkpoints of a run; `due` says whether it is time for the next one.

    Attributes:
        whole: whether what `restore` found held weights and moments, and not the position alone.
    """

    def __init__(self, folder: Path) -> None:
        self.store, self.whole = kept_state(folder), True
        self.every = float(os.environ.get("BENZER_CHECKPOINT_SECONDS", _SECONDS))
        self._last, self._cost = time.monotonic(), 0.0
        self._writer = ThreadPoolExecutor(1, "checkpoint")
        self._writing: Future[None] | None = None

    @property
    def due(self) -> bool:
        """Whether the next checkpoint is worth its time now."""
        return time.monotonic() - self._last >= max(self.every, _SHARE * self._cost if self.every else 0.0)

    def save(
        self, network: torch.nn.Module, optimizer: torch.optim.Optimizer, schedule: Schedule, at: Position
    ) -> None:
        """Copy the whole state and begin to write it, after the former one is written.

        Raises:
            StorageFull: the former one could not be written; the one before it is intact.
        """
        self.wait()
        self._last = time.monotonic()
        tensors = {WEIGHTS: _copied(network.state_dict()), MOMENTS: _copied(_moments(network, optimizer))}
        self._writing = self._writer.submit(self._write, tensors, _facts(schedule, at), self._last)

    def _write(self, tensors: dict[str, dict[str, Tensor]], facts: dict[str, Any], began: float) -> None:
        def fill(folder: Path) -> None:
            from safetensors.torch import save  # its save_file would hide why a write failed

            for name, parts in tensors.items():
                (folder / name).write_bytes(save(parts))
            write_json(folder / POSITION, facts)

        self._publish(fill, facts)
        self._cost = time.monotonic() - began

    def wait(self) -> None:
        """Wait until the last checkpoint is written; StorageFull leaves the one before it intact."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def finish(self, schedule: Schedule, at: Position) -> None:
        """Keep only the position, in place of everything that continuing would need; raises as `save` does."""
        self.wait()
        facts = _facts(schedule, at)
        self._publish(lambda folder: write_json(folder / POSITION, facts), facts)

    def _publish(self, fill: Callable[[Path], None], facts: dict[str, Any]) -> None:
        """Publish a generation and delete the former one, which nobody reads while the run trains."""
        self.store.publish(fill, {name: facts["position"][name] for name in ("epoch", "step")})
        with suppress(StorageFull):
            self.store.forget_former()

    def close(self) -> None:
        """Let what is being written end, whether or not it succeeds."""
        self._writer.shutdown(wait=True)

    def restore(
        self, network: torch.nn.Module, optimizer: torch.optim.Optimizer, schedule: Schedule
    ) -> Position | None:
        """Restore the last checkpoint, as far as it is `whole`, and return its position; None if there is none.

        Raises:
            Corrupt: one of its files is damaged; the message names it.
        """
        from safetensors.torch import load_file

        snapshot = self.store.open()
        if snapshot is None:
            return None
        self.whole = (snapshot.folder / WEIGHTS).exists()
        if self.whole:
            network.load_state_dict(load_file(snapshot.folder / WEIGHTS))
            _restore_moments(network, optimizer, load_file(snapshot.folder / MOMENTS))
        facts: dict[str, Any] = read_json(snapshot.folder / POSITION)
        schedule.restore(facts["schedule"])
        return Position(**facts["position"])


def _facts(schedule: Schedule, at: Position) -> dict[str, Any]:
    return {"position": asdict(at), "schedule": schedule.state}


def _copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copies in the processor's memory, which the next steps do not change."""
    return {
        name: torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor.detach()) for name, tensor in tensors.items()
    }


def _moments(network: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's state by the names of the weights, such as `<weight>/exp_avg`, `<weight>/step` of Adam."""
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
