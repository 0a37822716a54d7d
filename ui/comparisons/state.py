"""Page state shared by all kinds of comparisons: which exist, their progress, and the actions on them.
Folders are the source of truth, and are reread only when they change."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from engine.comparisons.exports import Export
from engine.core.cache import Cache, file_stamp
from engine.core.errors import BenzerError, Corrupt, NotFound
from engine.jobs.job import Job
from ui.session.history import is_followed, note_address, went_through_history
from ui.session.opened import recent_jobs, workbench
from ui.shared.plain_text import plain_text

_JOBS_LOOKED_AT = 60
_TWICE = 2.0  # seconds in which a repeated start is ignored: a double click
_listed: Cache[list[Any]] = Cache(4)
_read: Cache[tuple[Any, str, int, float, list[Any]]] = Cache(48)
_files: Cache[bytes] = Cache(6)


@dataclass(frozen=True)
class Kind:
    """What distinguishes a kind of comparison on the pages.

    Attributes:
        key: of its jobs, its widgets, the address and the session, "experiment". noun, nouns: its display names. cell:
            the display name of a cell.
        root: its folder. about: the collection of a plan, "" for a file of vectors. every, one: all comparisons, newest
            first, and the one of a given name.
        parts: further facts for the line below a title. kept: what remains when one is deleted.
        outdated: why figures should be measured again, else "". exports: the formats in which its results are saved.
    """

    key: str
    noun: str
    nouns: str
    cell: str
    root: Callable[[], Path]
    about: Callable[[Any], str]
    every: Callable[[], list[Any]]
    one: Callable[[str], Any]
    parts: Callable[[Seen], tuple[list[str], list[str]]]
    kept: str
    outdated: Callable[[Seen], str]
    exports: Sequence[Export]


@dataclass(frozen=True)
class Seen:
    """The current snapshot of a comparison. `total`: its cells. `state`: that of the comparison."""

    kind: Kind
    comparison: Any
    plan: Any
    title: str
    total: int
    made: float
    rows: list[Any]
    job: Job | None
    state: str

    @property
    def name(self) -> str:
        return str(self.comparison.name)

    @property
    def alive(self) -> bool:
        """Whether it is being measured."""
        return self.state in ("starting", "running")

    @property
    def measured(self) -> list[Any]:
        """The rows with figures."""
        return [row for row in self.rows if not row.error]

    @property
    def failed(self) -> int:
        """The number of cells that could not be measured."""
        return len(self.rows) - len(self.measured)


def listed(kind: Kind) -> list[Any]:
    """Every readable comparison, newest first."""
    plans = sorted(kind.root().glob("*/plan.json"))
    return _listed.get((kind.key, tuple((path, file_stamp(path)) for path in plans)), kind.every)


def seen(kind: Kind, comparison: Any, jobs: Sequence[Job] | None = None) -> Seen:
    """The current snapshot; NotFound or Corrupt if its plan cannot be read."""
    plan, title, total, made, rows = _read.get(files_stamp(comparison.folder), lambda: _whole(comparison))
    job = comparison.job(jobs_of(kind) if jobs is None else jobs)
    state = comparison.state([job] if job else [], complete=0 < total == len(rows))
    return Seen(kind, comparison, plan, title, total, made, rows, job, state)


def seen_by_name(kind: Kind, name: str) -> Seen | None:
    """The snapshot of that name, None if it no longer exists or cannot be read."""
    try:
        return seen(kind, kind.one(name))
    except (NotFound, Corrupt, BenzerError):
        return None


def jobs_of(kind: Kind) -> list[Job]:
    """The latest jobs that measured a comparison of this kind, newest first."""
    return recent_jobs(kind.key, _JOBS_LOOKED_AT)


def files_stamp(folder: Path) -> tuple[object, ...]:
    """Changes whenever the plan or a cell does: cell files are moved into their folder."""
    cells = folder / "cells"
    count = len(os.listdir(cells)) if cells.is_dir() else 0
    return (folder, count, file_stamp(folder / "plan.json", cells))


def _whole(comparison: Any) -> tuple[Any, str, int, float, list[Any]]:
    plan = comparison.plan
    return plan, comparison.title, len(plan.cells()), comparison.made, comparison.rows()


# ── which one is open ────────────────────────────────────────────────────────────────────────────────────────────────


def opened(kind: Kind) -> Seen | None:
    """The one in the address, or the chosen one; on a first visit the newest here. A missing name is reported."""
    linked = newly_linked(kind.key)
    if linked or (went_through_history() and kind.key not in st.query_params):
        remember_link(kind.key, linked)
        open_one(kind, linked)
    if kind.key not in st.session_state:
        open_one(kind, _newest_here(kind))
    name = st.session_state[kind.key]
    if not name:
        return None
    view = seen_by_name(kind, name)
    if view is None:
        st.warning(f"The {kind.noun} “{plain_text(name)}” does not exist any more.", icon=":material/info:")
        open_one(kind, None)
    return view


def _newest_here(kind: Kind) -> str | None:
    """The newest about the collection in the sidebar, else the newest of all."""
    recipe, found = st.session_state.recipe, listed(kind)
    here = [one for one in found if recipe is not None and kind.about(one.plan) == recipe.collection]
    return next((str(one.name) for one in (*here, *found)), None)


def write_opened(kind: Kind, view: Seen | None) -> None:
    """Put the open one into the address, so that the page can be shared."""
    write_link(kind.key, view.name if view else "")


def warn_of_link(kind: Kind) -> None:
    """Where there is nothing to open: say so of the one in the address, if any, and take it out of there."""
    if kind.key in st.query_params:
        write_opened(kind, opened(kind))


def newly_linked(key: str) -> str:
    """The address's value under a key, "" unless a person has just opened it."""
    linked: str = st.query_params.get(key, "")
    return linked if linked and is_followed(key, {key: linked}) else ""


def write_link(key: str, name: str) -> None:
    """Set or clear a key of the address."""
    remember_link(key, name)
    if st.query_params.get(key, "") != name:
        st.query_params.from_dict({key: name} if name else {})


def remember_link(key: str, name: str) -> None:
    """Note what this session has under a key of the address, so that it is not taken for a link (`newly_linked`)."""
    note_address(key, {key: name})


def open_one(kind: Kind, name: str | None) -> None:
    """Open the comparison of that name, or none, with all rows closed."""
    st.session_state[kind.key] = name or ""
    st.session_state[f"{kind.key}_row"] = None


# ── actions ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def measure(kind: Kind, comparison: Any) -> None:
    """Measure the missing cells in a job, unless one is already running."""
    view = seen(kind, comparison)
    if not view.alive:
        workbench().start(kind.key, name=view.name, title=view.title)


def begin(kind: Kind, plan: Any, store: Callable[[Any], Any], field: str) -> None:
    """Store a plan, start measuring it, and open it; only once on a double click.

    Args:
        plan: None if there is none. store: creates the comparison. field: the title field, which is cleared.
    """
    key = f"{kind.key}_asked"
    asked, at = st.session_state.get(key, (None, 0.0))
    if plan is None or (plan == asked and time.monotonic() - at < _TWICE):
        return
    st.session_state[key] = (plan, time.monotonic())
    made = store(plan)
    measure(kind, made)
    open_one(kind, made.name)
    st.session_state.pop(field, None)
    st.rerun()


def exported(view: Seen, ending: str) -> bytes:
    """All results in the format of this ending, "csv"; cached until they change."""
    export = next(export for export in view.kind.exports if export.ending == ending)
    return _files.get((ending, files_stamp(view.comparison.folder)), lambda: export.data(view.comparison))
