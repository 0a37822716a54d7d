"""A job on the page: its description, progress, rate and remaining time, and a button to stop it."""

from __future__ import annotations

import streamlit as st

from engine.core.humanize import duration
from engine.core.progress import Progress
from engine.jobs.job import Job
from ui.shared.plain_text import plain_text

# A page that draws the job itself, which shows in its button to stop it, needs no chip.
_ONCE = 'body:has([class*="st-key-stop-"][class*="-{}"]) .st-key-job-chip {{ display: none; }}'
REFRESH = 2  # seconds; polling every second in two tabs costs nearly half a core


def job_progress(job: Job, *, key: str) -> None:
    """Draw the job and refresh it until it ends; then redraw the whole page."""
    alive = job.alive

    @st.fragment(run_every=REFRESH if alive else None, key=f"watch-{key}-{job.id}")
    def watch() -> None:
        if alive and not job.alive:
            st.rerun()
        _draw(job, key)

    watch()


def _draw(job: Job, key: str) -> None:
    progress = job.progress
    with st.container(border=True, key=f"job-{key}"):
        st.markdown(f"**{plain_text(job.title)}**")
        st.progress(progress.fraction, text=plain_text(progress_sentence(progress)))
        if not job.alive:
            return
        stopping = (job.folder / "stop").exists()
        st.button(
            "Stopping …" if stopping else "Stop",
            key=f"stop-{key}-{job.id}",
            icon=":material/stop_circle:",
            on_click=job.stop,
            disabled=stopping,
        )


def progress_sentence(progress: Progress) -> str:
    """How far the work is, e.g. "Embedding · 310 of 600 pictures · 155 pictures/s · 2 s left"."""
    parts = [progress.stage]
    if progress.total:
        parts.append(f"{progress.done:,} of {progress.total:,} {progress.unit}")
    if progress.rate >= 0.05 and progress.done < progress.total:
        parts.append(
            f"{progress.rate:,.0f} {progress.unit}/s"
            if progress.rate >= 10
            else f"{progress.rate:.1f} {progress.unit}/s"
        )
    if progress.seconds_left is not None and progress.done < progress.total:
        parts.append(f"{duration(progress.seconds_left)} left")
    if progress.note:
        parts.append(progress.note)
    return " · ".join(parts)


def job_chip(jobs: list[Job]) -> None:
    """A small line in the sidebar for the running job, wherever it was started."""
    running = sorted((job for job in jobs if job.alive), key=lambda job: job.waiting)
    if not running:
        return
    job = running[0]

    @st.fragment(run_every=REFRESH, key=f"chip-{job.id}")
    def chip() -> None:
        if not job.alive:
            st.rerun()
        progress = job.progress
        with st.container(border=True, key="job-chip"):
            st.html(f"<style>{_ONCE.format(job.id)}</style>")
            st.caption(f"**{plain_text(job.title)}**")
            st.progress(progress.fraction, text=plain_text(progress_sentence(progress)))
            if len(running) > 1:
                st.caption(f"and {len(running) - 1} more")
            stopping = (job.folder / "stop").exists()
            st.button("Stop", key=f"chip-stop-{job.id}", on_click=job.stop, disabled=stopping, type="tertiary")

    chip()
