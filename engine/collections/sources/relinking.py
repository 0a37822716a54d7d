"""Relinking a collection whose folder was moved or renamed."""

from __future__ import annotations

from pathlib import Path

from engine.collections.catalogue import ImageRow
from engine.collections.collection import Collection
from engine.collections.sources.folders import checked_folder
from engine.core.errors import BadParameter

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
        found = sum(_lies_below(root, collection, row) for row in sample)
        if not found:
            wanted = f"that of {collection.title!r}, of which {len(sample):,} pictures were looked for"
            raise BadParameter("folder", "relinking", wanted, str(root))
        moved = {"folder": str(root)}
        if "table" in source:
            moved["table"] = str(root / Path(source["table"]).name)
        collection.set_facts(source=source | moved)
    return found


def _lies_below(root: Path, collection: Collection, row: ImageRow) -> bool:
    name = collection.path_of(row).relative_to(Path(collection.source["folder"]))
    try:
        return (root / name).stat().st_size == row.size
    except OSError:
        return False
