"""How well each encoder was measured to see a collection: by the last quick comparison, else by the page Compare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.comparisons.quick import K
from engine.comparisons.recipes.experiment import Experiment, experiments
from engine.core.cache import Cache, file_stamp
from engine.core.errors import BenzerError
from engine.core.home import Home
from engine.jobs.job import Job

_kept: Cache[dict[str, Figure]] = Cache(8)


@dataclass(frozen=True)
class Figure:
    """The best figure of an encoder, between 0 and 1, and the `embedding` that reached it."""

    value: float
    judged_by: str
    embedding: str


def encoder_figures(home: Home, collection: str) -> dict[str, Figure]:
    """The figures of the encoders measured on a collection, by their name in a recipe.

    Those of one quick comparison can be compared with each other, so they come first; the best row of the comparisons
    of recipes fills the gaps if it is judged alike.
    """
    jobs = sorted(home.jobs.glob("*-quick/result.json"), reverse=True)
    cells = sorted(home.experiments.glob("*/cells"))
    key = (home.jobs, collection, file_stamp(*jobs, *cells))
    return _kept.get(key, lambda: _measured(home, collection, [Job(path.parent) for path in jobs]))


def _measured(home: Home, collection: str, jobs: list[Job]) -> dict[str, Figure]:
    quick = next((found for job in jobs if (found := _quick_figures(job, collection))), {})
    measures = {figure.judged_by for figure in quick.values()} or {f"precision@{K}"}
    thorough = (pair for experiment in experiments(home) for pair in _best_rows(experiment, collection))
    found = dict(quick)
    for encoder, figure in thorough:
        if encoder not in quick and figure.judged_by in measures:
            found[encoder] = max(found.get(encoder, figure), figure, key=lambda one: one.value)
    return found


def _quick_figures(job: Job, collection: str) -> dict[str, Figure]:
    """The best row of each encoder; rows are ordered best first."""
    found: dict[str, Figure] = {}
    try:
        value = (job.result or {}).get("value") or {}
        if value.get("collection") == collection:
            for row in value["rows"]:
                figure = Figure(float(row["figure"]), str(value["judged_by"]), str(row["embedding"]))
                found.setdefault(str(row["encoder"]), figure)
    except (BenzerError, KeyError, TypeError, ValueError):
        return {}
    return found


def _best_rows(experiment: Experiment, collection: str) -> Iterator[tuple[str, Figure]]:
    try:
        rows = experiment.rows() if experiment.plan.collection == collection else []
    except BenzerError:
        return
    for row in rows:
        if not row.error and row.queries and row.method == "exact":
            encoder = f"{row.encoder}@{row.weights}" if row.weights else row.encoder
            yield encoder, Figure(row.precision, f"precision@{row.k}", row.embedding)
