"""A training to be killed, which tells each of its steps in a file before the step may be in a checkpoint."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from engine.core.home import Home
from engine.core.progress import Progress, Reporter
from engine.runs import listing as runs
from engine.training import TrainingConfig, continue_run, train_run


def train_and_tell(root: str, name: str, pictures: Any, settings: dict[str, Any]) -> None:
    """Begin the run of that name, or go on with it; each step is a line of the file `<name>.told`."""
    home, told = Home(Path(root)), os.open(Path(root) / f"{name}.told", os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def tell(progress: Progress) -> None:
        if progress.stage == "Training":
            os.write(told, b"step\n")

    if (home.weights / name / "run.json").exists():
        continue_run(runs.run(home, name), pictures, Reporter(listen=tell), None)
    else:
        train_run(home, TrainingConfig(**settings, name=name), pictures, Reporter(listen=tell))
