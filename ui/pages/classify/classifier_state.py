"""Page state of classifiers: which exist, which one is open, how accurate its model was, and the loaded networks.

Folders are the source of truth, and are reread only when they change."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.classification.corruptions import CLEAN
from engine.classification.predictions import SUGGESTED, Predictor, SuggestedLabels
from engine.classification.review import Review, review
from engine.core.cache import Cache, catalogue_stamp, file_stamp
from engine.core.errors import BenzerError, Corrupt, NotFound
from engine.encoders.fusion import FusionEncoder
from engine.jobs.job import Job
from engine.runs.run import Run
from ui.comparisons.state import files_stamp, newly_linked, remember_link, write_link
from ui.session.history import went_through_history
from ui.session.opened import collection_cards, images_of, recent_jobs, workbench

KEY = "classifier"  # of the address and of jobs that train one
OPEN = "classify_open"  # in the session: the run that is open, "" for none
STARTED = "classify_started"  # in the session: the job that was started last; what it makes is opened
VIEW, MODELS, HERE = "classify-view", "Compare models", "Classifiers"  # which half of the page is shown

TRY, APPLY, REVIEW = "Try one", "Apply", "Review"  # what can be done with the one that is open

_listed: Cache[list[Any]] = Cache(2)
_measured: Cache[Any] = Cache(32)
_reviews: Cache[Any] = Cache(4)
_opened: Cache[Any] = Cache(2)  # networks with their encoders: up to some hundred megabytes each


@dataclass(frozen=True)
class Measured:
    """The accuracy of a classifier's model in the cross-validation it comes from.

    Attributes:
        accuracy, f1: means over the folds.
        answers: for each test item the confidence, and whether the prediction was correct.
        same: whether it was measured with the pictures, texts and labels that the classifier was trained on.
    """

    accuracy: float
    f1: float
    folds: int
    answers: tuple[tuple[float, bool], ...]
    same: bool

    def at_least(self, confidence: float) -> tuple[int, int]:
        """The number of predictions with at least this confidence, and how many of them were correct."""
        found = [right for probability, right in self.answers if probability >= confidence]
        return len(found), sum(found)


def classifiers() -> list[Run]:
    """Every readable classifier, newest first."""
    files = sorted(workbench().home.classifiers.glob("[!.]*/run.json"))
    return _listed.get(tuple((path, file_stamp(path)) for path in files), workbench().classifiers)


def classifier_named(name: str) -> Run | None:
    """The classifier of that name, None if it no longer exists or cannot be read."""
    return next((run for run in classifiers() if run.name == name), None)


def measured_of(run: Predictor) -> Measured | None:
    """The measured accuracy of its model, None without a classification that measured it."""
    name, fusion = str(run.card.get("classification", "")), str(run.card.get("fusion", ""))
    folder = workbench().home.classifications / name
    if not name or not (folder / "plan.json").exists():
        return None
    made_of = str(run.card.get("made_of", ""))
    return _measured.get((fusion, made_of, files_stamp(folder)), lambda: _measure(name, fusion, made_of))


def _measure(name: str, fusion: str, made_of: str) -> Measured | None:
    try:
        found = workbench().classification(name)
        line = next((one for one in found.table() if (one.fusion, one.condition.name) == (fusion, CLEAN)), None)
        if line is None:
            return None
        answers = tuple((one.fused[0][1], one.right) for one in found.answers(fusion))
        of_it = [row for row in found.rows() if row.fusion == fusion and not row.error]
        same = all(_items_digest(row.made_of) == _items_digest(made_of) for row in of_it)
    except BenzerError:
        return None
    return Measured(line.accuracy, line.f1, line.folds, answers, same)


def _items_digest(made_of: str) -> str:
    """The part of a fingerprint that covers pictures, texts and labels, not the encoder, which a classifier stores."""
    return made_of.partition("-")[0]


def network_of(run: Run) -> FusionEncoder:
    """The classifier with its encoders, ready to predict, cached until it changes."""
    key = (run.folder, file_stamp(run.folder / "run.json", run.folder / "text.json"))
    return _opened.get(key, lambda: workbench().classifier(run.name))


# ── which one is open ────────────────────────────────────────────────────────────────────────────────────────────────


def follow_link() -> bool:
    """Open what the address names, unless this session wrote it; returns whether it named anything."""
    linked = newly_linked(KEY)
    if linked or (went_through_history() and KEY not in st.query_params):
        remember_link(KEY, linked)
        open_classifier(linked)
    return bool(linked)


def opened() -> Run | SuggestedLabels | None:
    """What is open: a classifier, the suggested labels, or nothing; after a start, the new run once it exists."""
    _take_over_started()
    name = st.session_state.get(OPEN) or ""
    if name == SUGGESTED:
        return SuggestedLabels(workbench().home)
    return classifier_named(name) if name else None


def open_classifier(name: str) -> None:
    """Show the classifier of that name, or the list ("")."""
    st.session_state[OPEN] = name
    st.session_state.pop(STARTED, None)


def tab_key(run: Predictor) -> str:
    """The session's key for the open tab of a classifier."""
    return f"classifier-tab-{run.name}"


