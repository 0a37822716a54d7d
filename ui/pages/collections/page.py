"""The collections page: existing collections, import reports, and every way to add pictures."""

from __future__ import annotations

import shutil
import time
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from engine.collections.report import ImportReport, Reject, rejects_csv
from engine.collections.samples import SAMPLES
from engine.collections.sources.job import source_of, title_of
from engine.collections.sources.known import KNOWN, Known
from engine.core.errors import BenzerError
from engine.core.humanize import count_of
from engine.jobs.job import Job
from engine.workbench.job_kinds import kinds_that_make
from engine.workbench.workbench import CollectionCard
from ui.pages.collections.imported_vectors import custom_embeddings_panel
from ui.session.opened import (
    collection_cards,
    damaged_collections,
    free_name,
    images_of,
    open_collection,
    recent_jobs,
    workbench,
)
from ui.session.paths import pictures_under_roots, roots
from ui.session.query import set_query_image
from ui.shared.browser import PICTURE_TYPES
from ui.shared.job_progress import job_progress
from ui.shared.messages import errors_shown, show_error
from ui.shared.plain_text import plain_text
from ui.shared.text_field import text_field
from ui.widgets.gallery import Tile, gallery, thumbnail_url

ARCHIVE_TYPES = [
    "zip",
    "tar",
    "gz",
    "tgz",
    "bz2",
    "tbz2",
    "xz",
    "txz",
    "csv",
    "tsv",
    "tab",
    "txt",
    "xlsx",
    "xls",
    "ods",
]
NEWS_SECONDS = 900
LITTLE_SPACE = 1 << 30  # bytes
MANY_FILES = 300  # files from which a folder takes minutes to upload, but a ZIP only a second
CARDS_IN_A_ROW = 3
_ORIGINS = {
    "folder": "Folder",
    "archive": "Archive",
    "upload": "Upload",
    "csv": "Table",
    "sample": "Sample",
    "known": "Public data set",
    "extract": "Subset",
}


def page() -> None:
    """Draw the running work, the last report, a card for each collection, and the ways to add one."""
    st.title("Collections", anchor=False)
    _disk()
    with errors_shown():
        _work()
    cards = collection_cards()
    if not cards:
        st.write("No collections yet. Add one below; a built-in sample takes a few seconds and needs no download.")
    for start in range(0, len(cards), CARDS_IN_A_ROW):
        row = cards[start : start + CARDS_IN_A_ROW]
        for column, card in zip(st.columns(CARDS_IN_A_ROW), row, strict=False):
            with column, errors_shown():
                _card(card)
    _damaged()
    st.header("Add pictures", anchor=False)
    ways = {
        "Samples": _add_sample,
        "Upload": _add_upload,
        "Folder on this computer": _add_folder,
        "Public data sets": _add_known,
    }
    for tab, way in zip(st.tabs(list(ways), key="add-ways"), ways.values(), strict=True):
        with tab, errors_shown():
            way()


def _disk() -> None:
    free = shutil.disk_usage(
        next(p for p in (workbench().home.root, *workbench().home.root.parents) if p.exists())
    ).free
    if free < LITTLE_SPACE:
        st.warning(f"Only {free >> 20:,} MB free on this disk. Imports may fail.", icon=":material/hard_drive:")


# ── work and reports ─────────────────────────────────────────────────────────────────────────────────────────────────


def _work() -> None:
    """The jobs that change collections: running ones, and the report of the last one."""
    jobs = [job for job in recent_jobs() if job.kind in kinds_that_make("collection", "vectors")]
    for job in jobs:
        if job.alive:
            job_progress(job, key=job.id)
    ended = next((job for job in jobs if job.kind in kinds_that_make("collection")), None)
    dismissed = st.session_state.setdefault("dismissed", set())
    if ended is not None and not ended.alive and ended.id not in dismissed and _is_news(ended):
        _report(ended)


def _is_news(job: Job) -> bool:
    """Whether a job ended recently enough for its report to be of interest; interrupted ones always are."""
    try:
        return time.time() - (job.folder / "result.json").stat().st_mtime < NEWS_SECONDS
    except FileNotFoundError:
        return True


def _report(job: Job) -> None:
    with st.container(border=True, key="report"):
        st.markdown(f"**{plain_text(job.title)}**")
        value = (job.result or {}).get("value")
        report = ImportReport.from_dict(value) if isinstance(value, dict) and "collection" in value else None
        if job.state == "done" and report is not None:
            st.success(plain_text(report.sentence), icon=":material/check_circle:")
            for note in report.notes:
                st.caption(plain_text(note))
            _duplicates_table(report.duplicates)
            rejects_table(report.rejects, key=f"report-{job.id}")
        elif job.error:
            st.error(plain_text(job.error), icon=":material/error:")
        else:
            st.info("Stopped. Finished work is kept.", icon=":material/info:")
        with st.container(horizontal=True):
            if report is not None and job.state == "done":
                st.button("Search", type="primary", key="report-search", on_click=_search_in, args=(report.collection,))
            elif _can_go_on(job):
                st.button("Try again", type="primary", key="report-again", on_click=_again, args=(job,))
            st.button("Close", key="report-close", on_click=st.session_state.dismissed.add, args=(job.id,))


