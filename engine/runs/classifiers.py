"""Trained classifiers among the runs on disk."""

from __future__ import annotations

from engine.core.errors import BenzerError, NotFound
from engine.core.home import Home
from engine.core.settings import check_text
from engine.runs.run import Run


def classifiers(home: Home) -> list[Run]:
    """Every readable classifier, newest first."""
    found = [Run(path.parent) for path in home.classifiers.glob("[!.]*/run.json")]
    return sorted(filter(_readable, found), key=lambda run: (-_made(run), run.name))


def classifier(home: Home, name: str) -> Run:
    """The classifier of that name; NotFound if it does not exist, Corrupt if it is damaged."""
    check_text("name", "a classifier", name)
    run = Run(home.classifiers / name)
    if not name or name != run.name or not (run.folder / "run.json").is_file():
        raise NotFound(f"There is no classifier {name!r}.", way_out="See: python -m engine classify --list")
    run.facts  # noqa: B018 - fails here rather than later
    return run


def _readable(run: Run) -> bool:
    try:
        return {"classes", "spec", "picture", "text", "embedding"} <= set(run.card)
    except (BenzerError, OSError):
        return False


def _made(run: Run) -> float:
    made = run.facts.get("created", 0.0)
    return float(made) if isinstance(made, int | float) else 0.0
