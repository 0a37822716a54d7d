"""The training that runs now, those that wait for their turn, and how the last one ended."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import streamlit as st

from engine.core.cache import file_stamp
from engine.core.humanize import duration, percent
from engine.core.progress import Progress
from engine.evaluation.statistics.shares import mean_shares
from engine.jobs.job import Job
from engine.runs.run import Run
from engine.training.config import loss_title
from ui.pages.train import fields
from ui.pages.train.state import (
    Trainings,
    agreement_of,
    best_loss,
    copies_of,
    events_of,
    go_on,
    groups,
    is_news,
    network_title,
    probe_of,
    reconstructs,
    retrieval_of,
    run_of,
    search_with,
    trainings,
)
from ui.pages.train.watch import run_view
from ui.shared.job_progress import REFRESH, progress_sentence
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text
from ui.shared.training_curves import points
from ui.widgets.pulse import pulse

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_REDRAWN_AFTER = 5.0  # seconds between two drawings of the curves, however short the epochs are


def training_now(now: Trainings) -> None:
    """Draw running and waiting trainings, refreshed until another training starts; then the page is drawn again.

    How far it is changes every second, its curves and pictures once an epoch: they are drawn again only then.
    """
    curves = f"train-curves-{now.subject}"

    @st.fragment(run_every=REFRESH, key=f"train-live-{now.subject}")
    def watch() -> None:
        later = trainings()
        if later.subject != now.subject or not later.busy:
            st.rerun()
        top, waiting = st.container(), st.container()
        with top, errors_shown():
            if later.subject:
                _running(later)
        with waiting:
            _queued(later.waiting)
        pulse(behind=_behind(later.run, curves), fragment=curves, key=f"pulse-{now.subject}")

    @st.fragment(key=curves)
    def view() -> None:
        run = trainings().run
        st.session_state[curves] = (_stamp(run), time.monotonic())
        with errors_shown():
            if run is not None:
                run_view(run, key=f"live-{run.name}")

    watch()
    view()


def _behind(run: Run | None, curves: str) -> str:
    """What the curves do not show yet, "" if that is nothing or they were drawn only just."""
    current = _stamp(run)
    shown, drawn = st.session_state.get(curves, (current, math.inf))
    return "" if current == shown or time.monotonic() - drawn < _REDRAWN_AFTER else current


def _stamp(run: Run | None) -> str:
    return "" if run is None else f"{run.name} {file_stamp(run.folder / 'events.jsonl')}"


# ── running ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _running(now: Trainings) -> None:
    job, run = now.running, now.run
    with st.container(border=True, key="training-now"):
        left, right = st.columns([4, 1], vertical_alignment="center")
        title = run.title if run else job.title if job else ""
        left.subheader(plain_text(title), anchor=False)
        if job is not None:
            _stop(right, job)
            progress = job.progress
            st.progress(progress.fraction, text=plain_text(sentence(progress)))
        else:
            st.caption(_elsewhere(run))
        if run is not None:
            _figures(run)
        st.caption("Runs in the background; you can leave this page.")


def _elsewhere(run: Run | None) -> str:
    """Where a training that this page did not start is stopped."""
    if run is not None and run.job:
        return "Part of a comparison; stop it on the Compare page."
    return "Started from the command line; stop it there."


def _stop(where: DeltaGenerator, job: Job) -> None:
    stopping = (job.folder / "stop").exists()
    label = "Stopping …" if stopping else "Stop"
    help = "Progress is kept; you can continue later."
    where.button(
        label, key=f"stop-train-{job.id}", icon=":material/stop_circle:", on_click=job.stop, disabled=stopping,
        help=help, width="stretch",
    )  # fmt: skip


def sentence(progress: Progress) -> str:
    """How far a training is, the epoch first: "Epoch 11 of 40 · loss 0.01234 · 310 pictures/s · 25 s left"."""
    if not progress.note.startswith("epoch "):
        return progress_sentence(progress)
    parts = ["E" + progress.note[1:]]
    if progress.rate:
        parts.append(f"{progress.rate:,.0f} pictures/s" if progress.rate >= 10 else f"{progress.rate:.1f} pictures/s")
    if progress.seconds_left is not None and progress.done < progress.total:
        parts.append(f"{duration(progress.seconds_left)} left")
    return " · ".join(parts)


def _figures(run: Run) -> None:
    """The current figures, beside those of the untrained network."""
    losses, found, probe = points(events_of(run), "validation"), retrieval_of(run), probe_of(run)
    facts = []
    if groups(run.config):
        facts = [agreement(found) for found in [agreement_of(run)] if found]
    elif not reconstructs(run.config):
        facts = [recognised(found) for found in [copies_of(run)] if found]
    elif len(losses) > 1:
        facts = [f"validation loss **{losses[-1][1]:.4g}**, initially {losses[0][1]:.4g}"]
    if not facts:
        return
    if found is not None:
        measure = probe.measure if probe else "precision@8"
        figures = f"**{percent(found[1])}**, untrained {percent(found[0])}"
        facts.append(f"{plain_text(measure)} of the best checkpoint {figures}")
    st.markdown(" · ".join(facts))


def agreement(found: tuple[str, float, float]) -> str:
    """How far a run's groups have come, as Markdown."""
    whom, first, last = found
    return f"NMI of its clusters with {whom} **{last:.2f}**, initially {first:.2f}"


