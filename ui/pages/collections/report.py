"""The report of an import or a rescan: counts, skipped files, exact duplicates, and the next step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from engine.collections.report import ImportReport, Reject, rejects_csv
from engine.core.humanize import count_of
from engine.jobs.job import Job
from ui.pages.collections.opening import find_duplicates, search_in
from ui.session.opened import workbench
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text

_SHOWN = 50  # skipped files
_DONE = {"Importing": "Imported", "Rescanning": "Rescanned"}


def report_of(job: Job) -> ImportReport | None:
    """The report of a successful job, None for any other."""
    value = (job.result or {}).get("value")
    is_report = job.state == "done" and isinstance(value, dict) and "collection" in value
    return ImportReport.from_dict(value) if is_report else None  # type: ignore[arg-type]


def report_panel(
    job: Job, restarted: Callable[[Job], None] | None = None, closed: Callable[[], None] | None = None
) -> None:
    """Draw the report of a job with buttons for the next step.

    Args:
        restarted: called with the job that tries again. closed: called when the report is closed.
    """
    with st.container(border=True, key="report"):
        report = report_of(job)
        st.markdown(f"**{plain_text(_title(job, report))}**")
        if report is not None:
            draw_report(report, key=f"report-{job.id}")
        elif job.error:
            st.error(plain_text(job.error), icon=":material/error:")
        else:
            st.info("Stopped. Finished work is kept.", icon=":material/info:")
        with st.container(horizontal=True):
            if report is not None:
                st.button("Search", type="primary", key="report-search", on_click=search_in, args=(report.collection,))
                st.button("Find duplicates", key="report-duplicates", on_click=find_duplicates,
                          args=(report.collection,))  # fmt: skip
            elif _can_go_on(job):
                st.button("Try again", type="primary", key="report-again", on_click=partial(_again, job, restarted))
            st.button("Close", key="report-close", on_click=partial(_dismiss, job, closed))


def _title(job: Job, report: ImportReport | None) -> str:
    """What the job is doing or, once it has its report, has done."""
    doing, _, what = job.title.partition(" ")
    return f"{_DONE[doing]} {what}" if report is not None and doing in _DONE else job.title


def _dismiss(job: Job, closed: Callable[[], None] | None) -> None:
    st.session_state.setdefault("dismissed", set()).add(job.id)
    if closed is not None:
        closed()


def draw_report(report: ImportReport, key: str) -> None:
    """Draw the counts, the notes, and the skipped files with the reasons."""
    st.success(plain_text(report.sentence), icon=":material/check_circle:")
    for note in report.notes:
        st.caption(plain_text(note))
    _duplicates_table(report.duplicates)
    rejects_table(report.rejects, key=key)


def _can_go_on(job: Job) -> bool:
    spool = job.config["arguments"].get("spool")
    return spool is None or Path(spool).exists()


def _again(job: Job, restarted: Callable[[Job], None] | None) -> None:
    """Restart the same work; finished parts are skipped."""
    with errors_shown():
        later = workbench().again(job.id)
        if restarted is not None:
            restarted(later)


def _duplicates_table(duplicates: list[list[str]]) -> None:
    """The files whose content is that of another one, each with the name of that one."""
    if not duplicates:
        return
    with st.expander(f"{count_of(len(duplicates), 'exact duplicate')} skipped — show", icon=":material/file_copy:"):
        st.dataframe(
            {"File": [copy for copy, _ in duplicates], "Same as": [of for _, of in duplicates]},
            hide_index=True,
            height=min(420, 38 + 35 * len(duplicates)),
            alt="Exact duplicates and the picture each is the same as",
        )


def rejects_table(rejects: list[Reject], key: str) -> None:
    """The files that could not be used: the first of them with their reasons, and all as CSV."""
    if not rejects:
        return
    with st.expander(f"{count_of(len(rejects), 'file')} skipped — show reasons", icon=":material/warning:"):
        shown = rejects[:_SHOWN]
        columns = {
            "File": [plain_text(reject.path) for reject in shown],
            "Reason": [plain_text(reject.message) for reject in shown],
        }
        st.table(columns, border="horizontal", hide_index=True)
        if len(rejects) > _SHOWN:
            st.caption(f"… and {len(rejects) - _SHOWN:,} more, which are in the CSV.")
        st.download_button(
            "CSV",
            rejects_csv(rejects).encode("utf-8-sig"),
            "rejected.csv",
            "text/csv",
            key=f"{key}-csv",
            on_click="ignore",
        )
