"""The first minute: what Benzer is, and three ways to begin."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine.jobs.job import Job
from engine.workbench.job_kinds import kinds_that_make
from ui.session.opened import recent_jobs, workbench
from ui.session.query import set_query_image
from ui.shared.job_progress import job_progress
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text

_WAYS = {"My folder …": ("My folders", "folder_open"), "Drop pictures": ("Upload", "upload")}


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
        with st.container(horizontal=True, key="first-ways"):
            for label, (tab, icon) in _WAYS.items():
                first = label == next(iter(_WAYS))
                st.button(
                    label, key=f"first-{icon}", icon=f":material/{icon}:", type="primary" if first else "secondary",
                    on_click=partial(_add, tab),
                )  # fmt: skip
            st.button("Try the sample", key="first-sample", icon=":material/auto_awesome:", on_click=_open_sample)
        st.caption("A folder is read in place: nothing in it is moved or changed.")


def _failed(imports: list[Job]) -> None:
    if imports and imports[0].error:
        st.error(plain_text(imports[0].error), icon=":material/error:")


def _add(tab: str) -> None:
    """Open the dialog that adds pictures, at that tab."""
    st.session_state.update({"go_to": "collections", "adding": True, "adding_job": "", "adding_error": None})
    st.session_state.add_way = tab


def _open_sample() -> None:
    """Unpack the sample and show it; it can be searched at once."""
    with errors_shown():
        st.session_state.collection = workbench().add_sample()
        set_query_image(None)
