"""The jobs of the page of duplicates: comparing the pictures, moving many of them."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from engine.core.humanize import count_of
from engine.jobs.job import Job
from ui.session.opened import images_of, job_about, recent_jobs, workbench
from ui.shared.job_progress import job_progress
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text
from ui.widgets.culling import Offered

QUICK = 5_000  # pictures that are compared without asking: a minute or so


@dataclass(frozen=True)
class Compared:
    """Whether all pictures were compared with each other, and whether a job is at work on them."""

    complete: bool = False
    running: bool = False

    @property
    def offered(self) -> Offered:
        """What may be moved at once: nothing while the list is about to change under the hand."""
        if self.running:
            return ""
        return "all" if self.complete else "identical"


def preparing(collection: str) -> Compared:
    """Draw the running job, or the preparation that near duplicates still need."""
    running = [job for job in recent_jobs() if job.alive and _about(job, collection)]
    for job in running:
        job_progress(job, key=f"duplicates-{job.id}")
    compared = workbench().same_pictures(collection) is not None
    if not compared and not any(job.kind == "perceptual" for job in running):
        _start_or_offer(collection)
    return Compared(compared, bool(running))


def _about(job: Job, collection: str) -> bool:
    return job.kind in ("perceptual", "tidy", "extract") and job.config["arguments"].get("collection") == collection


def _start_or_offer(collection: str) -> None:
    """Compare a small collection at once, a large one on request."""
    last = next((job for job in recent_jobs("perceptual") if _about(job, collection)), None)
    failed = last.error if last is not None else ""
    count = len(images_of(collection).ids)
    if failed:
        st.error(plain_text(failed), icon=":material/error:")
    elif count <= QUICK and job_about(collection) is None and not (last is not None and last.state == "stopped"):
        _start(collection)
        st.rerun()
    st.button(
        f"Compare {count_of(count, 'picture')}",
        type="primary",
        key="perceptual-start",
        icon=":material/play_arrow:",
        on_click=_start,
        args=(collection,),
        help="Finds pictures that show the same. Runs in the background; you can leave this page.",
    )


def _start(collection: str) -> None:
    with errors_shown():
        workbench().start("perceptual", collection=collection)