def write_opened(run: Predictor | None) -> None:
    """Put the open one into the address, so that the page can be shared."""
    write_link(KEY, run.name if run else "")


def _take_over_started() -> None:
    id = st.session_state.get(STARTED)
    run = next((run for run in classifiers() if run.job == id), None) if id else None
    if run is not None:
        open_classifier(run.name)


# ── what it has said ─────────────────────────────────────────────────────────────────────────────────────────────────


def applied_to(run: Predictor) -> list[tuple[str, float]]:
    """The existing collections it was applied to, with the time, most recent first."""
    there = {card.name for card in collection_cards()}
    files = [path for path in (run.folder / "guesses").glob("[!.]*.json") if path.stem in there]
    return sorted(((path.stem, path.stat().st_mtime) for path in files), key=lambda pair: -pair[1])


def collection_key(run: Predictor) -> str:
    """The session's key for the collection whose predictions are reviewed."""
    return f"classifier-reviewed-{run.name}"


def reviewed(run: Predictor, collection: str) -> Review | None:
    """Its predictions for a collection and the decisions, reread only when either changes."""
    files = [run.folder / part / f"{collection}.json" for part in ("guesses", "reviews")]
    key = (run.folder, collection, file_stamp(*files), catalogue_stamp(workbench().home.datasets / collection))
    found: Review | None = _reviews.get(
        key, lambda: review(workbench().home, run.name, collection, images_of(collection))
    )
    return found


def under_review(run: Predictor) -> bool:
    """Whether a review of its last predictions for a collection has begun and is not finished."""
    found = next((reviewed(run, name) for name, _ in applied_to(run)), None)
    begun = found is not None and any(one.id in found.decisions for one in found.predictions)
    return bool(found and begun and (found.undecided or found.waiting))


# ── trainings ────────────────────────────────────────────────────────────────────────────────────────────────────────


def trainings() -> list[Job]:
    """The jobs that are training a classifier, and the last one if it failed before it had a run."""
    jobs = recent_jobs(KEY)
    return [job for job in jobs if job.alive] + [job for job in jobs[:1] if not job.alive and failed_at_once(job)]


def failed_at_once(job: Job) -> bool:
    """Whether a job of this session failed before it had a run that shows the error."""
    with suppress(NotFound, Corrupt):
        begun = any(run.job == job.id for run in classifiers())
        return bool(job.error) and not begun and st.session_state.get(STARTED) == job.id
    return False


def job_of(run: Run) -> Job | None:
    """The job that is training a classifier, None if there is none."""
    return next((job for job in recent_jobs(KEY) if job.id == run.job and job.alive), None)


def train(name: str, fusion: str, title: str) -> None:
    """Start training a classifier from a classification's model, unless that is running; opened once it exists.

    Raises:
        StorageFull: the job could not be stored.
    """
    wanted = {"name": name, "fusion": fusion, "title": title}
    same = (job for job in recent_jobs(KEY) if job.alive and wanted.items() <= job.config["arguments"].items())
    job = next(same, None) or workbench().start(KEY, **wanted)
    open_classifier("")
    st.session_state[STARTED] = job.id


def go_on(run: Run) -> None:
    """Continue an interrupted training."""
    card = run.card
    train(str(card["classification"]), str(card["fusion"]), str(card.get("title", "")))
    open_classifier(run.name)
