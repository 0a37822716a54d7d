"""The dialog that adds pictures: a folder, a table, an upload, another program's data set, a sample, a public one.

It stays open until the report of the import, so that what was left out is seen where the pictures were chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from engine.collections.samples import SAMPLES
from engine.collections.sources.job import title_of
from engine.collections.sources.known import KNOWN, Known
from engine.core.errors import BenzerError
from engine.jobs.job import Job
from ui.pages.collections.datasets import PANEL, dataset_panel
from ui.pages.collections.folder_browser import folder_panel
from ui.pages.collections.report import report_of, report_panel
from ui.session.opened import collection_cards, free_name, recent_jobs, workbench
from ui.shared.browser import PICTURE_TYPES
from ui.shared.job_progress import job_progress
from ui.shared.messages import errors_shown, show_error
from ui.shared.plain_text import plain_text

ARCHIVE_TYPES = ["zip", "tar", "gz", "tgz", "bz2", "tbz2", "xz", "txz"]
TABLE_TYPES = ["csv", "tsv", "tab", "txt", "xlsx", "xls", "ods"]
MANY_FILES = 300  # files from which a folder takes minutes to upload, but a ZIP only a second


def add_button() -> None:
    """The button that opens the dialog."""
    st.button("Add pictures", type="primary", icon=":material/add_photo_alternate:", key="add-pictures", on_click=_open)


def adding_dialog() -> None:
    """Draw the dialog if it is open."""
    if st.session_state.get("adding"):
        _dialog()


def followed() -> str:
    """The id of the job that the dialog follows, "" for none."""
    return str(st.session_state.get("adding_job", "")) if st.session_state.get("adding") else ""


def _open() -> None:
    st.session_state.update(adding=True, adding_job="", adding_error=None)


def _close() -> None:
    if followed():
        st.session_state.setdefault("dismissed", set()).add(followed())
    st.session_state.update(adding=False, adding_job="", adding_error=None, add_way=None)


@st.dialog("Add pictures", width="large", on_dismiss=_close)
def _dialog() -> None:
    if not st.session_state.get("adding") or "go_to" in st.session_state:  # the page has to be drawn, not this alone
        _close()
        st.rerun()
    job = next((job for job in recent_jobs() if job.id == followed()), None)
    if job is not None:
        _follow(job)
        return
    ways: dict[str, Callable[[], None]] = {
        "My folders": partial(folder_panel, _begin),
        "Upload": _upload,
        PANEL: partial(dataset_panel, _begin),
        "Samples": _samples,
        "Public data sets": _public_data_sets,
    }
    for tab, (name, way) in zip(
        st.tabs(list(ways), key="add-ways", default=st.session_state.get("add_way")), ways.items(), strict=True
    ):
        with tab, errors_shown():
            way()
            _refusal(name)


def _follow(job: Job) -> None:
    """Show the job started here, then its report; the new collection is chosen from then on."""
    if job.alive:
        job_progress(job, key="adding")
        st.caption("You can close this window; the import continues.")
        return
    report = report_of(job)
    if report is not None and st.session_state.get("chosen_after") != job.id:
        st.session_state.chosen_after = job.id
        st.session_state.collection_chosen = report.collection
        st.rerun()
    report_panel(job, restarted=_follow_later, closed=_close)


def _follow_later(job: Job) -> None:
    st.session_state.adding_job = job.id


def _begin(way: str, title: str, **arguments: Any) -> None:
    """Start an import and follow it, or show in its panel why it cannot start."""
    try:
        free_name(title)
        _following("import", title=title, **arguments)
    except BenzerError as error:
        st.session_state.adding_error = (way, error)


def _following(kind: str, **arguments: Any) -> None:
    job = workbench().start(kind, **arguments)
    st.session_state.update(adding_job=job.id if job is not None else "", adding_error=None)


def _refusal(way: str) -> None:
    found = st.session_state.get("adding_error")
    if found and found[0] == way:
        show_error(found[1])


def _upload() -> None:
    number = st.session_state.get("import_uploader", 0)
    with st.container(key="add-upload"):
        files = st.file_uploader(
            "Pictures, a ZIP or TAR archive, or a table with its pictures",
            type=PICTURE_TYPES + ARCHIVE_TYPES + TABLE_TYPES,
            accept_multiple_files=True,
            key=f"import-{number}",
            help="Folders in an archive become labels. A table has columns for the picture, its label and its text.",
        )
    st.text_input("Collection name", key="upload-title", max_chars=120, placeholder="optional")
    if len(files) > MANY_FILES:
        st.info(
            f"Uploading {len(files):,} separate files takes minutes; one ZIP takes seconds.",
            icon=":material/info:",
        )
    st.button("Import", key="import-files", type="primary", disabled=not files,
              on_click=_begin_upload)  # fmt: skip


def _begin_upload() -> None:
    """Import with the current contents of the fields: a click right after typing precedes the next redraw."""
    title = st.session_state.get("upload-title", "")
    files = st.session_state.get(f"import-{st.session_state.get('import_uploader', 0)}") or []
    if not files:
        return
    name = title or title_of(Path(files[0].name))
    try:
        free_name(name)
        spool = workbench().spool((file.name, file.getvalue()) for file in files)
    except BenzerError as error:
        st.session_state.adding_error = ("Upload", error)
        return
    _begin("Upload", name, source="upload", spool=str(spool))
    st.session_state.import_uploader = st.session_state.get("import_uploader", 0) + 1


def _samples() -> None:
    present = {card.name for card in collection_cards()}
    st.caption("Drawn by Benzer. No download.")
    for sample in SAMPLES.values():
        _offered(sample.title, sample.summary, sample.name in present, "Add", f"add-{sample.name}",
                 partial(_following, "sample", name=sample.name))  # fmt: skip


def _public_data_sets() -> None:
    present = {card.name for card in collection_cards()}
    st.caption("Downloaded from their publishers and verified. Interrupted downloads resume.")
    for known in KNOWN.values():
        label = f"Download {known.megabytes:,} MB" if known.files else ""
        _offered(known.title, _description(known), known.name in present, label, f"download-{known.name}",
                 partial(_following, "import", title=known.title, source="known", name=known.name))  # fmt: skip


def _description(known: Known) -> str:
    return " ".join(filter(None, (known.summary, known.instructions)))


def _offered(title: str, summary: str, there: bool, label: str, key: str, start: Callable[[], None]) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"offer-{key}"):
        with st.container():
            st.markdown(f"**{plain_text(title)}**")
            st.caption(plain_text(summary))
        if label:
            st.button("Added" if there else label, key=key, disabled=there, on_click=start,
                      icon=":material/check:" if there else ":material/add:")  # fmt: skip
