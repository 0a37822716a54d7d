"""The groups as cards, and an open group: its members by distance, outliers last, with actions."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from engine.core.humanize import count_of, percent
from engine.grouping.stored.grouping import Group
from engine.grouping.stored.palette import COLOURS, NOISE
from ui.pages.groups.export import export_menu
from ui.pages.groups.selection import selection_bar
from ui.pages.groups.state import Seen, edit, kept, rows_of, select, select_also, state_key, tiles, toggle
from ui.session.opened import workbench
from ui.shared.plain_text import plain_text
from ui.shared.text_field import text_field
from ui.widgets.gallery import gallery
from ui.widgets.group_cards import Card, group_cards, swatch

CARDS = 24
MEMBERS = 48
_THUMBS = 9
_COLUMNS = 8


def groups_tab(view: Seen) -> None:
    """Draw the cards of all groups, or the open group."""
    number = st.session_state.get("group_open")
    if number is None:
        _cards(view)
    else:
        _opened(view, view.groups.group(number))


def close_missing_group(view: Seen) -> None:
    """Show all groups if the open one has been merged, or undone, since it was opened."""
    if st.session_state.get("group_open") not in {group.number for group in view.groups.groups}:
        st.session_state.group_open = None


def colour(group: Group) -> tuple[str, str]:
    """A group's colour in the light and the dark theme."""
    return COLOURS[group.colour % len(COLOURS)] if group.colour >= 0 else NOISE


def open_group(number: int | None) -> None:
    """Show a group, or all of them."""
    st.session_state.group_open = number
    st.session_state.group_shown = MEMBERS
    select([])


# ── all of them ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _cards(view: Seen) -> None:
    groups = view.groups.groups
    shown = st.session_state.get("group_cards_shown", CARDS)
    names = _suggested_names(view, groups[:shown])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Cards show the pictures closest to the centre. Click one to open the group.", width="stretch")
        st.button(
            "Use suggested names", key="groups-name-all", icon=":material/auto_awesome:", disabled=not names,
            on_click=_name_all, args=(view,),
            help="Name every group by labels, folders or what the pictures show. Undo takes all the names back.",
        )  # fmt: skip
        _merge(view)
    cards = [_card(view, group, names.get(group.number, "")) for group in groups[:shown]]
    group_cards(cards, key=f"group-cards-{view.key}", title="Groups", on_open=open_group)
    if len(groups) > shown:
        rest = len(groups) - shown
        st.button(f"Show {rest:,} more", key="group-cards-more", on_click=_show_cards, args=(len(groups),))


def _show_cards(count: int) -> None:
    st.session_state.group_cards_shown = count


def _suggested_names(view: Seen, groups: list[Group]) -> dict[int, str]:
    """A name for each group without one, by its number, as far as one is evident."""
    unnamed = [group for group in groups if group.number >= 0 and not group.named]
    key = ("names", state_key(view), tuple(group.number for group in unnamed))
    taken = [group.title for group in view.groups.groups if group.named]
    found = kept(key, lambda: workbench().suggested_names(view.collection, [group.ids for group in unnamed], taken))
    return {group.number: name for group, name in zip(unnamed, found, strict=True) if name}


def _name_all(view: Seen) -> None:
    """Give every group its suggested name, those whose cards are not shown included, as one change."""
    names = _suggested_names(view, view.groups.groups)
    edit(view, {"kind": "names", "titles": {str(number): name for number, name in names.items()}})


def _card(view: Seen, group: Group, suggested: str) -> Card:
    thumbs = [tile.src for tile in tiles(view.collection, group.ids[: 2 * _THUMBS])][:_THUMBS]
    odd = count_of(group.odd, "outlier") if group.odd else ""
    note = " · ".join(filter(None, [f"Suggested name: {suggested}" if suggested else "", odd]))
    return Card(group.number, group.title, len(group), colour(group), thumbs, note)


def _change(view: Seen, change: dict[str, Any]) -> None:
    """Apply an edit: for buttons."""
    edit(view, change)


def _merge(view: Seen) -> None:
    titles = {group.number: f"{group.title} ({len(group):,})" for group in view.real}
    with st.popover(
        "Merge groups", icon=":material/merge:", key=f"groups-merge-{view.key}-{view.edited}", on_change="rerun"
    ) as panel:
        if not panel.open:
            return
        chosen = st.multiselect(
            "Groups to merge", list(titles), key=f"groups-merged-{view.key}-{view.edited}",
            format_func=titles.__getitem__, placeholder="Choose at least two",
        )  # fmt: skip
        st.button(
            "Merge", key="groups-merge-now", type="primary", disabled=len(chosen) < 2, on_click=_change,
            args=(view, {"kind": "merge", "groups": chosen}),
        )  # fmt: skip


