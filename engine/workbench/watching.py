"""Watched folders: their changes are imported and prepared automatically."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from threading import Event

from watchfiles import watch

from engine.collections.sources.folders import is_junk
from engine.core.errors import BenzerError
from engine.jobs.job import Job
from engine.workbench.workbench import Workbench

SETTLED = 1600  # milliseconds without a change before a change counts, as a camera copies many files in a row
LOOK_AGAIN = 5.0  # seconds until a collection that is watched from now on is noticed
_POLL = 0.5  # seconds between two looks at a job

_log = logging.getLogger("benzer")


def watched(bench: Workbench) -> dict[str, Path]:
    """The watched collections by name whose folders exist; several may be read from one folder."""
    found: dict[str, Path] = {}
    for card in bench.collections():
        try:
            collection = bench.collection(card.name)
        except BenzerError:  # removed or damaged since it was listed
            continue
        folder = Path(collection.source.get("folder", ""))
        if collection.watched and collection.source.get("folder") and folder.is_dir():
            found[card.name] = folder
    return found


def watch_folders(bench: Workbench, stop: Event, settled: int = SETTLED, look_again: float = LOOK_AGAIN) -> None:
    """Rescan and prepare watched collections whenever their files have changed, by jobs, until `stop` is set.

    All are rescanned whenever watching begins anew, for changes made before.
    """
    while not stop.is_set():
        folders = watched(bench)
        if not folders:
            stop.wait(look_again)
            continue
        try:
            _follow(bench, folders, stop, settled, look_again)
        except FileNotFoundError:  # one of the folders has gone since they were listed
            stop.wait(look_again)


def _follow(bench: Workbench, folders: dict[str, Path], stop: Event, settled: int, look_again: float) -> None:
    """Rescan these folders once they are watched, so that no change falls between, and again whenever one changes.

    Returns when other folders are to be watched, or once `stop` is set.
    """
    changed = list(folders)
    for changes in watch(
        *set(folders.values()), watch_filter=_matters, stop_event=stop, debounce=settled, step=min(200, settled),
        rust_timeout=int(1000 * look_again), yield_on_timeout=True, raise_interrupt=False,
    ):  # fmt: skip
        for name in changed or _touched((Path(path) for _, path in changes), folders):
            rescan_and_prepare(bench, name, stop)
        changed = []
        if watched(bench) != folders:
            return


def rescan_and_prepare(bench: Workbench, name: str, stop: Event) -> None:
    """Rescan a collection and embed its new pictures with the default recipe; errors are logged.

    Returns when both have ended, or once `stop` is set; jobs that run go on.
    """
    try:
        if _ended(bench.start("rescan", collection=name, watched=True), stop) != "done":
            return
        recipe = bench.default_recipe(name)
        if bench.readiness(recipe).action == "embed":
            _ended(bench.start("embed", recipe=recipe.as_dict()), stop)
    except (BenzerError, OSError):
        _log.warning("The watched folder of the collection %s could not be rescanned or prepared.", name, exc_info=True)


def _ended(job: Job, stop: Event) -> str:
    """Wait until a job has ended, however long it takes, or `stop` is set; its state."""
    while job.alive and not stop.wait(_POLL):
        pass
    return job.state


def _matters(change: object, path: str) -> bool:
    return not is_junk(Path(path).name)


def _touched(paths: Iterable[Path], folders: dict[str, Path]) -> list[str]:
    """The collections that changed files belong to, without duplicates."""
    changed = list(paths)
    return [name for name, folder in folders.items() if any(path.is_relative_to(folder) for path in changed)]
