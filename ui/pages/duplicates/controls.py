"""The controls of the duplicates page: strength, which picture is kept, protected folders, and the list as CSV."""

from __future__ import annotations

import streamlit as st

from engine.core.humanize import count_of
from engine.duplicates.decisions import decisions_of, forget_apart, protect
from engine.duplicates.groups import FoundDuplicates
from engine.duplicates.pairs import LEAST
from engine.duplicates.rules import KEEP, STRENGTHS
from ui.pages.duplicates.state import chosen_strength, folders_in
from ui.session.opened import open_collection
from ui.shared.messages import errors_shown

_STRENGTHS = {"strict": "Strict", "normal": "Normal", "loose": "Loose", "own": "Custom"}


def controls(collection: str) -> None:
    """Draw the controls, which must precede the groups that depend on them."""
    state = st.session_state
    state.setdefault("duplicates-strength", "normal")
    state.setdefault("duplicates-keep", "largest")
    folders = folders_in(collection)
    with st.container(horizontal=True, vertical_alignment="bottom", key="duplicates-controls"):
        strengths = ", ".join(f"{name} {least:g}" for name, least in STRENGTHS.items())
        st.segmented_control(
            "How alike", list(_STRENGTHS), format_func=_STRENGTHS.__getitem__, key="duplicates-strength", required=True,
            persist_state="session",
            help=f"The least likeness of two duplicates, from 0 to 1: {strengths}. *Custom* takes any number.",
        )  # fmt: skip
        if state["duplicates-strength"] == "own":
            _number(collection)
        kept = [name for name in KEEP if name != "folder" or folders]
        st.selectbox(
            "Keep", kept, format_func=KEEP.__getitem__, key="duplicates-keep", width=170, persist_state="session",
            help="Which picture of each group is kept. Of equally large ones: in colour, then the larger file. "
            "*Oldest* is the file that was changed longest ago.",
        )  # fmt: skip
        if state["duplicates-keep"] == "folder" and folders:
            st.selectbox("Folder", folders, key=f"keep-folder-{collection}", width=220, persist_state="session")
        if folders:
            _protected(collection, folders)


def _number(collection: str) -> None:
    key = f"likeness-{collection}"
    st.session_state.setdefault(key, STRENGTHS["normal"])
    st.number_input("Least likeness", LEAST, 1.0, step=0.01, key=key, width=150, persist_state="session")


def _protected(collection: str, folders: list[str]) -> None:
    """Folders nothing is taken from; the choice is remembered with the collection."""
    opened = open_collection(collection)
    known = [folder for folder in decisions_of(opened).protected if folder in folders]
    key = f"protected-{collection}"
    st.session_state.setdefault(key, known)

    def chosen() -> None:
        with errors_shown():
            protect(opened, st.session_state[key])

    st.multiselect(
        "Protected folders", folders, key=key, on_change=chosen, width=320, persist_state="session",
        placeholder="None", help="Nothing in these folders, or below them, is taken away.",
    )  # fmt: skip


def exports(duplicates: FoundDuplicates) -> None:
    """Draw the buttons for CSV and for resetting the decisions on what is not a duplicate."""
    name = f"benzer-{duplicates.collection}-duplicates.csv"
    if duplicates.groups:
        st.download_button(
            "CSV", lambda: duplicates.to_csv().encode("utf-8-sig"), name, "text/csv",
            key="duplicates-csv", on_click="ignore", icon=":material/download:",
            help="One line for each picture of a group.",
        )  # fmt: skip
    opened = open_collection(duplicates.collection)
    apart = decisions_of(opened).apart
    if apart:
        st.button(
            "Reset “not duplicates”", key="duplicates-forget", type="tertiary", on_click=forget_apart, args=(opened,),
            help=f"Forgets “not duplicates” for {count_of(len(apart), 'group')} of pictures.",
        )  # fmt: skip


def strength_in_address(collection: str) -> str:
    """The strength as written in an address."""
    name = str(st.session_state.get("duplicates-strength") or "normal")
    return name if name in STRENGTHS else f"{chosen_strength(collection):g}"
