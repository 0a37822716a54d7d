"""All trained runs of a home: created under a new name, found by it, and listed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from engine.core.errors import BadParameter, BenzerError, NameTaken, NotFound
from engine.core.home import Home, slug
from engine.core.settings import check_text
from engine.core.storage import full_disk_named, write_json
from engine.runs.run import FORMAT, Run


def create(home: Home, name: str, config: Mapping[str, Any], card: Mapping[str, Any], root: Path | None = None) -> Run:
    """Create a run without weights; NameTaken if the name exists, BadParameter if it is invalid.

    Args:
        root: the parent folder, if it is not the run of an encoder.
    """
    if name != slug(name):
        raise BadParameter("name", "a run", "lower-case letters, digits and dashes", name)
    place = root or home.weights
    run = Run(place / name)
    facts = {"format": FORMAT, "state": "training", "config": dict(config), "card": dict(card), "weights": None}
    facts["created"] = time.time()
    with full_disk_named(f"the run {name}"):
        place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / ".names.lock"):  # of two concurrent calls one wins
            check_free(home, name, root)
            write_json(run.folder / "run.json", facts)
    return run


def check_free(home: Home, name: str, root: Path | None = None) -> None:
    """NameTaken if a run, or the remains of one, have that name; `root` as for `create`."""
    if any(_holds_something(folder / name) for folder in ([root] if root else _roots(home))):
        raise NameTaken(f"A run called {name!r} already exists.", way_out="Choose another name.")


def _holds_something(folder: Path) -> bool:
    """Whether the folder holds a run or its remains, other than what a kill left before the run existed."""
    return any(folder.glob("[!.]*"))


def fresh_name(home: Home, base: str, root: Path | None = None) -> str:
    """An unused run name: the slug of `base`, a dash and the next free number."""
    number = 1
    while any((folder / f"{slug(base)}-{number}").exists() for folder in ([root] if root else _roots(home))):
        number += 1
    return f"{slug(base)}-{number}"


def run(home: Home, name: str) -> Run:
    """The run of that name, the user's own before a shipped one; NotFound if it does not exist."""
    check_text("name", "a run", name)
    for root in _roots(home):
        if name == Path(name).name and (root / name / "run.json").exists():
            return Run(root / name)
    raise NotFound(f"There is no run {name!r}.", way_out="The runs are listed by: python -m engine runs")


def runs(home: Home) -> list[Run]:
    """Every readable run: the user's own, newest first, then the shipped ones."""
    found: dict[str, Run] = {}
    for root in _roots(home):
        for path in root.glob("*/run.json"):
            found.setdefault(path.parent.name, Run(path.parent))
    dated = [(made, run) for run in found.values() if (made := _made(run)) is not None]
    return [run for _, run in sorted(dated, key=lambda pair: (pair[1].shipped, -pair[0], pair[1].name))]


def _made(run: Run) -> float | None:
    """When it was created, if recorded; None if it cannot be read as a run."""
    try:
        facts = run.facts
        return float(facts.get("created", 0.0)) if facts["format"] == FORMAT else None
    except (BenzerError, OSError, TypeError, ValueError):
        return None


def damaged_runs(home: Home) -> list[tuple[Run, str]]:
    """Runs and classifiers whose facts or weights cannot be read, each with the sentence that says why."""
    folders = [path for root in home.runs for path in sorted(root.glob("[!.]*/run.json"))]
    return [(Run(path.parent), sentence) for path in folders if (sentence := _damage(Run(path.parent)))]


def _damage(run: Run) -> str:
    try:
        if run.ready:
            run.weights_data()
    except BenzerError as error:
        return str(error)
    return ""


def _roots(home: Home) -> list[Path]:
    return list(dict.fromkeys([home.weights, home.shipped_weights]))