def recognised(found: tuple[float, float]) -> str:
    """How well a run finds altered copies, as Markdown."""
    first, last = found
    return f"altered copy found **{percent(last)}**, untrained {percent(first)}"


# ── queued ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _queued(jobs: list[Job]) -> None:
    for place, job in enumerate(jobs, 1):
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"waiting-{job.id}"):
            cancelled = (job.folder / "stop").exists()
            turn = "next" if place == 1 else f"position {place}"
            st.markdown(f"**{plain_text(job.title)}** is queued ({turn}): {_what(job)}")
            st.button("Cancel", key=f"cancel-{job.id}", on_click=job.stop, disabled=cancelled, icon=":material/close:")


def _what(job: Job) -> str:
    config = job.config["arguments"].get("config")
    if not config:
        return "continues a run"
    return f"{network_title(config)}, {config['epochs']} epochs at {config['size']} px"


# ── ended ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def training_news(job: Job) -> Run | None:
    """Show how the last training ended and what to do next, until it is closed or old; returns that run, if any."""
    dismissed: set[str] = st.session_state.setdefault("dismissed", set())
    if job.id in dismissed or not is_news(job):
        return None
    run = run_of(job)
    if run is None and job.state == "done":
        return None
    with st.container(border=True, key="training-news"):
        st.subheader(plain_text(run.title if run else job.title), anchor=False)
        _ending(job, run)
        with st.container(horizontal=True):
            if run is not None:
                what_next(run, key="news")
            st.button("Close", key="news-close", on_click=dismissed.add, args=(job.id,))
        if run is not None:
            with errors_shown():
                run_view(run, key=f"live-{run.name}")  # the same key: what was chosen while it ran stays chosen
    return run


def _ending(job: Job, run: Run | None) -> None:
    state, done = job.state, run.epochs_done if run else 0
    if state == "done" and run is not None:
        st.success(plain_text(f"Finished after {_epochs(done)}. {result(run)}"), icon=":material/check_circle:")
    elif state == "stopped" and not done:
        st.info("The training was stopped before its first epoch ended.", icon=":material/info:")
    elif state == "stopped":
        st.info(
            plain_text(f"The training was stopped after {_epochs(done)}. {result(run) if run else ''}"),
            icon=":material/info:",
        )
    elif state == "interrupted" and run is not None:
        st.warning(
            f"The training was interrupted after {_epochs(done)}. Nothing up to there is lost.",
            icon=":material/power_off:",
        )
    else:
        st.error(plain_text(job.error or (run.error if run else "")), icon=":material/error:")


def result(run: Run) -> str:
    """The outcome of a run, in one sentence; "" if nothing was measured."""
    found, probe, text = retrieval_of(run), probe_of(run), _learnt(run)
    if run.card.get("best_epoch") == 0:
        return "No epoch was better than the weights it began with: they remain."
    if not text:
        return ""
    if found is None:
        return text + "."
    measure = probe.measure if probe else "precision@8"
    if probe and mean_shares(found[1], found[0], max(1, len(probe.ids))).outcome == "worse":
        return f"{text}, but {measure} is lower than untrained: {percent(found[1])} instead of {percent(found[0])}."
    return f"{text}; {measure} went from {percent(found[0])} (untrained) to {percent(found[1])} (best checkpoint)."


def _learnt(run: Run) -> str:
    loss, agreed = best_loss(run), agreement_of(run)
    if groups(run.config):
        whom, first, last = agreed or ("", 0.0, 0.0)
        return f"NMI of its clusters with {whom}: {last:.2f}, initially {first:.2f}" if agreed else ""
    if not reconstructs(run.config):
        found = copies_of(run)
        return f"Altered copy found: {percent(found[1])}, untrained {percent(found[0])}" if found else ""
    return "" if loss is None else f"Lowest validation {loss_title(run.config)} {loss:.4g}"


def what_next(run: Run, *, key: str) -> None:
    """The buttons for the most likely next steps with a run."""
    state = run.state
    if run.can_continue and state in ("stopped", "interrupted", "failed"):
        _continue_button(run, key)
    if state == "failed" and not run.can_continue:  # it diverged: it would again at this rate
        lower = run.config["rate"] / 10
        st.button(
            f"Try again with learning rate {lower:g}", key=f"{key}-lower-{run.name}", icon=":material/replay:",
            type="primary", on_click=fields.fill_from, args=(run.config,), kwargs={"rate": lower},
            help="Fills in the form with the settings of this run and a tenth of its learning rate.",
        )  # fmt: skip
    if run.ready:
        primary = state == "done" and key == "news"
        st.button(
            "Search with this encoder", key=f"{key}-use-{run.name}", icon=":material/search:", on_click=search_with,
            args=(run,), type="primary" if primary else "secondary",
        )  # fmt: skip


def _continue_button(run: Run, key: str) -> None:
    st.button(
        f"Continue from epoch {run.epochs_done}" if run.epochs_done else "Restart",
        key=f"{key}-continue-{run.name}",
        icon=":material/resume:",
        type="primary",
        on_click=continued,
        args=(run,),
    )


def continued(run: Run, epochs: int | None = None) -> None:
    """Continue a run; if that is impossible, the reason is shown."""
    with errors_shown():
        go_on(run, epochs)


def _epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"
