"""Imports: a folder, an archive, uploaded files, a table, a drawn sample, a known data set; and the rescan.

Every function takes a Reporter and returns an ImportReport. A new collection into which nothing could be imported is
removed again; after an interrupted import it stays, and repeating the import continues it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.collections.collection import Collection
from engine.collections.facts.sidecars import read_sidecars
from engine.collections.label_spelling import copy_notes, spelling_notes
from engine.collections.labelling import given_labels
from engine.collections.reading.regular_files import follows_links
from engine.collections.report import ImportReport
from engine.collections.samples import SAMPLES
from engine.collections.sources import folders, staged, table_rows, tables, uploads
from engine.collections.sources.archives import Limits, opened_archive
from engine.collections.sources.ingest import (
    Drawing,
    clear_staging,
    drawings,
    forget,
    ingest,
    remove_staging,
    staging,
    synchronise,
)
from engine.collections.sources.items import Item
from engine.collections.sources.table_inside import labelled, pointed_out, unused_tables
from engine.collections.sources.table_rows import Listed
from engine.collections.sources.tables import is_table
from engine.collections.sources.uploads import Upload
from engine.core.errors import BadParameter, NameTaken, NotFound, Unreadable
from engine.core.home import Home, slug
from engine.core.progress import Reporter


def import_folder(
    home: Home, title: str, folder: str | Path, reporter: Reporter, *, follow: bool = False, unlinked: bool = False
) -> ImportReport:
    """The pictures of a folder, referenced in place; a picture's sub-folder is its label.

    Args:
        follow: whether links may lead out of the folder.
        unlinked: whether the folder was given without links; one that stands in its way now is not followed.

    Raises:
        NotFound: no such folder. BadParameter: not a folder. Unreadable: no picture in it. NameTaken.
    """
    root = folders.checked_folder(folder, unlinked=unlinked)
    listed = _in_folder(root, home, follow or follows_links())
    if not listed.items:
        raise Unreadable(f"The folder {str(root)!r} is empty.", way_out="Choose a folder with pictures in it.")
    with _filling(home, title, {"kind": "folder", "folder": str(root)} | _links(follow)) as (collection, checked):
        report = _noted(synchronise(collection, listed.items, reporter), listed.notes)
        return checked(_noted(report, [*unused_tables(report.rejects), *read_sidecars(collection)]))


def import_csv(
    home: Home,
    title: str,
    table: str | Path,
    reporter: Reporter,
    *,
    follow: bool = False,
    unlinked: bool = False,
    columns: tables.Columns | None = None,
) -> ImportReport:
    """The pictures that a CSV (`image,label,text,…`) lists, referenced in place below the folder of the CSV.

    Args:
        follow: whether links may lead out of that folder.
        unlinked: as for `import_folder`.
        columns: the headings of image, label and text, "" for none; missing ones are guessed.

    Raises:
        NotFound: no such file. UnreadableTable: no table with a column `image`. BadParameter: no such column.
        Unreadable: no picture. NameTaken.
    """
    followed = follow or follows_links()
    path = tables.checked_table(table, unlinked=unlinked, follow=followed)
    listed = table_rows.rows(path, follow=followed, columns=columns)
    if path.is_symlink() and all(item.failure for item in listed.items):  # the pictures lie beside its target
        path = tables.checked_table(table)
        listed = table_rows.rows(path, follow=followed, columns=columns)
    source = {"kind": "csv", "folder": str(path.parent), "table": str(path)} | _links(follow) | _named(columns)
    with _filling(home, title, source) as (collection, checked):
        report = _noted(synchronise(collection, listed.items, reporter), listed.notes)
        return checked(_noted(report, read_sidecars(collection)))


def import_archive(
    home: Home,
    title: str,
    archive: str | Path,
    reporter: Reporter,
    limits: Limits | None = None,
    *,
    unlinked: bool = False,
) -> ImportReport:
    """The pictures of a ZIP or tar archive, copied in under generated names; the folder inside it is the label.

    Args:
        unlinked: as for `import_folder`.

    Raises:
        NotFound: no such file. UnreadableArchive: neither ZIP nor tar, or one that swells beyond `limits`.
        Unreadable: no picture in it. NameTaken.
    """
    with opened_archive(archive, limits or Limits(), unlinked=unlinked) as packed:
        source = {"kind": "archive", "archive": packed.name, "sha256": packed.digest()}
        with _filling(home, title, source) as (collection, checked):
            names = list(packed.names())
            members: Iterable[Item] = packed.members(staging(collection), inside=names)
            notes = folders.left_out_note(folders.hidden_parts(names)) + packed.name_notes(names)
            if any(is_table(name) and not folders.is_hidden(name) for name in names):
                listed = labelled(members, reporter)
                members, notes = listed.items, notes + listed.notes
            else:
                members = map(pointed_out, members)
            return checked(_noted(_ingest_new(collection, members, reporter, packed.count()), notes))


def import_files(home: Home, title: str, files: Sequence[Upload], reporter: Reporter) -> ImportReport:
    """Uploaded files, as (name, bytes), (name, path) or paths, copied in; archives among them are unpacked.

    Raises:
        BadParameter: no files. UnreadableArchive: the only file is an invalid archive. Unreadable: no picture.
        NameTaken.
    """
    _check_some(files)
    source = {"kind": "upload", "sha256": uploads.content_digest(files)}
    with _filling(home, title, source) as (collection, checked):
        items = map(pointed_out, uploads.items(files, staging(collection)))
        return checked(_ingest_new(collection, items, reporter, len(files)))


def import_sample(home: Home, name: str, reporter: Reporter) -> ImportReport:
    """One of the built-in drawn collections, under its own name; BadParameter if there is none of that name."""
    if name not in SAMPLES:
        raise BadParameter("name", "a sample collection", "one of " + ", ".join(SAMPLES), name)
    sample = SAMPLES[name]
    drawn = ((image.name, image.label, image.text, image.picture) for image in sample.draw())
    source = {"kind": "sample", "sample": name, "summary": sample.summary}
    return import_drawn(home, sample.title, source, drawn, reporter, name=name, total=sample.count)


def import_drawn(
    home: Home,
    title: str,
    source: dict[str, Any],
    drawn: Iterable[Drawing],
    reporter: Reporter,
    *,
    name: str = "",
    total: int = 0,
) -> ImportReport:
    """Pictures made in memory, as (name, label, text, PIL image), stored as PNG."""
    with _filling(home, title, source, name) as (collection, checked):
        return checked(_ingest_new(collection, drawings(drawn, staging(collection)), reporter, total))


def import_items(
    home: Home,
    title: str,
    source: dict[str, Any],
    items: Callable[[Path], Iterable[Item]],
    reporter: Reporter,
    *,
    name: str = "",
    total: int = 0,
) -> ImportReport:
    """Import the items of `items(staging folder)` into a new collection."""
    with _filling(home, title, source, name) as (collection, checked):
        return checked(_ingest_new(collection, items(staging(collection)), reporter, total))


def rescan(
    collection: Collection,
    reporter: Reporter,
    *,
    verify: bool = False,
    first: Callable[[Collection], None] | None = None,
) -> ImportReport:
    """Update the catalogue after files were added, changed, moved or deleted.

    Args:
        verify: whether all files are read; otherwise only those whose size or times have changed.
        first: is called with the collection, which is held, before any file is looked at.

    Raises:
        NotFound: the folder or the table no longer exists; nothing is changed then.
    """
    with collection.alone():
        collection.check_unmoved()
        if first is not None:
            first(collection)
        if not collection.source.get("folder"):
            return _rescan_owned(collection)
        listed = _listed(collection)
        report = synchronise(collection, listed.items, reporter, given_labels(collection), verify=verify)
        collection.set_facts(complete=True)
        return _noted(report, [*listed.notes, *_label_notes(collection), *read_sidecars(collection)])


def _in_folder(root: Path, home: Home, follow: bool) -> Listed:
    walk = folders.Walk(root, follow=follow, own=(home.root, home.datasets))
    return Listed(list(map(pointed_out, walk.items())), walk.notes())


def _named(columns: tables.Columns | None) -> dict[str, Any]:
    return {"columns": dict(columns)} if columns else {}


def _links(follow: bool) -> dict[str, bool]:
    return {"links": True} if follow else {}


def _listed(collection: Collection) -> Listed:
    source, follow = collection.source, collection.follows_links
    if source["kind"] == "csv":
        path = tables.checked_table(source["table"], unlinked=not follow, follow=follow)
        found = table_rows.rows(path, follow=follow, columns=source.get("columns"))
    else:
        home = Home(collection.folder.parent.parent)
        root = folders.checked_folder(source["folder"], unlinked=not follow)
        found = _in_folder(root, home, follow)
    if not found.items:
        raise NotFound(
            f"The folder {source['folder']} is empty now, so nothing was changed.",
            way_out="Put the pictures back, or remove the collection.",
        )
    return found


def _rescan_owned(collection: Collection) -> ImportReport:
    rows = collection.rows()
    gone = [row for row in rows if row.stored and not collection.path_of(row).is_file()]
    forget(collection, [row.id for row in gone], given_labels(collection))
    clear_staging(collection)
    collection.set_facts(complete=True)
    return ImportReport(collection.name, unchanged=len(rows) - len(gone), removed=len(gone))


@contextmanager
def _filling(
    home: Home, title: str, source: dict[str, Any], name: str = ""
) -> Iterator[tuple[Collection, Callable[[ImportReport], ImportReport]]]:
    """A collection to fill, and the check that closes the import; nothing imported leaves no collection behind."""
    collection = _begun(home, title, source, name)
    with collection.alone():
        clear_staging(collection)
        try:
            yield collection, lambda report: _checked(collection, report)
            clear_staging(collection)
            collection.set_facts(complete=True)
        except BaseException:
            remove_staging(collection)
            if len(collection) == 0:
                collection.delete()
            raise


def _begun(home: Home, title: str, source: dict[str, Any], name: str) -> Collection:
    try:
        return Collection.create(home, title, source, name)
    except NameTaken:
        check_free(home, title, source, name)
        if not (home.datasets / (name or slug(title)) / "catalogue.sqlite").exists():
            raise
        return Collection.open(home, name or slug(title))


def check_free(home: Home, title: str, source: dict[str, Any] | None = None, name: str = "") -> None:
    """NameTaken if a finished collection, or one from another source where this one is known, has that name."""
    folder = home.datasets / (name or slug(title))
    if not (folder / "catalogue.sqlite").exists():
        return
    there = Collection.open(home, folder.name)
    if there.complete or source not in (None, there.source):
        raise NameTaken(f"There is a collection named {title!r} already.", way_out="Choose another name.")


def _checked(collection: Collection, report: ImportReport) -> ImportReport:
    if len(collection):
        return _noted(report, _label_notes(collection))
    first = report.rejects[0] if report.rejects else None
    seen = f" Of {report.inputs} files none could be read; the first, {first.path!r}: {first.message}" if first else ""
    raise Unreadable(f"There is no picture to import.{seen}")


def _label_notes(collection: Collection) -> list[str]:
    copies = collection.rows("copy")
    contradictions = copy_notes(copies, collection.images()) if any(copy.label for copy in copies) else []
    return spelling_notes(collection.labels()) + contradictions


def _noted(report: ImportReport, notes: Iterable[str]) -> ImportReport:
    report.notes += notes
    return report


def _check_some(files: Sequence[Upload]) -> None:
    if not files:
        raise BadParameter("files", "an import", "at least one file", 0)


def _ingest_new(collection: Collection, items: Iterable[Item], reporter: Reporter, total: int) -> ImportReport:
    """Ingest what is not in the catalogue yet: an import that was cut off passes over what it had finished."""
    known = {row.key for row in collection.rows()}
    passed = 0

    def fresh() -> Iterator[Item]:
        nonlocal passed
        for item in items:
            if item.key not in known:
                yield item
                continue
            passed += 1
            if item.owned and item.location:
                staged.remove(Path(item.location))

    report = ingest(collection, fresh(), reporter, total)
    report.unchanged += passed
    return report
