"""A card for each collection with its first pictures, and the actions on the whole collection."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from engine.collections.collection import Collection
from engine.collections.facts import marks
from engine.core.humanize import count_of
from engine.workbench.workbench import CollectionCard
from ui.pages.collections.exporting import export_button
from ui.pages.collections.finding_again import find_again_button
from ui.pages.collections.imported_vectors import custom_embeddings_panel
from ui.pages.collections.opening import search_in, start
from ui.pages.collections.report import rejects_table
from ui.session.opened import damaged_collections, gone_folder, images_of, open_collection, workbench
from ui.session.query import set_query_image
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text
from ui.shared.rename_delete import confirm_buttons, rename_field
from ui.widgets.gallery import Tile, gallery, thumbnail_url

_ORIGINS = {
    "folder": "Folder",
    "archive": "Archive",
    "upload": "Upload",
    "csv": "Table",
    "sample": "Sample",
    "known": "Public data set",
    "extract": "Subset",
    "dataset": "Data set",
}


def card_of(card: CollectionCard) -> None:
    """Draw the card of a collection."""
    with st.container(border=True, key=f"card-{card.name}"):
        images = images_of(card.name)
        tiles = [
            Tile(id=id, src=thumbnail_url(card.name, id, images.hashes[row]), name=images.names[row])
            for id in card.thumb_ids
            if (row := images.row(id)) is not None
        ]
        if tiles:
            gallery(tiles, key=f"thumbs-{card.name}", title=card.title, columns=4, kind="card")
        st.subheader(plain_text(card.title), anchor=False)
        st.caption(plain_text(facts_of(card, watched=open_collection(card.name).watched)))
        if gone := gone_folder(card.name):
            st.caption(f":material/folder_off: Its folder has gone: {plain_text(gone)}")
        with st.container(horizontal=True):
            st.button(
                "Search",
                key=f"search-{card.name}",
                disabled=not card.count,
                icon=":material/search:",
                on_click=search_in,
                args=(card.name,),
            )
            find_again_button(card.name)
            with st.popover("More", key=f"more-{card.name}"):
                _more(card)


def facts_of(card: CollectionCard, *, watched: bool = False) -> str:
    """The line below a card's title: "982 pictures · 5 labels · 7 skipped · Folder · watched"."""
    parts = [f"{card.count:,} pictures" if card.count != 1 else "1 picture"]
    parts += [f"{card.labels:,} labels" if card.labels != 1 else "1 label"] if card.labels else []
    parts += [f"{card.rejects:,} skipped"] if card.rejects else []
    parts += [_ORIGINS[card.origin]] if card.origin in _ORIGINS else []
    parts += ["watched"] if watched else []
    return " · ".join(parts)


def _more(card: CollectionCard) -> None:
    """Occasional actions on a collection, looked up only when the popover is drawn."""
    collection = open_collection(card.name)
    rename_field("Title", card.title, collection.rename, f"title-{card.name}", f"rename-{card.name}", 120)
    if collection.source.get("folder"):
        _place(collection)
    _rescan(collection)
    if collection.source.get("folder") and (collection.folder / marks.FILE).exists():
        st.button(
            "Write tags and stars to XMP files", key=f"sidecars-{card.name}", icon=":material/sell:",
            on_click=_write_sidecars, args=(card.name,),
            help="Beside the pictures, where other programs read them; other contents of these files are kept.",
        )  # fmt: skip
    labels = collection.labels()
    if labels:
        st.caption(plain_text(", ".join(f"{name} {count:,}" for name, count in list(labels.items())[:30])))
    rejects_table(collection.rejects(), key=f"rejects-{card.name}")
    if card.count:
        custom_embeddings_panel(collection)
        export_button(card)
    if st.button("Delete …", key=f"delete-{card.name}", icon=":material/delete:"):
        _ask_to_delete(card)


def _rescan(collection: Collection) -> None:
    """Look for changed files by size and date or, on request, by reading every file of the folder."""
    verify = bool(collection.source.get("folder")) and st.checkbox(
        "Read every file",
        key=f"verify-{collection.name}",
        help="Rescan files whose size and date are unchanged too: slower, but it finds every change.",
    )
    st.button(
        "Rescan",
        key=f"rescan-{collection.name}",
        icon=":material/sync:",
        on_click=start,
        args=("rescan",),
        kwargs={"collection": collection.name} | ({"verify": True} if verify else {}),
        help="Imports what was added, changed, moved or deleted, and tags and stars from XMP files.",
    )


def _write_sidecars(name: str) -> None:
    with errors_shown():
        report = workbench().run("sidecars", collection=name, ids=None)
        left = f", {len(report['left']):,} left alone: {plain_text(report['left'][0][1])}" if report["left"] else "."
        st.toast(f"{count_of(report['written'], 'XMP file')} written, {report['unchanged']:,} unchanged{left}")


def _place(collection: Collection) -> None:
    """The folder of the pictures, and whether it is watched; nothing if it is not there."""
    folder = collection.source["folder"]
    if Path(folder).is_dir():
        st.caption("Read in place from " + plain_text(folder))
        st.toggle("Watch this folder", value=collection.watched, key=f"watch-{collection.name}",
                  help="Files that are added, changed or deleted are imported automatically while Benzer runs.",
                  on_change=partial(_watch, collection.name))  # fmt: skip


def _watch(name: str) -> None:
    with errors_shown():
        workbench().watch(name, st.session_state[f"watch-{name}"])


@st.dialog("Delete this collection?")
def _ask_to_delete(card: CollectionCard) -> None:
    folder = open_collection(card.name).source.get("folder")
    st.write(
        f"**{plain_text(card.title)}** with {count_of(card.count, 'picture')}, its vectors and indexes will be "
        "permanently deleted."
    )
    if folder:
        st.write(f"The files in {plain_text(folder)} are not touched.")
    remove = partial(workbench().remove, card.name)
    confirm_buttons("Delete collection", remove, "delete", then=partial(_forget, card.name))


def _forget(name: str) -> None:
    """Nothing in the session speaks of a deleted collection any more."""
    if st.session_state.get("collection") == name:
        del st.session_state["collection"]
        set_query_image(None)


def damaged_cards() -> None:
    """List collections that cannot be opened, each with a button that deletes it."""
    for name, sentence in damaged_collections():
        st.error(f"{plain_text(name)}: {plain_text(sentence)}", icon=":material/error:")
        st.button(f"Delete {plain_text(name)}", key=f"delete-damaged-{name}", on_click=partial(_delete_damaged, name))


def _delete_damaged(name: str) -> None:
    with errors_shown():
        kept = workbench().remove(name)
        st.toast(f"Labels and groups that could be read are kept in {plain_text(str(kept))}." if kept else "Deleted.")
