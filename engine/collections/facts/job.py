"""Reading facts that were not stored at the import: EXIF, and the further columns of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.collections.collection import Collection
from engine.collections.facts.exif import Exif
from engine.collections.facts.stored import columns_by_id, exif_by_hash, keep_columns, keep_exif
from engine.collections.reading.on_cluster import looked_at
from engine.collections.reading.worker_tasks import FileRef, read_exif
from engine.collections.reading.workers import chunks
from engine.collections.sources.table_rows import further_cells
from engine.core.home import home_of
from engine.core.progress import Reporter

_BATCH = 256


def read_facts(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Read the EXIF of every picture of `collection` for which it is missing; how many were read.

    A file that can no longer be read counts as one without EXIF until a rescan finds it changed.
    """
    collection = Collection.open(home_of(arguments), arguments["collection"])
    with collection.alone():
        _read_columns(collection)
        with collection.catalogue.reading() as reading:
            known = exif_by_hash(reading)
        missing = {row.hash: row for row in collection.rows("image") if row.hash not in known}
        files = [FileRef(str(collection.path_of(row)), str(collection.root_of(row))) for row in missing.values()]
        done = 0
        found = zip(missing, looked_at(read_exif, files, lambda: None), strict=True)
        for batch in chunks(found, _BATCH):
            with collection.catalogue.writing() as writing:
                keep_exif(writing, [(hash, exif if isinstance(exif, Exif) else Exif()) for hash, (_, exif) in batch])
            done += len(batch)
            reporter.update("Reading dates and cameras", done, len(files), "pictures")
    return {"collection": collection.name, "read": done}


def _read_columns(collection: Collection) -> None:
    """Keep the further columns of the table that a collection was imported from, if none are kept."""
    table = Path(collection.source.get("table", ""))
    with collection.catalogue.reading() as reading:
        if collection.source["kind"] != "csv" or not table.is_file() or columns_by_id(reading):
            return
    cells = further_cells(table, collection.source.get("columns"), follow=collection.follows_links)
    ids = {row.key: row.id for row in collection.rows("image")}
    with collection.catalogue.writing() as writing:
        keep_columns(writing, [(ids[key], further) for key, further in cells.items() if key in ids])
