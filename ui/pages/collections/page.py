"""The collections page: running work, the last report, a card for each collection, and a dialog to add pictures."""

from __future__ import annotations

import shutil
import time

import streamlit as st

from engine.core.cache import catalogue_stamp
from engine.core.humanize import file_size
from engine.jobs.job import Job
from engine.workbench.job_kinds import kinds_that_make
from ui.pages.collections.adding import add_button, adding_dialog, followed
from ui.pages.collections.cards import card_of, damaged_cards
from ui.pages.collections.finding_again import finding_dialog
from ui.pages.collections.indexes import indexes_button
from ui.pages.collections.report import report_panel
from ui.session.opened import collection_cards, open_collection, recent_jobs, workbench
from ui.shared.browser import drop_anywhere
from ui.shared.first_ways import first_ways
from ui.shared.job_progress import job_progress
from ui.shared.messages import errors_shown, show_complaint

NEWS_SECONDS = 900
LITTLE_SPACE = 1 << 30  # bytes
CARDS_IN_A_ROW = 3
_LOOK = 5  # seconds between two looks at watched collections


def page() -> None:
    """Draw the running work, the last report, a card for each collection, and the way to add one."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title("Collections", anchor=False)
        add_button()
    adding_dialog()
    finding_dialog()
    drop_anywhere(into="add-upload", button="add-pictures")
    show_complaint()
    _disk()
    with errors_shown():
        _work()
    cards = collection_cards()
    if not cards:
        st.write("No collections yet. Add a folder of yours, drop pictures here, or try the sample.")
        first_ways()
    for start in range(0, len(cards), CARDS_IN_A_ROW):
        row = cards[start : start + CARDS_IN_A_ROW]
        for column, card in zip(st.columns(CARDS_IN_A_ROW), row, strict=False):
            with column, errors_shown():
                card_of(card)
    damaged_cards()
    with errors_shown():
        _watched([card.name for card in cards if open_collection(card.name).watched])
    if cards:
        indexes_button()


def _watched(names: list[str]) -> None:
    """Draw the page anew when a watched folder has brought a change, for which nobody here has clicked."""
    shown = _stamps(names)

    @st.fragment(run_every=_LOOK if names else None, key="watched-folders")
    def look() -> None:
        if _stamps(names) != shown:
            st.rerun()

    look()


def _stamps(names: list[str]) -> list[object]:
    return [catalogue_stamp(workbench().home.datasets / name) for name in names]


def _disk() -> None:
    place = next(path for path in (workbench().home.root, *workbench().home.root.parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free < LITTLE_SPACE:
        st.warning(f"Only {file_size(free)} free on this disk. Imports may fail.", icon=":material/hard_drive:")


def _work() -> None:
    """The jobs that change collections: running ones, and the report of the last one, unless the dialog shows it."""
    jobs = [job for job in recent_jobs() if job.kind in kinds_that_make("collection", "vectors")]
    for job in jobs:
        if job.alive and job.id != followed():
            job_progress(job, key=job.id)
    reporting = [job for job in jobs if job.kind in kinds_that_make("collection")]
    ended = next((job for job in reporting if not job.config["arguments"].get("watched")), None)
    dismissed = st.session_state.setdefault("dismissed", set())
    if ended is not None and not ended.alive and ended.id not in {*dismissed, followed()} and _is_news(ended):
        report_panel(ended)


def _is_news(job: Job) -> bool:
    """Whether a job ended recently enough for its report to be of interest; interrupted ones always are."""
    try:
        return time.time() - (job.folder / "result.json").stat().st_mtime < NEWS_SECONDS
    except FileNotFoundError:
        return True