def _can_go_on(job: Job) -> bool:
    spool = job.config["arguments"].get("spool")
    return spool is None or Path(spool).exists()


def _again(job: Job) -> None:
    """Restart the same work; finished parts are skipped."""
    arguments = {name: value for name, value in job.config["arguments"].items() if name != "home"}
    _start(job.kind, **arguments)


def _duplicates_table(duplicates: list[list[str]]) -> None:
    """The files whose content is that of another one, each with the name of that one."""
    if not duplicates:
        return
    with st.expander(f"{count_of(len(duplicates), 'exact duplicate')} skipped — show", icon=":material/file_copy:"):
        st.dataframe(
            {"File": [copy for copy, _ in duplicates], "Same as": [of for _, of in duplicates]},
            hide_index=True,
            height=min(420, 38 + 35 * len(duplicates)),
            alt="Exact duplicates and the picture each is the same as",
        )


def rejects_table(rejects: list[Reject], key: str) -> None:
    """The files that could not be used, each with its reason, as a table and as CSV."""
    if not rejects:
        return
    with st.expander(f"{count_of(len(rejects), 'file')} skipped — show reasons", icon=":material/warning:"):
        st.dataframe(
            {
                "File": [reject.path for reject in rejects],
                "Reason": [reject.message for reject in rejects],
                "Stage": [reject.stage for reject in rejects],
                "Code": [reject.code for reject in rejects],
            },
            hide_index=True,
            height=min(420, 38 + 35 * len(rejects)),
            column_config={
                "File": st.column_config.TextColumn(width="medium"),
                "Reason": st.column_config.TextColumn(width="large"),
            },
            alt="Skipped files with the reason for each",
        )
        st.download_button(
            "CSV",
            rejects_csv(rejects).encode("utf-8-sig"),
            "rejected.csv",
            "text/csv",
            key=f"{key}-csv",
            on_click="ignore",
        )


def _search_in(name: str) -> None:
    """Open the search page with this collection; missing vectors are computed at once."""
    st.session_state.collection = name
    st.session_state.go_to = "search"
    set_query_image(None)
    with errors_shown():
        bench = workbench()
        recipe = bench.default_recipe(name)
        if bench.readiness(recipe).action == "embed":
            bench.start("embed", recipe=recipe.as_dict())


# ── cards ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _card(card: CollectionCard) -> None:
    with st.container(border=True, key=f"card-{card.name}"):
        images = images_of(card.name)
        rows = {int(id): row for row, id in enumerate(images.ids)}
        tiles = [
            Tile(id=id, src=thumbnail_url(card.name, id, images.hashes[rows[id]]), name=images.names[rows[id]])
            for id in card.thumb_ids
            if id in rows
        ]
        if tiles:
            gallery(tiles, key=f"thumbs-{card.name}", title=card.title, columns=4, kind="card")
        st.subheader(plain_text(card.title), anchor=False)
        st.caption(plain_text(_facts(card)))
        with st.container(horizontal=True):
            st.button(
                "Search",
                key=f"search-{card.name}",
                disabled=not card.count,
                icon=":material/search:",
                on_click=_search_in,
                args=(card.name,),
            )
            with st.popover("More", key=f"more-{card.name}"):
                _more(card)


def _facts(card: CollectionCard) -> str:
    parts = [f"{card.count:,} pictures" if card.count != 1 else "1 picture"]
    parts += [f"{card.labels:,} labels" if card.labels != 1 else "1 label"] if card.labels else []
    parts += [f"{card.rejects:,} skipped"] if card.rejects else []
    parts += [_ORIGINS[card.origin]] if card.origin in _ORIGINS else []
    return " · ".join(parts)


def _more(card: CollectionCard) -> None:
    """Occasional actions on a collection, looked up only when the popover is drawn."""
    collection = open_collection(card.name)
    title = text_field("Title", card.title, key=f"title-{card.name}", button="Rename", button_key=f"rename-{card.name}")
    if title:
        with errors_shown():
            collection.rename(title)
            st.rerun()
    if collection.source.get("folder"):
        st.caption("Read in place from " + plain_text(collection.source["folder"]))
    verify = bool(collection.source.get("folder")) and st.checkbox(
        "Read every file",
        key=f"verify-{card.name}",
        help="Rescan files whose size and date are unchanged too: slower, but it finds every change.",
    )
    st.button(
        "Rescan",
        key=f"rescan-{card.name}",
        icon=":material/sync:",
        on_click=_start,
        args=("rescan",),
        kwargs={"collection": card.name} | ({"verify": True} if verify else {}),
    )
    labels = collection.labels()
    if labels:
        st.caption(plain_text(", ".join(f"{name} {count:,}" for name, count in list(labels.items())[:30])))
    rejects_table(collection.rejects(), key=f"rejects-{card.name}")
    if card.count:
        custom_embeddings_panel(collection)
    if st.button("Delete …", key=f"delete-{card.name}", icon=":material/delete:"):
        _ask_to_delete(card)


