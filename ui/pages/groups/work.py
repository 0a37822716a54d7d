"""The jobs of the groups page: the running ones, with Stop, and how the last of each kind ended."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import streamlit as st

from engine.core.humanize import count_of
from engine.grouping.stored.exporting import ZIP
from engine.jobs.job import Job
from engine.workbench.job_kinds import kinds_that_make
from ui.pages.groups.state import jobs_about, open_grouping
from ui.session.opened import recent_jobs
from ui.session.query import set_query_image
from ui.shared.job_progress import job_progress
from ui.shared.plain_text import plain_text

NEWS_SECONDS = 900.0
_KINDS = kinds_that_make("groups", "export")
_LEFT_OUT_SHOWN = 20


def groups_work(collection: str) -> None:
    """Draw the jobs that work on the collection, and the outcome of those that have just ended."""
    jobs = [*jobs_about(collection, *_KINDS, *kinds_that_make("duplicates")), *recent_jobs("fetch")[:3]]
    running, ended = st.container(), st.container()
    with running:
        for job in jobs:
            if job.alive:
                job_progress(job, key=f"groups-{job.id}")
    _open_when_done(collection)
    with ended:
        for kind in (*_KINDS, "fetch"):
            last = next((job for job in jobs if job.kind == kind), None)
            if last is not None and not last.alive and _is_news(last):
                _news(last)


def _open_when_done(collection: str) -> None:
    """Open the grouping that this session has started as soon as it exists."""
    wanted = st.session_state.get("groups_job")
    job = next((job for job in jobs_about(collection, "group") if job.id == wanted), None)
    if job is None or job.alive:
        return
    st.session_state.groups_job = None
    name = _value(job).get("grouping")
    if name:
        st.session_state.setdefault("dismissed", set()).add(job.id)
        open_grouping(collection, str(name))


def _value(job: Job) -> dict[str, Any]:
    value = (job.result or {}).get("value")
    return value if isinstance(value, dict) else {}


def _is_news(job: Job) -> bool:
    if job.id in st.session_state.setdefault("dismissed", set()) or job.state == "stopped":
        return False
    try:
        return time.time() - (job.folder / "result.json").stat().st_mtime < NEWS_SECONDS
    except FileNotFoundError:
        return True


# ── how it ended ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _news(job: Job) -> None:
    if job.state == "done" and job.kind in ("group", "stability", "fetch"):
        return  # the page shows the result
    with st.container(border=True, key=f"groups-news-{job.kind}", horizontal=True, vertical_alignment="center"):
        if job.state != "done":
            st.error(f"{plain_text(job.title)}: {plain_text(job.error)}", icon=":material/error:")
        elif job.kind == "extract":
            _extracted(job)
        else:
            _copied(job)
        st.button("Close", key=f"groups-news-close-{job.id}", on_click=st.session_state.dismissed.add, args=(job.id,))


def _extracted(job: Job) -> None:
    value = _value(job)
    st.success(
        f"The collection **{plain_text(job.config['arguments']['title'])}**: "
        f"{plain_text(value.get('sentence', ''))}", icon=":material/check_circle:",
    )  # fmt: skip
    st.button(
        "Open", key=f"groups-extracted-{job.id}", type="primary", on_click=_choose, args=(value.get("collection"),)
    )


def _choose(collection: str) -> None:
    st.session_state.collection = collection
    set_query_image(None)


def _copied(job: Job) -> None:
    value = _value(job)
    count = count_of(int(value.get("count", 0)), "picture")
    path = Path(str(value.get("path", "")))
    packed = path.name == ZIP and path.parent == job.folder
    with st.container():
        where = "packed" if packed else f"copied to {path}"
        st.success(plain_text(f"{count} {where}."), icon=":material/check_circle:")
        left_out = value.get("left_out", [])
        for name, reason in left_out[:_LEFT_OUT_SHOWN]:
            st.caption(plain_text(f"{name}: {reason}"))
        if len(left_out) > _LEFT_OUT_SHOWN:
            st.caption(f"… and {len(left_out) - _LEFT_OUT_SHOWN:,} more could not be read.")
    if packed and path.is_file():
        st.download_button(
            "Download ZIP", lambda: path.read_bytes(), "groups.zip", "application/zip", key=f"groups-zip-{job.id}",
            icon=":material/download:", type="primary", on_click="ignore",
        )  # fmt: skip
