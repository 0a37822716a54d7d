"""Actions on the files of selected pictures: copying, moving to the trash, writing sidecars; and undo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from engine.core.errors import BadParameter, BenzerError, reason_of
from engine.core.humanize import count_of
from engine.jobs.job import Job
from ui.session.opened import images_of, recent_jobs, workbench
from ui.session.paths import folder_under_roots
from ui.session.query import forget_pictures

AT_ONCE = 200  # files that are copied or moved while the page waits; more are the work of a job
_MOVED = "moved to the trash"


@dataclass(frozen=True)
class Done:
    """The outcome of an action: a sentence, how to undo it (None: not possible), and the removed pictures."""

    text: str
    undo: tuple[str, Any] | None = None
    gone: Sequence[int] = ()


def copy_files(collection: str, ids: list[int], text: str) -> Done:
    """Copy files to a folder on this computer, which is created if its parent exists."""
    if "\0" in text:
        raise BadParameter("folder", "copies", "the path of a folder on this computer", text)
    parent, _, name = text.rstrip("/").rpartition("/")
    folder = folder_under_roots(parent) / name if parent and name else folder_under_roots(text)
    _make(folder)
    arguments: dict[str, Any] = {"collection": collection, "ids": ids, "folder": str(folder_under_roots(str(folder)))}
    st.session_state.copied_to = text
    if len(ids) > AT_ONCE:
        st.session_state.act_job = workbench().start("files", **arguments).id
        return Done(f"Copying {count_of(len(ids), 'file')} to {folder} in the background.")
    return _copied(workbench().run("files", **arguments))


def _make(folder: Path) -> None:
    """Make a folder that may exist; BenzerError where it cannot be made."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        way_out = "Choose another folder."
        raise BenzerError(f"The folder {str(folder)!r} cannot be made: {reason_of(error)}.", way_out=way_out) from error


def _copied(result: dict[str, Any]) -> Done:
    left_out = f" {count_of(len(result['left_out']), 'file')} could not be read." if result["left_out"] else ""
    text = f"Copied {count_of(result['count'], 'file')} to {result['path']}.{left_out}"
    return Done(text, ("files", (result["path"], result["made"])))


def move_to_trash(collection: str, ids: list[int]) -> Done:
    """Move files to the trash folder beside them; BenzerError where all of them stay."""
    drops = workbench().to_trash(collection, ids)
    if len(drops) > AT_ONCE:
        taken = [[drop.id, drop.hash, None] for drop in drops]
        st.session_state.act_job = workbench().start("tidy", collection=collection, act="trash", drops=taken).id
        return Done(f"Moving {count_of(len(drops), 'picture')} to the trash in the background.", gone=ids)
    outcome = workbench().drop_duplicates(collection, drops)
    if not outcome.files:
        raise BenzerError(outcome.sentence(_MOVED))
    return _trashed(collection, ids, outcome.sentence(_MOVED), outcome.batch)


def _trashed(collection: str, ids: list[int], sentence: str, batch: str) -> Done:
    there = set(images_of(collection).ids.tolist())
    gone = [id for id in ids if id not in there]
    forget_pictures(gone)
    return Done(f"{sentence} The trash is listed under Duplicates.", ("trash", batch) if batch else None, gone)


def ended(collection: str) -> Job | None:
    """The job that was started on this page, returned once when it has ended."""
    wanted = st.session_state.get("act_job")
    job = next((job for job in recent_jobs() if job.id == wanted), None) if wanted else None
    if job is None or job.alive or job.config["arguments"].get("collection") != collection:
        return None
    del st.session_state["act_job"]
    return job


def result_of(job: Job, collection: str) -> Done:
    """What a job has done; BenzerError where it failed."""
    if job.state != "done":
        raise BenzerError(job.error or "The work was stopped. What was done so far stays.")
    result = (job.result or {})["value"]
    if job.kind in ("files", "sidecars"):
        return _copied(result) if job.kind == "files" else _written(result)
    ids = [int(drop[0]) for drop in job.config["arguments"]["drops"]]
    return _trashed(collection, ids, result["sentence"], result["batch"])


def write_sidecars(collection: str, ids: list[int]) -> Done:
    """Write tags and stars to XMP files beside the pictures; BenzerError where none could be written."""
    if len(ids) > AT_ONCE:
        st.session_state.act_job = workbench().start("sidecars", collection=collection, ids=ids).id
        return Done(f"Writing the sidecar files of {count_of(len(ids), 'picture')} in the background.")
    return _written(workbench().run("sidecars", collection=collection, ids=ids))


def _written(report: dict[str, Any]) -> Done:
    left = report["left"]
    if left and not report["written"] + report["unchanged"]:
        raise BenzerError(f"No sidecar file was written: {left[0][1]}")
    said = f"{count_of(report['written'], 'sidecar file')} written, {report['unchanged']:,} unchanged."
    undo = ("sidecars", report["act"]) if report["act"] else None
    return Done(f"{said} {len(left):,} left alone: {left[0][1]}" if left else said, undo)


def take_back(collection: str, what: str, value: Any) -> Done:
    """Undo an action: restore files from the trash or sidecar contents, or remove copies."""
    if what == "trash":
        return Done(workbench().restore_dropped(collection, value).sentence("restored"))
    if what == "sidecars":
        back, others = workbench().undo_sidecars(collection, value)
        said = f"{count_of(back, 'sidecar file')} as before."
        return Done(f"{said} {len(others):,} left in place: {others[0][1]}" if others else said)
    folder, made = value
    removed, left = workbench().remove_copies(collection, Path(folder), made)
    said = f"{count_of(removed, 'copied file')} removed from {folder}."
    return Done(f"{said} {len(left):,} left in place: {left[0].sentence}" if left else said)
