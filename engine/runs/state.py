"""The training state of finished runs, which only continuing them needs: its size, and how to free it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from engine.core.errors import BadParameter, BenzerError, NotFound
from engine.core.home import Home
from engine.core.store import Store
from engine.runs.run import Run

WEIGHTS, MOMENTS, POSITION = "last.safetensors", "adam.safetensors", "position.json"


def kept_state(folder: Path) -> Store:
    """The store of a run's checkpoints; of a freed or finished one they hold only the position."""
    return Store(folder / "checkpoint", format="checkpoint", version=1)


def state_bytes(run: Run) -> int:
    """The bytes of the weights and moments in a run's checkpoints, 0 where only the position is left."""
    sizes = 0
    for folder, _, files in os.walk(run.folder / "checkpoint"):
        for name in {WEIGHTS, MOMENTS} & set(files):
            with suppress(FileNotFoundError):
                sizes += (Path(folder) / name).stat().st_size
    return sizes


def can_free(run: Run) -> bool:
    """Whether a run can do without its state: it is finished or diverged, and has any."""
    return not run.alive and _is_spare(run)


def _is_spare(run: Run) -> bool:
    facts = run.facts
    over = facts["state"] == "done" or bool(facts.get("diverged"))
    return over and not run.shipped and state_bytes(run) > 0


def free(run: Run) -> int:
    """Delete the training state of a finished run and return the bytes freed; weights and curves are kept.

    Raises:
        BadParameter: the run is not finished, and would begin anew. StorageFull: the position could not be written.
    """
    if not can_free(run):
        raise _not_spare(run)
    store = kept_state(run.folder)
    with run.locked():
        if not _is_spare(run):  # prolonged or freed by another process just before
            raise _not_spare(run)
        before, snapshot = state_bytes(run), store.open(only=(POSITION,))
        if snapshot is None:  # of another version: nothing can continue from it
            store.discard()
        else:
            former = snapshot.folder / POSITION
            store.publish(lambda folder: _copy(former, folder), snapshot.facts)
            store.forget_former()
        return before - state_bytes(run)


def free_all(runs: Iterable[Run]) -> int:
    """Free the runs that still can be, and return the bytes that were freed; StorageFull as for `free`."""
    freed = 0
    for run in runs:
        with suppress(BadParameter, NotFound):  # continued, freed or deleted since they were listed
            freed += free(run)
    return freed


def _not_spare(run: Run) -> BadParameter:
    return BadParameter("run", "freeing", "a finished one that holds what continuing needs", run.title)


def _copy(file: Path, folder: Path) -> None:
    shutil.copyfile(file, folder / file.name)


def spare(runs: Iterable[Run]) -> Iterator[tuple[Run, int]]:
    """The finished runs with a training state that nobody asked to keep, and its bytes."""
    for run in runs:
        with suppress(BenzerError, OSError):
            if not run.config.get("keep_state") and can_free(run):
                yield run, state_bytes(run)


def all_runs(home: Home) -> list[Run]:
    """The runs of encoders and classifiers that are the user's own, readable or not."""
    folders = (home.weights, home.classifiers)
    return [Run(path.parent) for root in folders for path in sorted(root.glob("[!.]*/run.json"))]
