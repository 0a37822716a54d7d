"""Where the time of a training goes: the parts of a step, and what is stored beside the steps.

    python -m benchmarks.training_steps [--steps 4]

Model 2 at 224 pixels in batches of 32, and the small residual network that learns from views at 64 pixels in batches
of 128, both on drawn pictures and one thread. Times are processor time of the thread that trains, so that other work
on the computer does not count; the time of the thread that writes checkpoints stands beside it. Writes
benchmarks/results/training-steps.md.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from benchmarks import _machine
from benchmarks._page import markdown
from engine.core.device import device, keep_freed_memory
from engine.core.progress import Reporter
from engine.core.storage import write_json
from engine.runs.run import Run
from engine.training import TrainingConfig
from engine.training.augment import half_colour_view
from engine.training.checkpoint import Checkpoints
from engine.training.config import with_defaults
from engine.training.loop import Training
from engine.training.objectives import views
from engine.training.pictures import Data

RESULTS = Path(__file__).resolve().parent / "results" / "training-steps.md"
CASES: dict[str, dict[str, Any]] = {
    "Model 2, 224 px, batch 32": {"model": 2, "size": 224, "batch": 32, "contrast": 0.0},
    "small ResNet, 64 px, batch 128": {"objective": "contrastive", "batch": 128},
}
PARTS = (
    "pictures out of the store",
    "augmentation",
    "network and loss, forward",
    "gradient",
    "optimizer",
    "checkpoint, copied between two steps",
    "checkpoint, written beside the steps",
    "best weights, stored after an epoch",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4)
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    found = {name: measured(given, wanted.steps) for name, given in CASES.items()}
    rows = [["milliseconds", *found], *([part, *(f"{one[part]:,.1f}" for one in found.values())] for part in PARTS)]
    text = (
        "# Where the time of a training goes\n\n"
        f"{_machine.facts()}\n\n`python -m benchmarks.training_steps --steps {wanted.steps}`: processor time of one "
        f"thread, medians; the first five are one step, the others come once in a while.\n\n{markdown(rows)}\n"
    )
    print(text)
    RESULTS.write_text(text, encoding="utf-8")


class Clock:
    """Processor time of this thread, by part."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        began = time.thread_time()
        yield
        self.times[part].append(1000 * (time.thread_time() - began))

    def around(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*values: Any, **named: Any) -> Any:
            with self.timed(part):
                return call(*values, **named)

        return timed


def measured(given: dict[str, Any], steps: int) -> dict[str, float]:
    """Milliseconds of each part: medians over the steps, the first of which does not count."""
    config = TrainingConfig.from_dict(with_defaults({**given, "probe": 0, "validation": 0.0}))
    count = config.batch * 2
    pixels = np.random.default_rng(0).integers(0, 256, (count, config.size, config.size, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "run")
        run.folder.mkdir()
        training = Training.on_pictures(
            config, Data(pixels, np.arange(count), ("",) * count), run, Reporter(), device()
        )
        training.begin_epoch()
        clock = Clock()
        for _ in range(steps + 1):
            step(training, clock)
        stored(training, config, clock)
        training.close()
    return {part: statistics.median(times[1:] or times) for part, times in clock.times.items()} | {
        part: 0.0 for part in PARTS if part not in clock.times
    }


def step(training: Training, clock: Clock) -> None:
    """One step as the loop makes it, part by part."""
    rows, objective = training.learning[: training.config.batch], training.objective
    objective.network.train()
    training.optimizer.zero_grad(set_to_none=True)
    with clock.timed("pictures out of the store"):
        images = training.pictures.take(rows)
    before = sum(clock.times["augmentation"])
    began = time.thread_time()
    with views_timed(clock):
        loss = objective.loss(images, torch.Generator().manual_seed(0), rows)
    spent = 1000 * (time.thread_time() - began)
    clock.times["network and loss, forward"].append(spent - (sum(clock.times["augmentation"]) - before))
    with clock.timed("gradient"):
        loss.backward()
    with clock.timed("optimizer"):
        training.optimizer.step()


@contextmanager
def views_timed(clock: Clock) -> Iterator[None]:
    """The views of a step, timed together, where the objective draws any."""
    own = Clock()
    with patch.object(views, "half_colour_view", own.around("", half_colour_view)):
        yield
    clock.times["augmentation"].append(sum(own.times[""]))


def stored(training: Training, config: TrainingConfig, clock: Clock) -> None:
    """What is stored beside the steps, and after an epoch."""
    facts = {"format": 1, "state": "training", "config": config.as_dict(), "card": {}, "weights": None}
    write_json(training.run.folder / "run.json", facts)
    timed = clock.around("checkpoint, written beside the steps", Checkpoints._write)
    with patch.object(Checkpoints, "_write", timed):
        for number in range(3):
            with clock.timed("checkpoint, copied between two steps"):
                training.checkpoint()
            training.checkpoints.wait()
            with torch.no_grad():
                for weight in training.objective.weights().values():
                    weight.mul_(1 + 1e-4)
            with clock.timed("best weights, stored after an epoch"):
                training.run.keep(training.objective.weights(), best_epoch=number)


if __name__ == "__main__":
    main()
