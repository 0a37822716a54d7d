"""What the pages know of experiments: which there are, what has been measured, what the rows are called, and what a
person does with one. Folders are the truth, and are read again only when they have changed."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from engine.distances import METRICS
from engine.errors import BenzerError, Corrupt, NotFound
from engine.jobs import Job
from engine.recipe import Recipe
from engine.shelf import Shelf, stamp
from ui.components.experiment_table import Named
from ui.state import ask_for_image, choose_embedding, choose_method, collection_cards, images_of, workbench

if TYPE_CHECKING:
    from engine.evaluation.experiments import Experiment, Row
    from engine.evaluation.plan import Plan

_JOBS_LOOKED_AT = 60
_listed: Shelf[list[Experiment]] = Shelf(2)
_read: Shelf[tuple[Plan, int, float, list[Row]]] = Shelf(24)
_files: Shelf[bytes] = Shelf(4)


@dataclass(frozen=True)
class Seen:
    """One experiment as it stands now. `total`: its cells. `state`: that of `Experiment.state`."""

    experiment: Experiment
    plan: Plan
    total: int
    made: float
    rows: list[Row]
    job: Job | None
    state: str

    @property
    def name(self) -> str:
        return self.experiment.name

    @property
    def alive(self) -> bool:
        return self.state in ("starting", "running")

    @property
    def measured(self) -> list[Row]:
        """The rows that have figures."""
        return [row for row in self.rows if not row.error]

    @property
    def failed(self) -> int:
        return len(self.rows) - len(self.measured)


def listed() -> list[Experiment]:
    """Every readable experiment, newest first."""
    plans = sorted(workbench().home.experiments.glob("*/plan.json"))
    return _listed.get(tuple((path, stamp(path)) for path in plans), workbench().experiments)


def seen(experiment: Experiment, jobs: Sequence[Job] | None = None) -> Seen:
    """The experiment as it stands now; NotFound or Corrupt where its plan cannot be read."""
    plan, total, made, rows = _read.get(_stamp(experiment.folder), lambda: _whole(experiment))
    job = experiment.job(experiment_jobs() if jobs is None else jobs)
    state = experiment.state([job] if job else [], complete=len(rows) == total)
    return Seen(experiment, plan, total, made, rows, job, state)


def seen_by_name(name: str) -> Seen | None:
    """The experiment of that name, None where it is there no more or cannot be read."""
    try:
        return seen(workbench().experiment(name))
    except (NotFound, Corrupt, BenzerError):
        return None


def outdated(view: Seen) -> bool:
    """Whether figures are of other pictures or labels than the collection has now; False where it is there no more."""
    from engine.evaluation.experiments import pictures_digest

    if not any(card.name == view.plan.collection for card in collection_cards()):
        return False
    now = pictures_digest(images_of(view.plan.collection))
    return any(row.made_of and not row.made_of.startswith(now) for row in view.measured)


def experiment_jobs() -> list[Job]:
    """The last jobs that measured an experiment, newest first."""
    folders = sorted((path.parent for path in workbench().home.jobs.glob("*-experiment/config.json")), reverse=True)
    found = []
    for folder in folders[:_JOBS_LOOKED_AT]:
        with suppress(FileNotFoundError, Corrupt):
            job = Job(folder)
            if job.config:
                found.append(job)
    return found


def _stamp(folder: Path) -> tuple[object, ...]:
    """Changes whenever the plan or a cell does: a cell's file is put into its folder by renaming."""
    cells = folder / "cells"
    count = len(os.listdir(cells)) if cells.is_dir() else 0
    return (folder, count, stamp(folder / "plan.json", cells))


def _whole(experiment: Experiment) -> tuple[Plan, int, float, list[Row]]:
    plan = experiment.plan
    return plan, len(plan.cells()), experiment.made, experiment.rows()


# ── what the rows are called ─────────────────────────────────────────────────────────────────────────────────────────


