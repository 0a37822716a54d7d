"""The first visit: what Benzer is, and three ways to begin."""

from __future__ import annotations

import streamlit as st

from engine.jobs.job import Job
from engine.workbench.job_kinds import kinds_that_make
from ui.session.opened import recent_jobs
from ui.shared.first_ways import first_ways
from ui.shared.job_progress import job_progress
from ui.shared.plain_text import plain_text


def first_visit() -> None:
    """Draw the ways to begin, or the progress of the first import."""
    imports = [job for job in recent_jobs() if job.kind in kinds_that_make("collection")]
    running = next((job for job in imports if job.alive), None)
    if running is not None:
        job_progress(running, key="first")
        return
    _failed(imports)
    with st.container(key="first-visit", gap="medium"):
        st.markdown(
            "**Benzer finds similar pictures, groups them and finds duplicates.** "
            "Everything happens on this computer: no picture leaves it."
        )
        first_ways()


def _failed(imports: list[Job]) -> None:
    if imports and imports[0].error:
        st.error(plain_text(imports[0].error), icon=":material/error:")
