"""The trainings as the pages show them: the running one, waiting ones, runs, and their epochs.

A run's folder is the truth, so a reload, a second tab and a restarted server all read the same. Files are read again
only when they have changed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.core.cache import Cache, file_stamp
from engine.core.errors import BenzerError, Corrupt, NotFound
from engine.core.recipe import Recipe
from engine.encoders.networks.table import BACKBONES
from engine.jobs.job import WAITING, Job
from engine.runs.epochs import Probed, Watched, kept_event
from engine.runs.run import Run
from engine.runs.state import all_runs
from engine.training.view_losses import view_losses
from models.specs import RESIDUAL
from ui.session.opened import recent_jobs, workbench
from ui.session.recipe import choose_encoder, chosen_embedding

NEWS_SECONDS = 900.0

_events: Cache[list[dict[str, Any]]] = Cache(64)
_probes: Cache[Probed | None] = Cache(64)
_watched: Cache[Watched | None] = Cache(128)
_spare: Cache[list[tuple[Run, int]]] = Cache(1)


@dataclass(frozen=True)
class Trainings:
    """The jobs that train: the one that runs, those that wait (the next one first), and the one that ended last.

    `run` is what is being trained right now: of the running job, or started from the command line; None where its
    folder is not there yet.
    """

    running: Job | None
    waiting: list[Job]
    ended: Job | None
    run: Run | None

    @property
    def busy(self) -> bool:
        return bool(self.running or self.waiting or self.run)

    @property
    def subject(self) -> str:
        """An identifier of what is shown as running, which changes when another training starts."""
        return self.running.id if self.running else self.run.name if self.run else ""


def trainings() -> Trainings:
    """The state of all trainings, read from the folders of their jobs."""
    jobs = recent_jobs("train")
    alive = [job for job in jobs if job.alive]
    waiting = [job for job in alive if job.waiting]
    running = next((job for job in alive if job not in waiting), None)
    run = run_of(running) if running else next((run for run in workbench().runs() if run.alive), None)
    return Trainings(running, waiting[::-1], next((job for job in jobs if job not in alive and _began(job)), None), run)


def _began(job: Job) -> bool:
    """Whether an ended job ever started: one that was cancelled while waiting is not announced."""
    return job.state != "stopped" or job.progress.stage != WAITING


def is_news(job: Job) -> bool:
    """Whether a job ended recently enough to be announced; interrupted ones always are."""
    try:
        return time.time() - (job.folder / "result.json").stat().st_mtime < NEWS_SECONDS
    except FileNotFoundError:
        return True


def run_of(job: Job) -> Run | None:
    """The run that a job trains, None while it has not made its folder yet."""
    value = (job.result or {}).get("value")
    name = job.config["arguments"].get("run") or (value.get("run") if isinstance(value, dict) else None)
    if name:
        return run_named(str(name))
    return next((run for run in workbench().runs() if run.job == job.id), None)


def run_named(name: str) -> Run | None:
    """The run of that name, None where it is there no more or cannot be read."""
    try:
        return workbench().training_run(name)
    except (NotFound, Corrupt):
        return None


def runs_listed(collection: str) -> list[Run]:
    """Every run: first those of this collection, then others, newest first; shipped ones last."""
    return sorted(workbench().runs(), key=lambda run: (run.shipped, collection_of(run) != collection))


def spare_states() -> list[tuple[Run, int]]:
    """The unneeded training states of finished runs and classifiers, updated when one of them changes."""
    folders = [run.folder for run in all_runs(workbench().home)]
    stamps = [file_stamp(folder / "run.json", folder / "checkpoint" / "current.json") for folder in folders]
    return _spare.get((tuple(folders), tuple(stamps)), workbench().spare_states)


def collection_of(run: Run) -> str:
    """The name of the collection that a run learns from, "" if its card does not say."""
    return str((run.card.get("collection") or {}).get("name", ""))


def events_of(run: Run) -> list[dict[str, Any]]:
    """What was noted of each epoch of a run, oldest first."""
    return _events.get((run.folder, file_stamp(run.folder / "events.jsonl")), run.events)


def probe_of(run: Run) -> Probed | None:
    """The pictures that a run's retrieval is measured with, None where there are none."""
    path = run.folder / "watch" / "probe.json"
    return _probes.get((path, file_stamp(path)), run.probe)


