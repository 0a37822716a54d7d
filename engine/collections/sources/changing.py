"""Adding pictures to a collection whose files Benzer keeps itself, and removing some from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from engine.collections.collection import Collection
from engine.collections.labelling import checked_label
from engine.collections.report import ImportReport
from engine.collections.sources.ingest import clear_staging, forget, ingest, staging
from engine.collections.sources.items import Item
from engine.collections.sources.uploads import Upload, items
from engine.core.errors import BadParameter, NotFound
from engine.core.progress import Reporter


def add_pictures(
    collection: Collection, files: Sequence[Upload], reporter: Reporter, label: str = "", text: str = ""
) -> ImportReport:
    """Copy files into a collection; a name that is taken is counted on, and an exact copy is skipped.

    Raises:
        BadParameter: the pictures of this collection are read in place, or the label cannot be.
    """
    _check_kept(collection)
    label = checked_label(label)
    with collection.alone():
        known = {row.key for row in collection.rows()}
        found = (_free(item, known) for item in items(files, staging(collection)))
        report = ingest(collection, _described(found, label, text), reporter, len(files))
        clear_staging(collection)
    return report


def remove_pictures(collection: Collection, ids: Sequence[int]) -> int:
    """Remove pictures with their files, and what is known of exact copies of them; how many pictures.

    Raises:
        BadParameter: the pictures of this collection are read in place. NotFound: an id is no picture.
    """
    _check_kept(collection)
    with collection.alone():
        rows = collection.rows()
        there = {row.id: row.hash for row in rows if row.status == "image"}
        gone = next((id for id in ids if id not in there), None)
        if gone is not None:
            raise NotFound(f"There is no picture {gone} in the collection {collection.title!r}.")
        hashes = {there[id] for id in ids}
        forget(collection, [row.id for row in rows if row.status != "rejected" and row.hash in hashes])
        clear_staging(collection)
    return len(set(ids))


def _check_kept(collection: Collection) -> None:
    if collection.source.get("folder"):
        wanted = "one whose pictures Benzer keeps: those of a folder are added and deleted there"
        raise BadParameter("collection", "a change of pictures", wanted, collection.title)


def _free(item: Item, known: set[bytes]) -> Item:
    key, number = item.key, 1
    while key in known:
        number += 1
        key = item.key + b"\0%d" % number
    known.add(key)
    return replace(item, key=key, shown=item.name)


def _described(found: Iterator[Item], label: str, text: str) -> Iterator[Item]:
    for item in found:
        yield replace(item, label=label or item.label, text=text)
