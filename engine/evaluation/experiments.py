"""Experiments on disk: a plan, and one sealed file for every cell that has been measured.

    experiments/<name>/
        plan.json           title, when it was made, and the plan (sealed)
        cells/<key>.json    what was measured of one cell, or why it could not be (sealed)
        lock                held by the process that measures

A cell's file is the commit point of its cell: whatever is there is finished, and starting again goes on with the rest.
A damaged file counts as none, so that its cell is measured again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from filelock import FileLock, Timeout

from engine.errors import BadParameter, Corrupt, NotFound
from engine.evaluation.plan import Cell, Plan
from engine.home import Home, slug
from engine.jobs import Job
from engine.storage import digest_of, held, read_json, write_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT = 1
_MOST_OF_A_NAME = 40  # characters: names of runs are made from it by adding numbers, and have at most 60


@dataclass(frozen=True)
class Row:
    """One measured cell.

    Attributes:
        key, title, note: the cell's, and what must be said of its training. recipe: as text, with the real weights.
        encoder, weights, embedding, metric, method: its parts. made_of: changes when the images, labels or weights do.
        images: labelled images that were searched. queries: how many of them were asked with.
        precision: mean precision@k, always divided by k. interval: its 95 % bootstrap interval.
        chance: the precision of a blind guess. map: strict mean average precision over the first 1000 places.
        recall: mean recall@k against exact search, None for exact search itself. per_class: label to precision.
        milliseconds: median of one search. megabytes: vectors and index. examined: mean share of the vectors that were
            compared with a query, None where the method does not count them.
        single: the one image of the report's figure: "query", "hits" and the "answers"; None where there is none.
        worst: the eight worst queries: "query", "precision" and the ids of their "answers".
        losses: the training's least "train", "mse" and "ssim" (1 − SSIM), None where nothing is known.
        error: why it could not be measured, "" where it was; all figures are 0 then.
    """

    key: str
    title: str
    recipe: str
    encoder: str
    weights: str
    embedding: str
    metric: str
    method: str
    note: str = ""
    made_of: str = ""
    images: int = 0
    queries: int = 0
    k: int = 8
    precision: float = 0.0
    interval: tuple[float, float] = (0.0, 0.0)
    chance: float = 0.0
    map: float = 0.0
    recall: float | None = None
    per_class: Mapping[str, float] = field(default_factory=dict)
    milliseconds: float = 0.0
    megabytes: float = 0.0
    examined: float | None = None
    single: Mapping[str, Any] | None = None
    worst: tuple[Mapping[str, Any], ...] = ()
    losses: Mapping[str, float | None] | None = None
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Row:
        """The row of `as_dict`. BadParameter for other keys."""
        if not set(values) <= set(cls.__dataclass_fields__):
            raise BadParameter("keys", "a measured cell", "those of a row", sorted(values))
        low, high = values.get("interval", (0.0, 0.0))
        return cls(**{**values, "interval": (low, high), "worst": tuple(values.get("worst", ()))})


def unmeasured(cell: Cell, recipe_text: str, **known: Any) -> Row:
    """The row of a cell before its figures are known."""
    recipe = cell.recipe
    choices = (recipe.encoder, known.pop("weights", recipe.weights), recipe.embedding, recipe.metric)
    note = cell.training.note if cell.training else ""
    return Row(cell.key, cell.title, recipe_text, *choices, recipe.method_text, note=note, k=recipe.k, **known)


@dataclass(frozen=True)
class Experiment:
    """One experiment, read from its folder."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def facts(self) -> dict[str, Any]:
        """All of plan.json; NotFound when it is gone, Corrupt when it has been damaged."""
        try:
            facts: dict[str, Any] = read_json(self.folder / "plan.json")
        except FileNotFoundError:
            raise NotFound(f"There is no experiment {self.name!r}.") from None
        return facts

    @property
    def plan(self) -> Plan:
        return Plan.from_dict(self.facts["plan"])

    @property
    def title(self) -> str:
        return self.plan.title

    @property
    def made(self) -> float:
        """When it was planned, in seconds since 1970."""
        return float(self.facts["made"])

    def rows(self) -> list[Row]:
        """What has been measured, failed cells included, in the plan's order."""
        return [row for cell in self.plan.cells() if (row := self.row(cell)) is not None]

    def row(self, cell: Cell) -> Row | None:
        """What has been measured of one cell, None where nothing whole is there."""
        try:
            return Row.from_dict(read_json(self._path(cell)))
        except (FileNotFoundError, Corrupt, BadParameter, TypeError, ValueError):
            return None

    def keep(self, row: Row) -> None:
        """Make this the result of its cell, in one step. StorageFull: the disk refused; nothing else is lost."""
        self.folder.stat()  # an experiment that was removed meanwhile does not come back
        write_json(self.folder / "cells" / f"{row.key}.json", row.as_dict())

    def state(self, jobs: Iterable[Job], complete: bool | None = None) -> str:
        """planned, starting, running, stopped, failed, interrupted, or done: every cell has its row.

        Args:
            complete: whether every cell has its row, where that is known already; None looks.
        """
        job = self.job(jobs)
        if job is not None and job.alive:
            return job.state
        if self.alive:  # measured from the command line
            return "running"
        if len(self.rows()) == len(self.plan.cells()) if complete is None else complete:
            return "done"
        if job is None:
            return "planned"
        return "interrupted" if job.state == "done" else job.state

    def job(self, jobs: Iterable[Job]) -> Job | None:
        """The newest job that measures or measured it; `jobs` come newest first."""
        return next(
            (j for j in jobs if j.kind == "experiment" and j.config["arguments"].get("name") == self.name), None
        )

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Hold the experiment while it is measured; BadParameter when another process does so already."""
        lock = FileLock(self.folder / "lock", timeout=1)
        try:
            lock.acquire()
        except Timeout:
            wanted = "one that is not being measured right now"
            raise BadParameter("experiment", "a measurement", wanted, self.name) from None
        try:
            yield
        finally:
            lock.release()

    @property
    def alive(self) -> bool:
        """Whether a process measures it right now."""
        return held(self.folder / "lock")

    def rename(self, title: str) -> None:
        """Give the experiment another title; what was measured stays. BadParameter for a text that is no title."""
        plan = replace(self.plan, title=title.strip())
        write_json(self.folder / "plan.json", self.facts | {"plan": plan.as_dict()})

    def remove(self) -> None:
        """Delete the experiment. The runs it trained stay. BadParameter while it is being measured."""
        if self.alive:
            raise BadParameter("experiment", "deleting", "one that is not being measured right now", self.name)
        (self.folder / "plan.json").unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def to_csv(self) -> str:
        """All rows as CSV; texts that a spreadsheet would run are made harmless."""
        from engine.evaluation.report import to_csv

        return to_csv(self.plan, self.rows())

    def to_html(self) -> str:
        """All results as one page of HTML that asks for nothing from outside."""
        from engine.evaluation.report import to_html

        return to_html(self.plan, self.rows())

    def _path(self, cell: Cell) -> Path:
        return self.folder / "cells" / f"{cell.key}.json"


class Pictures(Protocol):
    """The images of a collection as columns."""

    @property
    def ids(self) -> NDArray[np.int64]: ...
    @property
    def hashes(self) -> list[str]: ...
    @property
    def labels(self) -> list[str]: ...


def pictures_digest(images: Pictures) -> str:
    """Changes whenever an image is added, removed or changed, or gets another label; `Row.made_of` begins with it."""
    return digest_of(*images.ids.tolist(), *images.hashes, *images.labels)


def create(home: Home, plan: Plan) -> Experiment:
    """Store a plan as a new experiment, named after its title; its trainings get the names of their runs."""
    name = _fresh_name(home, plan.title)
    facts = {"format": FORMAT, "made": time.time(), "plan": plan.named(name).as_dict()}
    write_json(home.experiments / name / "plan.json", facts)
    return Experiment(home.experiments / name)


def experiment(home: Home, name: str) -> Experiment:
    """The experiment of that name; NotFound when there is none, Corrupt when its plan has been damaged."""
    if name != Path(name).name or not (home.experiments / name / "plan.json").is_file():
        raise NotFound(f"There is no experiment {name!r}.", way_out="See: python -m engine compare --list")
    found = Experiment(home.experiments / name)
    found.plan  # noqa: B018 - to fail here and not later
    return found


def experiments(home: Home) -> list[Experiment]:
    """Every readable experiment, newest first."""
    found = [Experiment(path.parent) for path in home.experiments.glob("*/plan.json")]
    return sorted(filter(_readable, found), key=lambda e: (e.made, e.name), reverse=True)


def _readable(found: Experiment) -> bool:
    try:
        return bool(found.facts["format"] == FORMAT and found.plan)
    except (Corrupt, NotFound, BadParameter, KeyError):
        return False


def _fresh_name(home: Home, title: str) -> str:
    """The slug of the title, made new by a number; the folder is taken at once, so that two cannot get the same."""
    try:
        base = slug(title)[:_MOST_OF_A_NAME].strip("-")
    except BadParameter:
        base = "experiment"
    for number in range(1, 10_000):
        name = base if number == 1 else f"{base}-{number}"
        try:
            (home.experiments / name).mkdir(parents=True)
        except FileExistsError:
            continue
        return name
    raise BadParameter("title", "an experiment", "one that is not used so often", title)
