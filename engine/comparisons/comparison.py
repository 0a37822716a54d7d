"""Comparisons on disk: a plan, and one sealed file for every measured cell.

    <kind>s/<name>/
        plan.json           format, creation time, and the plan (sealed)
        cells/<key>.json    the results of one cell, or why it could not be measured (sealed)
        lock                held by the measuring process

A cell's file is its commit point: every file present is complete, and restarting continues with the rest. A damaged
file counts as missing, so its cell is measured again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from filelock import FileLock, Timeout

from engine.core.errors import BadParameter, BenzerError, Corrupt, NotFound
from engine.core.home import slug
from engine.core.locks import held
from engine.core.settings import check_text
from engine.core.storage import delete_folder, read_json, read_object, shape_checked, write_json
from engine.jobs.job import Job

_FIELDS: dict[str, Any] = {"format": int, "made": (int, float), "plan": dict}
_MOST_OF_A_NAME = 40  # characters: run names, at most 60, are derived from it by adding numbers


class AnyCell(Protocol):
    """A row of the results, under a key that is stable as long as the same is measured."""

    @property
    def key(self) -> str: ...


class AnyPlan(Protocol):
    """What is to be measured."""

    @property
    def title(self) -> str: ...
    def cells(self) -> Sequence[Any]: ...
    def as_dict(self) -> dict[str, Any]: ...
    @classmethod
    def from_dict(cls, values: Any) -> Any: ...


class AnyRow(AnyCell, Protocol):
    """The results of one cell: `error` says why it could not be measured, `made_of` identifies the inputs."""

    @property
    def error(self) -> str: ...
    @property
    def made_of(self) -> str: ...
    def as_dict(self) -> dict[str, Any]: ...
    @classmethod
    def from_dict(cls, values: Any) -> Any: ...


PlanT = TypeVar("PlanT", bound=AnyPlan)
CellT = TypeVar("CellT", bound=AnyCell)
RowT = TypeVar("RowT", bound=AnyRow)


@dataclass(frozen=True)
class Comparison(Generic[PlanT, CellT, RowT]):
    """A plan with its results, read from its folder. Each kind defines its plans and rows."""

    folder: Path

    kind: ClassVar[str]  # the kind of job that measures it
    noun: ClassVar[str]  # what it is called in sentences
    command: ClassVar[str]  # lists all of them
    format: ClassVar[int]
    plans: ClassVar[type[Any]]
    lines: ClassVar[type[Any]]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def facts(self) -> dict[str, Any]:
        """All of plan.json; NotFound if it is gone, Corrupt if it is damaged."""
        try:
            return read_object(self.folder / "plan.json", **_FIELDS)
        except FileNotFoundError:
            raise NotFound(f"There is no {self.noun} {self.name!r}.") from None

    @property
    def plan(self) -> PlanT:
        """The plan; NotFound if it is gone, Corrupt if it is damaged."""
        facts = self.facts
        with shape_checked(self.folder / "plan.json"):
            plan: PlanT = self.plans.from_dict(facts["plan"])
        return plan

    @property
    def title(self) -> str:
        return self.plan.title

    @property
    def made(self) -> float:
        """When it was planned, in seconds since 1970."""
        return float(self.facts["made"])

    def rows(self) -> list[RowT]:
        """The measured rows, including failed cells, in the plan's order."""
        return [row for cell in self.plan.cells() if (row := self.row(cell)) is not None]

    def row(self, cell: CellT) -> RowT | None:
        """The row of a cell, None if missing or damaged."""
        try:
            path = self._path(cell)
            with shape_checked(path):
                row: RowT = self.lines.from_dict(read_json(path))
        except (FileNotFoundError, BenzerError):
            return None
        return row

    def keep(self, row: RowT) -> None:
        """Store the row of its cell atomically. StorageFull: the disk is full; nothing else is lost."""
        self.folder.stat()  # a comparison removed meanwhile does not come back
        write_json(self._path(row), row.as_dict())

    def forget(self, cell: CellT) -> None:
        """Drop the row of a cell, if any."""
        self._path(cell).unlink(missing_ok=True)

    def state(self, jobs: Iterable[Job], complete: bool | None = None) -> str:
        """planned, starting, running, stopped, failed, interrupted, or done: every cell has its row.

        Args:
            complete: whether every cell has its row, if already known; None checks.
        """
        job = self.job(jobs)
        if job is not None and job.alive:
            return job.state
        if self.alive:  # measured from the command line
            return "running"
        if self._complete() if complete is None else complete:
            return "done"
        if job is None:
            return "planned"
        return "interrupted" if job.state == "done" else job.state

    def job(self, jobs: Iterable[Job]) -> Job | None:
        """The newest job that measures or measured it; `jobs` come newest first."""
        return next((j for j in jobs if j.kind == self.kind and j.config["arguments"].get("name") == self.name), None)

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Lock it while it is measured; BadParameter if another process has locked it."""
        lock = FileLock(self.folder / "lock", timeout=1)
        try:
            lock.acquire()
        except Timeout:
            wanted = "one that is not being measured right now"
            raise BadParameter(self.noun, "a measurement", wanted, self.name) from None
        try:
            yield
        finally:
            lock.release()

    @property
    def alive(self) -> bool:
        """Whether a process is measuring it right now."""
        return held(self.folder / "lock")

    def rename(self, title: str) -> None:
        """Change its title and keep the results; BadParameter for an invalid title."""
        plan: Any = self.plan
        self.change(replace(plan, title=title.strip()))

    def change(self, plan: PlanT, **facts: Any) -> None:
        """Replace the plan, and store facts alongside."""
        write_json(self.folder / "plan.json", self.facts | facts | {"plan": plan.as_dict()})

    def remove(self) -> None:
        """Delete it with its results. BadParameter while it is being measured."""
        if self.alive:
            raise BadParameter(self.noun, "deleting", "one that is not being measured right now", self.name)
        delete_folder(self.folder, "plan.json")

    @classmethod
    def store(cls, root: Path, name: str, plan: PlanT) -> Self:
        """Store a plan in the folder that `fresh_name` took."""
        facts = {"format": cls.format, "made": time.time(), "plan": plan.as_dict()}
        write_json(root / name / "plan.json", facts)
        return cls(root / name)

    @classmethod
    def find(cls, root: Path, name: str) -> Self:
        """The one of that name; NotFound if there is none, Corrupt if its plan is damaged."""
        comparison = cls.unread(root, name)
        comparison.plan  # noqa: B018 - fail here, not later
        return comparison

    @classmethod
    def unread(cls, root: Path, name: str) -> Self:
        """The one of that name even if it is damaged, so that it can be deleted; NotFound if there is none."""
        check_text("name", f"the {cls.noun}", name)
        if name != Path(name).name or not (root / name / "plan.json").exists():
            raise NotFound(f"There is no {cls.noun} {name!r}.", way_out=f"See: {cls.command}")
        return cls(root / name)

    def damage(self) -> list[tuple[Path, str]]:
        """Each file of it that cannot be read, and the sentence that says why; damaged results are measured again."""
        found = []
        for path in [self.folder / "plan.json", *sorted((self.folder / "cells").glob("*.json"))]:
            try:
                read_object(path, **(_FIELDS if path.name == "plan.json" else {}))
            except (FileNotFoundError, Corrupt) as error:
                found.append((path, str(error)))
        return found

    @classmethod
    def every(cls, root: Path) -> list[Self]:
        """Every readable comparison, newest first."""
        readable = filter(cls._readable, (cls(path.parent) for path in root.glob("*/plan.json")))
        return sorted(readable, key=lambda one: (one.made, one.name), reverse=True)

    @classmethod
    def fresh_name(cls, root: Path, title: str) -> str:
        """The slug of the title, made unique by a number; the folder is created at once to reserve it."""
        try:
            base = slug(title)[:_MOST_OF_A_NAME].strip("-")
        except BadParameter:
            base = cls.kind
        for number in range(1, 10_000):
            name = base if number == 1 else f"{base}-{number}"
            try:
                (root / name).mkdir(parents=True)
            except FileExistsError:
                continue
            return name
        raise BadParameter("title", f"the {cls.noun}", "one that is not used so often", title)

    def _complete(self) -> bool:
        return len(self.rows()) == len(self.plan.cells())

    def _readable(self) -> bool:
        try:
            return bool(self.facts["format"] == self.format and self.plan)
        except (BenzerError, OSError):
            return False

    def _path(self, cell: AnyCell) -> Path:
        return self.folder / "cells" / f"{cell.key}.json"
