"""The outcome of the last action, and the list of what can be restored."""

from __future__ import annotations

import time

import streamlit as st

from engine.core.humanize import count_of, file_size
from engine.duplicates.acts.journal import Batch, trash_of
from ui.pages.duplicates.state import restore
from ui.session.opened import open_collection, recent_jobs, workbench
from ui.shared.plain_text import plain_text

_SHOWN = 10  # refused files that are named
_LISTED = 20  # acts


def _ended() -> None:
    """Announce once the outcome of a job that was started here."""
    wanted = st.session_state.get("duplicates-job")
    job = next((job for job in recent_jobs() if job.id == wanted), None) if wanted else None
    if job is None or job.alive:
        return
    del st.session_state["duplicates-job"]
    if job.state != "done":
        if job.error:
            st.error(plain_text(job.error), icon=":material/error:")
    elif job.kind == "tidy":
        value = (job.result or {})["value"]
        undo = value["batch"] if job.config["arguments"]["act"] != "restore" else ""
        st.session_state["duplicates-news"] = ("success", value["sentence"], undo, value["refused"])
    else:
        title = plain_text(job.config["arguments"].get("title", ""))
        st.success(f"The collection {title} was created.", icon=":material/check_circle:")


def news(collection: str) -> None:
    """Announce once the outcome of an action, with a button to undo it."""
    _ended()
    message = st.session_state.pop("duplicates-news", None)
    if message is None:
        return
    kind, sentence, batch, refused = message
    st.toast(plain_text(sentence))  # whoever acts is far below the head of the page
    with st.container(key="duplicates-news"):
        (st.error if kind == "error" else st.success)(plain_text(sentence))
        if batch:
            st.button("Undo", key="duplicates-undo", icon=":material/undo:", on_click=restore, args=(collection, batch))
        if refused:
            with st.expander(f"{count_of(len(refused), 'picture')} left in place"):
                for name, why in refused[:_SHOWN]:
                    st.markdown(f"- {plain_text(name)}: {plain_text(why)}")
                if len(refused) > _SHOWN:
                    st.caption(f"… and {len(refused) - _SHOWN:,} more")


def trash_list(collection: str) -> None:
    """Draw every act that can be undone, newest first."""
    dropped = workbench().dropped(collection)
    if not dropped:
        return
    files = sum(len(batch.waiting) for batch in dropped if batch.kind == "trash")
    with st.expander(f"Trash · {count_of(files, 'picture')}", icon=":material/restore_from_trash:", key="trash-list"):
        st.caption(
            f"Nothing is deleted for good. To free the space, delete the folder "
            f"{plain_text(trash_of(open_collection(collection)))} yourself."
        )
        for batch in dropped[:_LISTED]:
            _line(collection, batch)
        if len(dropped) > _LISTED:
            st.caption(f"… and {len(dropped) - _LISTED:,} older ones")


def _line(collection: str, batch: Batch) -> None:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(batch.time))
    size = sum(entry.size for entry in batch.waiting)
    what = "replaced by hard links" if batch.kind == "link" else "moved to the trash"
    said = f"{count_of(len(batch.waiting), 'picture')} ({file_size(size)}) {what}"
    if batch.cut_off:
        said += " · this was cut off"
    with st.container(horizontal=True, vertical_alignment="center", key=f"trash-{batch.name}"):
        st.markdown(f"{when} · {said}")
        st.button("Restore", key=f"restore-{batch.name}", on_click=restore, args=(collection, batch.name))