@st.dialog("Delete this collection?")
def _ask_to_delete(card: CollectionCard) -> None:
    folder = open_collection(card.name).source.get("folder")
    st.write(
        f"**{plain_text(card.title)}** with {count_of(card.count, 'picture')}, its vectors and indexes will be "
        "permanently deleted."
    )
    if folder:
        st.write(f"The files in {plain_text(folder)} are not touched.")
    with st.container(horizontal=True):
        if st.button("Delete collection", type="primary", key="delete-yes"):
            try:
                workbench().remove(card.name)
            except BenzerError as error:
                show_error(error)
            else:
                if st.session_state.get("collection") == card.name:
                    del st.session_state["collection"]
                    set_query_image(None)
                st.rerun()
        if st.button("Cancel", key="delete-no"):
            st.rerun()


def _damaged() -> None:
    """Collections that cannot be opened are named, not hidden, and can be deleted."""
    for name, sentence in damaged_collections():
        st.error(f"{plain_text(name)}: {plain_text(sentence)}", icon=":material/error:")
        st.button(f"Delete {plain_text(name)}", key=f"delete-damaged-{name}", on_click=partial(_delete_damaged, name))


def _delete_damaged(name: str) -> None:
    with errors_shown():
        kept = workbench().remove(name)
        st.toast(f"Labels and groups that could be read are kept in {plain_text(str(kept))}." if kept else "Deleted.")


# ── adding ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _start(kind: str, **arguments: Any) -> None:
    with errors_shown():
        workbench().start(kind, **arguments)


def _add_sample() -> None:
    present = {card.name for card in collection_cards()}
    st.caption("Built-in samples. No download.")
    for column, sample in zip(st.columns(max(len(SAMPLES), 3)), SAMPLES.values(), strict=False):
        with column, st.container(border=True, height="stretch", key=f"sample-{sample.name}"):
            st.subheader(plain_text(sample.title), anchor=False)
            st.write(plain_text(sample.summary))
            there = sample.name in present
            st.button(
                "Added" if there else "Add",
                key=f"add-{sample.name}",
                icon=":material/check:" if there else ":material/add:",
                disabled=there,
                on_click=partial(_start, "sample", name=sample.name),
            )


def _add_upload() -> None:
    number = st.session_state.get("import_uploader", 0)
    title = st.text_input("Collection name", key="upload-title", max_chars=120, placeholder="Holiday 2024")
    files = st.file_uploader(
        "Pictures, a ZIP or TAR archive, or a CSV table with a ZIP of its pictures",
        type=PICTURE_TYPES + ARCHIVE_TYPES,
        accept_multiple_files=True,
        key=f"import-{number}",
        help="Folders in an archive become labels. A table has the columns image, label and text.",
    )
    if len(files) > MANY_FILES:
        st.info(
            f"Uploading {len(files):,} separate files takes minutes; one ZIP takes seconds.",
            icon=":material/info:",
        )
    if st.button("Import", key="import-files", type="primary", disabled=not files):
        free_name(title or title_of(Path(files[0].name)))
        bench = workbench()
        spool = bench.spool((file.name, file.getvalue()) for file in files)
        bench.start("import", title=title or title_of(Path(files[0].name)), source="upload", spool=str(spool))
        st.session_state.import_uploader = number + 1
        st.rerun()


def _add_folder() -> None:
    st.caption(
        "Pictures are read in place, never copied. Sub-folders become labels. Or choose a CSV table with the columns "
        "image, label and text; its pictures must be in the same folder or below. Allowed folders: "
        + plain_text(", ".join(map(str, roots())))
    )
    path = st.text_input("Folder or CSV table", key="folder-path", placeholder=str(roots()[0] / "Pictures"))
    title = st.text_input(
        "Collection name", key="folder-title", max_chars=120, placeholder="optional: uses the folder name"
    )
    if st.button("Import", key="import-folder", type="primary"):
        source = pictures_under_roots(path)
        name = title or title_of(source)
        free_name(name)
        workbench().start("import", title=name, source=source_of(source), path=str(source))
        st.rerun()


def _add_known() -> None:
    present = {card.name for card in collection_cards()}
    st.caption("Downloaded from their publishers and verified. Interrupted downloads resume.")
    for known in KNOWN.values():
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"known-{known.name}"):
            with st.container():
                st.subheader(plain_text(known.title), anchor=False)
                st.write(plain_text(known.summary))
                if known.instructions:
                    st.caption(plain_text(known.instructions))
            if known.files:
                _download_button(known, known.name in present)


def _download_button(known: Known, there: bool) -> None:
    st.button(
        "Added" if there else f"Download {known.megabytes:,} MB",
        key=f"download-{known.name}",
        icon=":material/check:" if there else ":material/download:",
        disabled=there,
        on_click=partial(_start, "import", title=known.title, source="known", name=known.name),
    )
