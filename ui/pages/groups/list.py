"""The groupings of a collection, newest first, each with a button that opens it."""

from __future__ import annotations

import streamlit as st

from engine.core.cache import file_stamp
from engine.core.errors import BenzerError
from engine.core.humanize import count_of
from engine.grouping.stored.grouping import Grouping
from engine.grouping.stored.listing import damaged_groupings
from ui.comparisons.live import made_text
from ui.pages.groups.result import ask_to_remove, rename_and_delete
from ui.pages.groups.state import asked_for, kept, listed, open_grouping, panel_key, steps_text
from ui.session.opened import workbench
from ui.shared.plain_text import plain_text
from ui.shared.titles import encoder_titles

SHOWN = 8


def groupings_list(collection: str, opened: str) -> None:
    """Draw a card for every grouping of the collection except the open one."""
    _damaged(collection)
    found = [grouping for grouping in listed(collection) if grouping.name != opened]
    if not found:
        return
    st.header("Other groupings" if opened else "Groupings", anchor=False)
    shown = st.session_state.get("groupings_shown", SHOWN)
    for grouping in found[:shown]:
        try:
            _card(collection, grouping)
        except (BenzerError, FileNotFoundError) as error:  # removed or damaged meanwhile, in another tab or by hand
            st.caption(plain_text(str(error)))
    if len(found) > shown:
        st.button(f"Show {len(found) - shown} more", key="groupings-more", on_click=_show, args=(len(found),))


def _damaged(collection: str) -> None:
    """Say which groupings cannot be read, and how to delete them."""
    for name, sentence in damaged_groupings(workbench().collection(collection)):
        command = f"python -m engine group --collection {collection} --delete {name}"
        st.warning(f"{plain_text(sentence)} Delete with: {plain_text(command)}", icon=":material/error:")


def _show(count: int) -> None:
    st.session_state.groupings_shown = count


def _card(collection: str, grouping: Grouping) -> None:
    name, title = grouping.name, grouping.title
    with st.container(border=True, key=f"grouping-card-{collection}-{name}", gap="small"):
        words, buttons = st.columns([4, 1.6], vertical_alignment="center", gap="medium")
        with words, st.container(gap="xsmall"):
            st.markdown(f"**{plain_text(title)}**")
            st.caption(plain_text(_summary(grouping)))
        with buttons, st.container(horizontal=True, horizontal_alignment="right"):
            if asked_for(f"remove-{collection}-{name}"):
                ask_to_remove(collection, name, title, len(grouping.edits()))
            with st.popover("More", key=panel_key(f"grouping-more-{collection}-{name}"), on_change="rerun") as panel:
                if panel.open:
                    _more(collection, grouping, title)
            st.button(
                "Open", key=f"grouping-open-{collection}-{name}", icon=":material/open_in_new:",
                on_click=open_grouping, args=(collection, name),
            )  # fmt: skip


def _summary(grouping: Grouping) -> str:
    recipe, facts = grouping.recipe, grouping.facts
    key = f"{recipe.encoder}@{recipe.weights}" if recipe.weights else recipe.encoder
    edits = len(grouping.edits())
    groups = _groups_now(grouping) if edits else int(facts["groups"])
    size = f"{count_of(int(facts['images']), 'picture')} in {count_of(groups, 'group')}"
    changed = [count_of(edits, "manual change")] if edits else []
    parts = [size, encoder_titles().get(key, key), steps_text(grouping.plan), made_text(grouping.made), *changed]
    return " · ".join(parts)


def _groups_now(grouping: Grouping) -> int:
    """The number of groups after manual edits."""
    key = ("count", grouping.folder, file_stamp(grouping.folder / "current.json"))
    return int(kept(key, lambda: sum(group.number >= 0 for group in grouping.groups().groups)))


def _more(collection: str, grouping: Grouping, title: str) -> None:
    key = f"{collection}-{grouping.name}"
    rename_and_delete(grouping, title, "grouping", key)