def names_of(rows: Sequence[Row]) -> list[Named]:
    """What each row is called: its encoder or training, and those choices in which the rows differ."""
    titles, parts = encoder_titles(), [_parts(row) for row in rows]
    differ = [len({part[place] for part in parts}) > 1 for place in range(3)]
    subs = [" · ".join(text for text, shown in zip(part, differ, strict=True) if shown) for part in parts]
    return [Named(titles.get(row.title, row.title), sub) for row, sub in zip(rows, subs, strict=True)]


def _parts(row: Row) -> tuple[str, str, str]:
    return embedding_title(row.embedding), metric_title(row.metric), method_title(row.method)


def encoder_titles(collection: str = "") -> dict[str, str]:
    """The titles of all encoders by how they are written in a recipe; equal ones carry their name as well.

    With the name of a collection, those that can only be used with another one are left out.
    """
    ready = [choice for choice in workbench().choices(collection) if choice.ready]
    titles = {f"{c.name}@{c.weights}" if c.weights else c.name: c.title for c in ready}
    texts = list(titles.values())
    return {name: title if texts.count(title) == 1 else f"{title} ({name})" for name, title in titles.items()}


def embedding_title(name: str) -> str:
    """What people call an embedding; the name itself where there is none of that name."""
    from engine.encoders.embedding import EMBEDDINGS, embedding, unwhitened

    return embedding(name).title if unwhitened(name) in EMBEDDINGS else name


def metric_title(name: str) -> str:
    """What people call a metric."""
    return METRICS[name].title if name in METRICS else name


def method_title(text: str) -> str:
    """What people call a search method, with its settings as they were written."""
    name, bracket, settings = text.partition("(")
    method = workbench().methods().get(name)
    return (method.title if method else name) + (f" ({settings}" if bracket else "")


def collection_title(name: str) -> str:
    """What people call a collection; its name where it is there no more."""
    return next((card.title for card in collection_cards() if card.name == name), name)


def count_of(number: int, what: str) -> str:
    """ "1 recipe", "12 recipes"."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


# ── what a person does with one ──────────────────────────────────────────────────────────────────────────────────────


def open_experiment(name: str | None) -> None:
    """Show that experiment, or none; no row of it is open."""
    st.session_state.experiment = name or ""
    st.session_state.experiment_row = None


def measure(experiment: Experiment) -> None:
    """Measure what is missing, in a job of its own; one that is being measured already is left alone."""
    view = seen(experiment)
    if not view.alive:
        workbench().start("experiment", name=view.name, title=view.plan.title)


def use_recipe(text: str, query: int | None = None) -> None:
    """Put a row's recipe into the sidebar and go to the search, with that image of the collection if one is named."""
    recipe, state = Recipe.parse(text), st.session_state
    if query is not None or state.get("collection") != recipe.collection:
        ask_for_image(query)
    state.linked = True  # the query belongs to the collection that is chosen now
    state.collection, state.metric = recipe.collection, recipe.metric
    choose_embedding(recipe.embedding)
    state.encoder = f"{recipe.encoder}@{recipe.weights}" if recipe.weights else recipe.encoder
    choose_method(recipe.method_text)
    state.label = ""
    state.go_to = "search"


def exported(view: Seen, kind: str) -> bytes:
    """All results as CSV, HTML or JSON; made once for each state of the experiment."""
    make = {"csv": _csv, "html": lambda view: view.experiment.to_html().encode(), "json": _json}[kind]
    return _files.get((kind, _stamp(view.experiment.folder)), lambda: make(view))


def _csv(view: Seen) -> bytes:
    return view.experiment.to_csv().encode("utf-8-sig")


def _json(view: Seen) -> bytes:
    facts: dict[str, Any] = {"name": view.name, "made": view.made, "plan": view.plan.as_dict()}
    facts["rows"] = [row.as_dict() for row in view.rows]
    return json.dumps(facts, indent=1, ensure_ascii=False).encode()