# ── one of them ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _opened(view: Seen, group: Group) -> None:
    _group_head(view, group)
    usual = len(group) - group.odd
    shown = min(st.session_state.get("group_shown", MEMBERS), usual)
    st.caption(_explained(view, group))
    selection_bar(view, "members", home=group.number)
    members = tiles(view.collection, group.ids[:shown], _distances(group, 0, shown))
    gallery(
        members, key=f"group-members-{view.key}-{group.number}", title=f"Members of {group.title}", columns=_COLUMNS,
        kind="browse", on_pick=toggle, on_range=select_also, scroll=False,
    )  # fmt: skip
    if usual > shown:
        st.button(
            f"Show {min(4 * MEMBERS, usual - shown):,} more", key="group-more", on_click=_show_more, args=(shown,)
        )
    if group.odd:
        _outliers(view, group, usual)


def _distances(group: Group, start: int, end: int) -> list[float] | None:
    return [float(distance) for distance in group.distances[start:end]] if group.number >= 0 else None


def _explained(view: Seen, group: Group) -> str:
    gone = int((rows_of(view.collection, group.ids) < 0).sum())
    are = "is" if gone == 1 else "are"
    missing = f" {count_of(gone, 'picture')} {are} no longer in the collection." if gone else ""
    if group.number < 0:
        return f"These pictures fit no group. Click to select; Shift selects a range.{missing}"
    return f"Sorted by distance to the group centre. Click to select; Shift selects a range.{missing}"


def _show_more(shown: int) -> None:
    st.session_state.group_shown = shown + 4 * MEMBERS


def _outliers(view: Seen, group: Group, usual: int) -> None:
    st.subheader("Outliers", anchor=False)
    st.caption("Unusually far from the group centre; they may belong to another group.")
    odd = tiles(view.collection, group.ids[usual : usual + MEMBERS], _distances(group, usual, usual + MEMBERS))
    gallery(
        odd, key=f"group-odd-{view.key}-{group.number}", title=f"Outliers of {group.title}", columns=_COLUMNS,
        kind="browse", on_pick=toggle, on_range=select_also, scroll=False,
    )  # fmt: skip
    st.button("Select all outliers", key="group-select-odd", on_click=select, args=(group.ids[usual:].tolist(),))


def _group_head(view: Seen, group: Group) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
            st.button("All groups", key="group-close", icon=":material/arrow_back:", on_click=partial(open_group, None))
            st.html(swatch(colour(group), "1.1rem"), width="content")
            st.subheader(plain_text(f"{group.title} · {len(group):,}"), anchor=False)
        with st.container(horizontal=True, width="content", gap="small", key="group-acts"):
            if group.number >= 0:
                _name(view, group)
                _merge_with(view, group)
                _split(view, group)
            export_menu(view, group)


def _name(view: Seen, group: Group) -> None:
    with st.popover(
        "Rename", icon=":material/edit:", key=f"group-name-panel-{view.key}-{view.edited}", on_change="rerun"
    ) as panel:
        if not panel.open:
            return
        key = f"group-name-{view.key}-{group.number}-{view.edited}"
        text_field(
            "Group name", group.title if group.named else "", key=key, button="Save",
            button_key="group-name-save", max_chars=80, primary=True,
            on_sent=lambda title: edit(view, {"kind": "name", "group": group.number, "title": title}),
        )  # fmt: skip
        _suggestion(view, group)


def _suggestion(view: Seen, group: Group) -> None:
    """Offer what most pictures of the group show as its name."""
    found = workbench().suggested_name(view.collection, group.ids)
    if found is None or found[0] == group.title:
        return
    change = {"kind": "name", "group": group.number, "title": found[0]}
    st.button(
        f"Use “{plain_text(found[0])}”", key="group-name-suggested", on_click=_change, args=(view, change),
        help=f"What these pictures show by an ImageNet network: {percent(found[1])} of its probability.",
    )  # fmt: skip


def _merge_with(view: Seen, group: Group) -> None:
    others = {other.number: f"{other.title} ({len(other):,})" for other in view.real if other.number != group.number}
    with st.popover(
        "Merge",
        icon=":material/merge:",
        key=f"group-merge-panel-{view.key}-{view.edited}",
        on_change="rerun",
        disabled=not others,
    ) as panel:
        if not panel.open:
            return
        key = f"group-merge-{view.key}-{group.number}-{view.edited}"
        other = st.selectbox("Merge with", list(others), key=key, format_func=others.__getitem__)
        change = {"kind": "merge", "groups": [group.number, other]}
        st.button("Merge groups", key="group-merge-now", type="primary", on_click=_change, args=(view, change))


def _split(view: Seen, group: Group) -> None:
    with st.popover(
        "Split", icon=":material/call_split:", key=f"group-split-panel-{view.key}-{view.edited}", on_change="rerun",
        disabled=len(group) < 2,
    ) as panel:  # fmt: skip
        if not panel.open:
            return
        most = min(100, len(group))
        parts = st.number_input("Number of parts", 2, most, 2, key=f"group-split-{view.key}-{group.number}")
        change = {"kind": "split", "group": group.number, "into": int(parts)}
        st.button("Split group", key="group-split-now", type="primary", on_click=_split_now, args=(view, change))


def _split_now(view: Seen, change: dict[str, object]) -> None:
    if edit(view, change):
        open_group(None)  # its parts appear among the cards
