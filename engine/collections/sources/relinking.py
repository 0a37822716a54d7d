"""Relinking a collection whose folder was moved or renamed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from engine.collections.catalogue import ImageRow
from engine.collections.collection import Collection
from engine.collections.reading.regular_files import look
from engine.collections.sources.folders import checked_folder
from engine.core.errors import BadParameter, UnreadableImage

_LOOKED_FOR = 50


def relink(collection: Collection, folder: str | Path) -> int:
    """Use `folder` as the folder of the collection's pictures from now on; ids, labels, vectors and groups stay.

    Returns:
        How many of a sample of up to 50 pictures, spread over the collection, are in it.

    Raises:
        NotFound: no such folder. BadParameter: the collection has no folder, or the pictures are not in this one.
    """
    root = checked_folder(folder)
    source = collection.source
    if not source.get("folder"):
        raise BadParameter("collection", "relinking", "one whose pictures are read in place", collection.title)
    with collection.alone():
        rows = [row for row in collection.rows("image") if not row.stored]
        sample = rows[:: max(1, len(rows) // _LOOKED_FOR)][:_LOOKED_FOR]
        bounds = Path(root.anchor) if collection.follows_links else root
        found = sum(_lies_there(root / _name_below(collection, row), bounds, row) for row in sample)
        if not found:
            wanted = f"that of {collection.title!r}, of which {len(sample):,} pictures were looked for"
            raise BadParameter("folder", "relinking", wanted, str(root))
        moved = {"folder": str(root)}
        if "table" in source:
            moved["table"] = str(root / Path(source["table"]).name)
        _name_from_the_folder(collection)
        collection.set_facts(source=source | moved)
    return found


def _name_below(collection: Collection, row: ImageRow) -> Path:
    return collection.path_of(row).relative_to(Path(collection.source["folder"]))


def _lies_there(path: Path, bounds: Path, row: ImageRow) -> bool:
    """Whether a file that will be read has the size of a row's; behind a link only where links are followed."""
    try:
        return look(path, bounds).st_size == row.size
    except UnreadableImage:
        return False


def _name_from_the_folder(collection: Collection) -> None:
    """Let rows whose table names whole paths be named from its folder on, so that they move with it."""
    rows = [row for row in collection.rows() if not row.stored]
    whole = [row for row in rows if os.path.isabs(row.key)]
    inside = [row for row in whole if collection.path_of(row).is_relative_to(collection.source["folder"])]
    taken = {row.key for row in rows}
    with collection.catalogue.writing() as writing:
        for row in inside:
            name, (_, mark, time) = _name_below(collection, row), row.key.partition(b"\0")  # the time it is listed
            key = os.fsencode(name) + mark + time
            key += b"\0whole" if key in taken else b""  # it may be listed by both names
            writing.replace(replace(row, key=key, name=str(name)))
