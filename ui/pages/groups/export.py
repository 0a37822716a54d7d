"""Exporting groups: a CSV, folders, a ZIP, a new collection, or labels written to the collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine.collections.labelling import last_writing, undo_labels, write_labels
from engine.core.errors import BenzerError
from engine.core.humanize import count_of
from engine.grouping.stored.exporting import MOST_IN_A_ZIP
from engine.grouping.stored.exports import groups_csv
from engine.grouping.stored.grouping import Group
from ui.pages.groups.state import Seen, ask, asked_for, close_panels, kept, names_of, panel_key, state_key
from ui.session.opened import free_name, images_of, open_collection, workbench
from ui.session.paths import folder_under_roots, offered_folder, roots
from ui.shared.messages import errors_shown, show_error
from ui.shared.plain_text import plain_text
from ui.shared.text_field import text_field
from ui.shared.titles import collection_title


def export_menu(view: Seen, group: Group | None = None) -> None:
    """A button that opens the export menu of a group or of all groups."""
    place = f"{view.key}-{'all' if group is None else group.number}"
    with st.popover(
        "Export", icon=":material/download:", key=panel_key(f"groups-export-{place}"), on_change="rerun"
    ) as panel:
        groups = view.groups.groups if group is None else [group]
        if asked_for(f"labels-{place}"):
            _ask_to_label(view, groups)
        if not panel.open:
            return
        _files(view, groups, place, "" if group is None else f"-{group.number + 1}")
        _folders(view, groups, place)
        _collection(view, groups, place)
        _labels(view, place)


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def groups_csv_file(view: Seen, groups: Sequence[Group]) -> bytes:
    """A row for each picture, for spreadsheets."""
    key = ("csv", state_key(view), tuple(group.number for group in groups))
    names = dict(zip(view.groups.ids.tolist(), names_of(view.collection, view.groups.ids), strict=True))
    made: bytes = kept(key, lambda: groups_csv(groups, names).encode("utf-8-sig"))
    return made


def part_csv(view: Seen, ids: Sequence[int]) -> bytes:
    """A row for each of the given pictures, whatever their groups."""
    from dataclasses import replace

    import numpy as np

    parts = []
    for group in view.groups.groups:
        inside = np.isin(group.ids, ids)
        odd = int(inside[len(group) - group.odd :].sum())
        parts.append(replace(group, ids=group.ids[inside], distances=group.distances[inside], odd=odd))
    names = dict(zip(ids, names_of(view.collection, ids), strict=True))
    return groups_csv(parts, names).encode("utf-8-sig")


def _files(view: Seen, groups: Sequence[Group], place: str, ending: str) -> None:
    with st.container(horizontal=True):
        st.download_button(
            "CSV", lambda: groups_csv_file(view, groups), f"{view.name}{ending}.csv", "text/csv",
            key=f"groups-csv-{place}", icon=":material/download:", on_click="ignore",
            help="One line per picture: file, group, distance to the centre, outlier.",
        )  # fmt: skip
        large = _bytes(view, groups) > MOST_IN_A_ZIP
        if st.button(
            "ZIP of folders", key=f"groups-zip-{place}", icon=":material/folder_zip:", disabled=large,
            help="Too large for a ZIP; copy the files to a folder instead." if large else "One folder per group.",
        ):  # fmt: skip
            with errors_shown():
                _start_copy(view, groups, "")


def _bytes(view: Seen, groups: Sequence[Group]) -> int:
    """The size of these groups' pictures."""

    def sizes() -> dict[int, int]:
        return {row.id: row.size for row in open_collection(view.collection).rows("image")}

    known: dict[int, int] = kept(("sizes", state_key(view)), sizes)
    return sum(known.get(id, 0) for group in groups for id in group.ids.tolist())


def _named(view: Seen, groups: Sequence[Group]) -> dict[str, Any]:
    """The groups as job arguments: by number, since thousands of picture ids are too long."""
    whole = len(groups) == len(view.groups.groups)
    return {"grouping": view.name, "groups": None if whole else [group.number for group in groups]}


# ── folders and collections ──────────────────────────────────────────────────────────────────────────────────────────


