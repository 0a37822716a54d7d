"""Actions on the selected pictures: in a group, in the tree, on the map."""

from __future__ import annotations

import numpy as np
import streamlit as st

from engine.core.distances import metric as known_metric
from ui.pages.groups.export import part_csv, start_extract
from ui.pages.groups.state import Seen, edit, panel_key, search_for, select, selected
from ui.shared.messages import errors_shown
from ui.shared.text_field import text_field

_EXAMPLES = 12  # most pictures of a query, whose numbers the address holds
_NEW = "new"
_ALONE = -1


def selection_bar(view: Seen, place: str, *, home: int | None = None) -> None:
    """The number of selected pictures, and the actions on them.

    It is drawn even with nothing selected, so that nothing below it moves under the pointer. `place` distinguishes the
    views; `home` is the open group, which pictures cannot be moved to.
    """
    ids = known_ids(view, selected())
    none = not ids
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"selection-at-{place}"):
        st.markdown(f"**{len(ids):,} selected**" if ids else "**None selected**", width="content")
        _move(view, ids, place, home)
        st.button(
            "Search", key=f"selection-search-{place}", icon=":material/image_search:", disabled=none,
            on_click=_search, args=(view, ids),
            help=f"Uses them as examples; of more than {_EXAMPLES}, those nearest to their centre.",
        )  # fmt: skip
        st.download_button(
            "CSV", lambda: part_csv(view, ids), f"{view.name}-selected.csv", "text/csv", key=f"selection-csv-{place}",
            icon=":material/download:", on_click="ignore", disabled=none,
        )  # fmt: skip
        _new_collection(view, ids, place)
        st.button(
            "Clear", key=f"selection-clear-{place}", icon=":material/deselect:", on_click=select, args=([],),
            type="tertiary", disabled=none,
        )  # fmt: skip


def known_ids(view: Seen, ids: list[int]) -> list[int]:
    """The ids that the grouping contains, in their order."""
    if not ids:
        return []
    known: list[int] = np.asarray(ids)[np.isin(ids, view.grouping.ids)].tolist()
    return known


def _search(view: Seen, ids: list[int]) -> None:
    search_for(view, central(view, ids, _EXAMPLES))


def central(view: Seen, ids: list[int], most: int) -> list[int]:
    """At most `most` of the given pictures: those nearest to their mean, nearest first."""
    rows = np.searchsorted(view.grouping.ids, ids)
    inside = np.asarray(view.grouping.space[rows])
    away = known_metric(view.grouping.metric).between(inside.mean(axis=0, keepdims=True), inside)[0]
    return [int(ids[place]) for place in np.argsort(away, kind="stable")[:most]]


def _move(view: Seen, ids: list[int], place: str, home: int | None) -> None:
    titles: dict[object, str] = {_NEW: "New group"}
    titles |= {group.number: f"{group.title} ({len(group):,})" for group in view.real if group.number != home}
    if home != _ALONE:
        titles[_ALONE] = "Ungrouped"
    with st.popover(
        "Move to …",
        icon=":material/drive_file_move:",
        key=f"selection-move-{place}-{view.edited}",
        on_change="rerun",
        disabled=not ids,
    ) as panel:
        if not panel.open:
            return
        to = st.selectbox("Move to", list(titles), key=f"selection-to-{place}", format_func=titles.__getitem__)
        key = f"selection-name-{place}-{view.edited}"
        if to == _NEW:
            st.text_input("Group name", key=key, max_chars=80, placeholder="optional")
        st.button(
            "Move",
            key=f"selection-move-now-{place}",
            type="primary",
            on_click=_move_now,
            args=(view, ids, to, key),
        )


def _move_now(view: Seen, ids: list[int], to: object, key: str) -> None:
    """Move the pictures; a new group gets the typed name."""
    title = str(st.session_state.get(key) or "").strip() if to == _NEW else ""
    if edit(view, {"kind": "move", "ids": ids, "to": to}) and title:
        number = view.grouping.groups().of(ids[0]).number
        edit(view, {"kind": "name", "group": number, "title": title})


def _new_collection(view: Seen, ids: list[int], place: str) -> None:
    with st.popover(
        "New collection",
        icon=":material/library_add:",
        key=panel_key(f"selection-extract-{place}"),
        on_change="rerun",
        disabled=not ids,
    ) as panel:
        if not panel.open:
            return
        st.caption("Pictures are copied and keep their labels.")
        title = text_field(
            "Collection name", key=f"selection-title-{place}", button="Create collection",
            button_key=f"selection-extract-now-{place}", primary=True,
        )  # fmt: skip
        if title:
            with errors_shown():
                start_extract(view.collection, title, parts=[{"label": None, "ids": ids}])
