"""The outcome of the last action, and the list of what can be restored."""

from __future__ import annotations

import os
import time
from functools import partial

import streamlit as st

from engine.core.humanize import count_of, file_size
from engine.duplicates.acts.journal import Batch, Entry, trash_of
from ui.pages.duplicates.state import restore
from ui.session.opened import open_collection, recent_jobs, workbench
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text
from ui.widgets.gallery import Tile, gallery, served_below

_SHOWN = 10  # refused files that are named
_LISTED = 20  # acts
_SHOWN_PICTURES = 24  # of an act, and how many more at a time


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


def trash_button(collection: str) -> None:
    """Draw the button that opens the trash; nothing where there is nothing to restore."""
    with errors_shown():
        dropped = workbench().dropped(collection)
        files = sum(len(batch.waiting) for batch in dropped if batch.kind == "trash")
        said = f"Trash · {count_of(files, 'picture')}"
        if dropped and st.button(said, key="trash-open", icon=":material/restore_from_trash:"):
            _trash(collection)


@st.dialog("Trash", width="large")
def _trash(collection: str) -> None:
    trash_list(collection)


def trash_list(collection: str) -> None:
    """Draw every act that can be undone, newest first, each with its pictures."""
    dropped = workbench().dropped(collection)
    st.caption(
        f"Click pictures to restore these alone. Nothing is deleted for good: to free the space, delete the folder "
        f"{plain_text(trash_of(open_collection(collection)))} yourself."
    )
    for batch in dropped[:_LISTED]:
        _act(collection, batch, opened=batch.name == dropped[0].name)
    if len(dropped) > _LISTED:
        st.caption(f"… and {len(dropped) - _LISTED:,} older ones")


def _act(collection: str, batch: Batch, *, opened: bool) -> None:
    waiting = batch.waiting
    key = f"trash-{batch.name}"
    panel = st.expander(_said(batch, waiting), expanded=opened, key=key, on_change="rerun")
    if panel.open:
        with panel:
            _pictures(collection, batch, waiting)


def _said(batch: Batch, waiting: list[Entry]) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(batch.time))
    size = sum(entry.size for entry in waiting)
    what = "replaced by hard links" if batch.kind == "link" else "moved to the trash"
    said = f"{when} · {count_of(len(waiting), 'picture')} ({file_size(size)}) {what}"
    return said + (" · this was cut off" if batch.cut_off else "")


def _pictures(collection: str, batch: Batch, waiting: list[Entry]) -> None:
    """The files of an act to choose from, and what restores the chosen ones or all."""
    chosen: set[int] = st.session_state.setdefault(f"trash-chosen-{batch.name}", set())
    shown_key = f"trash-shown-{batch.name}"
    shown = st.session_state.get(shown_key, _SHOWN_PICTURES)
    numbers = {entry.path: number for number, entry in enumerate(batch.entries)}
    numbered = [(numbers[entry.path], entry) for entry in waiting]
    chosen &= {number for number, _ in numbered}
    with st.container(horizontal=True, key=f"trash-acts-{batch.name}"):
        if chosen and st.button(f"Restore {len(chosen):,} selected", key=f"restore-some-{batch.name}", type="primary"):
            restore(collection, batch.name, [entry.path for number, entry in numbered if number in chosen])
            st.rerun()
        if st.button(f"Restore all {len(waiting):,}" if len(waiting) > 1 else "Restore", key=f"restore-{batch.name}"):
            restore(collection, batch.name)
            st.rerun()
    gallery(
        [_tile(collection, batch, number, entry, number in chosen) for number, entry in numbered[:shown]],
        key=f"trash-pictures-{batch.name}", title="Pictures in the trash", columns=6, kind="browse",
        on_pick=partial(_choose, chosen), on_range=chosen.update, scroll=False,
    )  # fmt: skip
    if len(numbered) > shown:
        st.button(f"Show {min(_SHOWN_PICTURES, len(numbered) - shown)} more", key=f"trash-more-{batch.name}",
                  on_click=st.session_state.__setitem__, args=(shown_key, shown + _SHOWN_PICTURES))  # fmt: skip


def _choose(chosen: set[int], number: int) -> None:
    chosen.symmetric_difference_update({number})


def _tile(collection: str, batch: Batch, number: int, entry: Entry, selected: bool) -> Tile:
    """A file of an act; its label is its name, and the whole path below the folder where the mouse rests."""
    path = entry.rows[0].name if entry.rows else os.fsencode(entry.path).decode(errors="replace")
    src = f"{served_below('dropped', collection)}/{batch.name}/{number}.jpg"
    return Tile(id=number, src=src, name=path, label=path.rpartition("/")[2], selected=selected)