def _folders(view: Seen, groups: Sequence[Group], place: str) -> None:
    st.markdown("**Folders on this computer**")
    st.caption("Pictures are copied into a new folder; nothing is overwritten. Allowed folders: " + _allowed())
    folder = text_field(
        "Folder", offered_folder(), key=f"groups-folder-{place}", button="Copy files", same=True, max_chars=None,
        button_key=f"groups-copy-{place}", icon=":material/folder_copy:",
    )  # fmt: skip
    if folder:
        with errors_shown():
            _start_copy(view, groups, str(folder_under_roots(folder)))


def _allowed() -> str:
    return plain_text(", ".join(map(str, roots())))


def _collection(view: Seen, groups: Sequence[Group], place: str) -> None:
    st.markdown("**A new collection**")
    st.caption("Pictures are copied; group names become labels.")
    title = text_field(
        "Collection name", key=f"groups-collection-{place}", button="Create collection",
        button_key=f"groups-extract-{place}", icon=":material/library_add:",
    )  # fmt: skip
    if title:
        with errors_shown():
            start_extract(view.collection, title, **_named(view, groups), alone="")


def _start_copy(view: Seen, groups: Sequence[Group], folder: str) -> None:
    """Copy the pictures into a new folder below `folder`, or into a ZIP, in a job."""
    workbench().start(
        "copy", collection=view.collection, title=view.title, folder=folder, **_named(view, groups)
    )  # fmt: skip
    st.toast("Copying started.", icon=":material/folder_copy:")
    close_panels()
    st.rerun()


def start_extract(collection: str, title: str, **pictures: Any) -> None:
    """Start the job that makes a new collection of `pictures`; NameTaken at once if the name is in use."""
    free_name(title)
    workbench().start("extract", collection=collection, title=title, **pictures)
    st.toast("Creating the collection.", icon=":material/library_add:")
    close_panels()
    st.rerun()


# ── labels ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _labels(view: Seen, place: str) -> None:
    st.markdown("**Labels of this collection**")
    with st.container(horizontal=True):
        st.button(
            "Write as labels …", key=f"groups-labels-{place}", icon=":material/label:", on_click=ask,
            args=(f"labels-{place}",),
        )  # fmt: skip
        last = last_writing(open_collection(view.collection))
        if last is not None and st.button(
            "Restore labels", key=f"groups-unlabel-{place}", icon=":material/undo:",
            help=f"Restores {count_of(last['count'], 'label')} changed by “{last['what']}”.",
        ):  # fmt: skip
            with errors_shown():
                _take_back(view, last["made"])


@st.dialog("Write these groups as labels?")
def _ask_to_label(view: Seen, groups: Sequence[Group]) -> None:
    real = [group for group in groups if group.number >= 0]
    labels = labels_of(view, real)
    count = len(labels)
    st.write(
        f"{count_of(count, 'picture')} of **{plain_text(collection_title(view.collection))}** get the name of their "
        "group as their label. The present labels are kept and can be put back with *Restore labels*. "
        "Ungrouped pictures keep their label. Vectors and indexes stay as they are."
    )
    if not all(group.named for group in real):
        st.caption("Unnamed groups will be labelled Group 1, Group 2 and so on.")
    with st.container(horizontal=True):
        if st.button("Write labels", type="primary", key="groups-labels-yes", disabled=not labels):
            _write(view, labels)
        if st.button("Cancel", key="groups-labels-no"):
            st.rerun()


def labels_of(view: Seen, groups: Sequence[Group]) -> dict[int, str]:
    """The group name of each picture that still exists."""
    there = set(images_of(view.collection).ids.tolist())
    return {id: group.title for group in groups for id in group.ids.tolist() if id in there}


def _write(view: Seen, labels: dict[int, str]) -> None:
    try:
        changed = write_labels(open_collection(view.collection), labels, view.title)
    except BenzerError as error:
        show_error(error)
        return
    st.session_state.groups_news = f"{count_of(changed, 'label')} changed."
    st.rerun()


def _take_back(view: Seen, made: float) -> None:
    changed = undo_labels(open_collection(view.collection), made)
    st.session_state.groups_news = f"{count_of(changed, 'label')} restored."
    close_panels()
    st.rerun()
