"""Bringing the catalogue in line with where the files of an act are now, even after an interruption."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace

from engine.collections.catalogue import ImageRow, Writing
from engine.collections.collection import Collection
from engine.collections.facts.stored import keep_columns, keep_exif
from engine.collections.reading import workers
from engine.collections.reading.regular_files import modified_ns
from engine.collections.reading.worker_tasks import FileRef, Seen, look
from engine.core.errors import StorageFull
from engine.duplicates.acts.journal import Batch, Entry, batches
from engine.duplicates.acts.links import forget_temporary


def settle(collection: Collection, batch: Batch) -> None:
    """Delete the rows of files in the trash from the catalogue, and reinsert those of files that are back in place.

    The collection must be held. Rows keep their ids, so a restore also brings back labels, groups and vectors.
    """
    if batch.kind == "link":
        forget_temporary(batch)
        _note_times(collection, batch)
        return
    entries = batch.entries
    for entry in entries:
        _forget_second_name(batch, entry)
    gone = [entry for entry in entries if os.path.lexists(batch.inside(entry)) and not os.path.lexists(batch.at(entry))]
    back = [entry for entry in entries if _is_back(batch, entry)]
    with collection.catalogue.writing() as writing:
        writing.remove([row.id for entry in gone for row in entry.rows if _is_its_row(writing, row)])
        for row, cells in (pair for entry in back for pair in entry.rows_with_cells):
            if _put_back(writing, row) and cells:
                keep_columns(writing, [(row.id, cells)])
        writing.promote_copies()
    _show_again(collection, [row for entry in back for row in entry.rows])


def settle_all(collection: Collection) -> None:
    """Settle every interrupted act; the collection must be held."""
    for batch in batches(collection):
        if not batch.cut_off:
            continue
        settle(collection, batch)
        with suppress(OSError, StorageFull):  # a folder that cannot be written to: it is settled again next time
            batch.note("done" if batch.waiting else "restored")


def _note_times(collection: Collection, batch: Batch) -> None:
    """A hard link has the times of the file that was kept: no reason for a rescan to read it again."""
    with collection.catalogue.writing() as writing:
        for row in (row for entry in batch.entries for row in entry.rows):
            with suppress(OSError):
                facts = os.stat(collection.path_of(row))
                if (now := writing.row(row.id)) is not None and now.size == facts.st_size:
                    writing.replace(replace(now, mtime_ns=modified_ns(facts)))


def _forget_second_name(batch: Batch, entry: Entry) -> None:
    """A file on its way back may have both names for a moment: the one in the trash goes.

    A link to the file in the trash, or to its folder, is no second name.
    """
    with suppress(OSError):
        inside, there = os.lstat(batch.inside(entry)), os.lstat(batch.at(entry))
        if os.path.samestat(inside, there) and inside.st_nlink > 1:
            os.unlink(batch.inside(entry))


def _is_back(batch: Batch, entry: Entry) -> bool:
    """Whether the original file is back in its place: a move keeps its size and times."""
    try:
        facts = os.lstat(batch.at(entry))
    except OSError:
        return False
    return (facts.st_size, modified_ns(facts)) == (entry.size, entry.mtime_ns)


def _put_back(writing: Writing, row: ImageRow) -> bool:
    """Insert a row as it was, unless the file has another one by now; of equal contents one stays the picture."""
    if writing.row(row.id) is not None or _has_row(writing, row.key):
        return False
    twin = writing.image_of(row.hash)
    if twin is not None and row.status == "image":
        writing.replace(replace(twin, status="copy"))
    writing.put_back(row)
    return True


def _is_its_row(writing: Writing, row: ImageRow) -> bool:
    """Whether the row of that id still names the file."""
    now = writing.row(row.id)
    return now is not None and now.key == row.key


def _has_row(writing: Writing, key: bytes) -> bool:
    """Whether another row names the file; that a table listed it while it was in the trash does not count."""
    writing.db.execute("DELETE FROM files WHERE key=? AND status='rejected'", (key,))
    return writing.db.execute("SELECT 1 FROM files WHERE key=?", (key,)).fetchone() is not None


def _show_again(collection: Collection, rows: list[ImageRow]) -> None:
    """Make the thumbnails again that went with the last row that needed them, and read EXIF again."""
    with collection.catalogue.reading() as reading:
        bare = [row for row in rows if reading.thumbnail(row.hash) is None]
    files = [FileRef(str(collection.path_of(row)), str(collection.root_of(row))) for row in bare]
    seen = [result for _, result in workers.run(look, files)] if files else []
    with collection.catalogue.writing() as writing:
        for row, result in zip(bare, seen, strict=True):
            if isinstance(result, Seen) and result.hash == row.hash:
                writing.keep_thumbnail(row.hash, result.thumbnail)
                keep_exif(writing, [(row.hash, result.exif)])
