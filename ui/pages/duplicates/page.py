"""The duplicates page: groups of pictures that show the same, to go through by keyboard, and the trash."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine.core.errors import BenzerError
from engine.core.recipe import Recipe
from engine.duplicates.groups import FoundDuplicates
from ui.pages.duplicates.by_vectors import by_vectors
from ui.pages.duplicates.controls import controls, exports, strength_in_address
from ui.pages.duplicates.state import (
    act,
    found_duplicates,
    keep_marks,
    marks_of,
    part,
    read_link,
    version_of,
    when_taken,
)
from ui.pages.duplicates.trash import news, trash_button
from ui.pages.duplicates.work import Compared, preparing
from ui.session.address import write_opened
from ui.session.opened import gone_folder, images_of
from ui.shared.first_ways import add_pictures
from ui.shared.messages import empty_state, errors_shown, show_complaint, show_error
from ui.shared.plain_text import plain_text
from ui.shared.titles import encoder_titles
from ui.widgets.culling import culling

_GROUPS_A_PAGE = 50


def page() -> None:
    """Draw the settings, the groups with their action bar, and what can be restored."""
    st.title("Find duplicates", anchor=False)
    show_complaint()
    recipe: Recipe | None = st.session_state.recipe
    if recipe is None:
        empty_state(
            "Nothing to look through yet",
            "Add a collection of pictures first.",
            {"Add pictures": add_pictures},
            key="no-dupes",
        )
        return
    name = recipe.collection
    read_link()
    messages, choices, work, groups, vectors = (st.container() for _ in range(5))
    with messages:
        news(name)
        _gone(name)
    if not len(images_of(name).ids):
        empty_state("No duplicates", "This collection is empty.", {"Add pictures": add_pictures}, key="no-dupes")
        trash_button(name)
    else:
        with choices, errors_shown():
            controls(name)
        compared = Compared()
        with work, errors_shown():
            compared = preparing(name)
        with groups:
            _groups(name, compared)
        with vectors:
            _vectors(recipe)
    write_opened({"collection": name, "strength": strength_in_address(name)})


def _gone(name: str) -> None:
    """Say that the folder of the pictures is not there, before somebody goes through them in vain."""
    if folder := gone_folder(name):
        st.warning(
            f"The folder {plain_text(folder)} has gone, so nothing can be moved. The card of the collection finds "
            "it again.",
            icon=":material/folder_off:",
        )
        go = {"go_to": "collections"}
        st.button("Open Collections", key="duplicates-gone", on_click=st.session_state.update, args=(go,))


def _vectors(recipe: Recipe) -> None:
    """Draw near duplicates by the vectors that Search uses, on request."""
    panel = st.expander("By vectors", icon=":material/scatter_plot:", key="duplicates-vectors", on_change="rerun")
    if panel.open:
        with panel, errors_shown():
            key = f"{recipe.encoder}@{recipe.weights}" if recipe.weights else recipe.encoder
            title = encoder_titles(recipe.collection).get(key, recipe.encoder)
            st.caption(
                f"Pictures that are near for {plain_text(title)}; another encoder is chosen on Search or Groups."
            )
            by_vectors(recipe)


def _groups(name: str, compared: Compared) -> None:
    missing = not compared.complete or compared.running
    try:
        found = found_duplicates(name)
    except BenzerError as error:
        show_error(error)
        trash_button(name)
        return
    with st.container(horizontal=True, vertical_alignment="center", key="duplicates-said"):
        sentence = "No equal files so far." if missing and not found.groups else found.sentence()
        st.subheader(plain_text(sentence), anchor=False)
        trash_button(name)
        exports(found)
    if missing:
        st.caption("So far only files of equal content. Pictures that show the same follow when they are compared.")
    if found.groups:
        _cull(found, compared)
    elif not missing and st.session_state["duplicates-strength"] != "loose":
        st.caption("*Loose* finds more.")


def _cull(duplicates: FoundDuplicates, compared: Compared) -> None:
    """The groups of one page, most certain first."""
    name = duplicates.collection
    pages, key = -(-len(duplicates.groups) // _GROUPS_A_PAGE), f"duplicates-page-{duplicates.collection}"
    if not 1 <= int(st.session_state.get(key) or 1) <= pages:
        st.session_state[key] = 1
    first = (int(st.session_state.get(key) or 1) - 1) * _GROUPS_A_PAGE
    numbered = list(enumerate(duplicates.groups, 1))
    shown = numbered[first : first + _GROUPS_A_PAGE]
    elsewhere = [group for number, group in numbered if not first < number <= first + _GROUPS_A_PAGE]
    culling(
        name,
        shown,
        marks_of(name),
        key=f"culling-{name}",
        version=version_of(duplicates) + f"-{first}",
        elsewhere=elsewhere,
        taken=when_taken(name, [group for _, group in shown]),
        offered=compared.offered,
        on_marks=partial(keep_marks, name),
        on_act=partial(act, duplicates),
        on_apart=partial(part, duplicates),
    )
    if pages > 1:
        st.pagination(pages, key=key)