def watched_of(run: Run, epoch: int) -> Watched | None:
    """What was stored of one epoch: neighbours and reconstructions."""
    path = run.folder / "watch" / f"{epoch:04d}.json"
    return _watched.get((path, file_stamp(path)), lambda: run.watched(epoch))


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def retrieval_of(run: Run) -> tuple[float, float] | None:
    """Retrieval of the untrained network, and of the weights that are kept; None where it was not measured."""
    return _before_and_kept(run, "retrieval")


def copies_of(run: Run) -> tuple[float, float] | None:
    """The share of altered copies found untrained, and with the weights that are kept; None where not measured."""
    return _before_and_kept(run, "recognition")


def _before_and_kept(run: Run, measure: str) -> tuple[float, float] | None:
    measured = [event for event in events_of(run) if event.get(measure) is not None]
    kept = kept_event(measured, run.card.get("best_epoch"))
    return (measured[0][measure], kept[measure]) if kept else None


def best_loss(run: Run) -> float | None:
    """The lowest loss on the validation pictures after at least one epoch."""
    values = [e["validation"] for e in events_of(run) if e["epoch"] and e.get("validation") is not None]
    return min(values, default=None)


def learned_from_asked(note: Mapping[str, Any]) -> str:
    """Whether a run that learned labels is judged by pictures it learned them from."""
    seen, pictures = int(note.get("seen", 0)), int(note.get("pictures", 0))
    if not seen:
        return f"It learned from labels; the {pictures:,} pictures that it is judged by were held out."
    which = f"{seen:,} of the {pictures:,} pictures that it is judged by"
    return f"It learned the labels of {which}, so the figure says nothing about unseen pictures."


def title_of(run: Run) -> str:
    """What people call a run; the one that ships has no name of its own."""
    return str(run.card.get("title", run.title)) if run.shipped else run.title


def network_title(config: dict[str, Any]) -> str:
    """What people call the network that a training shapes: "Model 4", "ResNet-18"."""
    known: Mapping[str, Any] = BACKBONES | RESIDUAL
    name = config.get("network") or ""
    return str(known[name].title) if name in known else str(name) or f"Model {config['model']}"


def reconstructs(config: dict[str, Any]) -> bool:
    """Whether a training has a decoder, and thus reconstructions and their losses."""
    return config.get("objective", "autoencoding") == "autoencoding"


def groups(config: dict[str, Any]) -> bool:
    """Whether a training makes its own clusters: it reconstructs nothing, and its losses are no measure."""
    return config.get("objective") == "deepcluster"


def agreement_of(run: Run) -> tuple[str, float, float] | None:
    """What a run's groups are compared with (the labels, if any), and the first and last NMI; None for other
    objectives.
    """
    for name, whom in (("label_nmi", "the labels"), ("nmi", "the previous epoch")):
        found = [event[name] for event in events_of(run) if event.get(name) is not None]
        if found:
            return whom, found[0], found[-1]
    return None


def objective(config: dict[str, Any]) -> str:
    """The objective of a training, in a few words."""
    if groups(config):
        return "DeepCluster"
    if not reconstructs(config):
        known = view_losses().get(config["objective"])
        return known.title if known else str(config["objective"])
    return "contrastive + reconstruction" if config.get("contrast") else "reconstruction only"


# ── what the user does with a run ────────────────────────────────────────────────────────────────────────────────────


def search_with(run: Run) -> None:
    """Make the run the sidebar's encoder and go to the search; missing vectors are started at once."""
    choose_encoder(f"{run.encoder}@{run.name}")
    st.session_state.go_to = "search"
    recipe: Recipe | None = st.session_state.get("recipe")
    if recipe is not None:
        with suppress(BenzerError):  # the search page says what is wrong, and offers the way out
            recipe = recipe.but(encoder=run.encoder, weights=run.name, embedding=chosen_embedding())
            if workbench().readiness(recipe).action == "embed":
                workbench().start("embed", recipe=recipe.as_dict())


def go_on(run: Run, epochs: int | None = None) -> None:
    """Continue a run, unless that was requested already; `epochs` is the total number."""
    if not any(job.alive and job.config["arguments"].get("run") == run.name for job in recent_jobs("train")):
        workbench().start("train", run=run.name, epochs=epochs, title=run.title)
