"""A new collection from pictures of another one: copies of the files, with new labels if wanted."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from engine.collections.catalogue import ImageRow
from engine.collections.collection import Collection
from engine.collections.labelling import checked_label
from engine.collections.reading.worker_tasks import Failure
from engine.collections.report import ImportReport
from engine.collections.sources import importing, staged
from engine.collections.sources.items import Item
from engine.core.errors import BadParameter, NotFound, StorageFull
from engine.core.home import Home
from engine.core.humanize import file_size
from engine.core.progress import Reporter
from engine.core.storage import digest_of, full_disk_named

_SPARE = 64 * 10**6  # bytes that stay free on the disk


def extract(
    home: Home,
    collection: Collection,
    title: str,
    ids: Sequence[int],
    labels: Mapping[int, str] | None = None,
    reporter: Reporter | None = None,
) -> ImportReport:
    """Copy these pictures into a new collection; those named in `labels` get that label, the others keep theirs.

    A picture whose file is gone is among the rejects. The same call continues an interrupted one.

    Raises:
        BadParameter: no pictures, or no label. NotFound: one of the ids is no picture. NameTaken, StorageFull.
        Stopped: finished copies are kept.
    """
    labels = {int(id): checked_label(label) for id, label in (labels or {}).items()}
    rows = _rows(collection, ids)
    _check_room(home, sum(row.size for row in rows))
    made_of = digest_of(collection.name, *((row.id, row.hash, labels.get(row.id, row.label)) for row in rows))
    source = {"kind": "extract", "collection": collection.name, "digest": made_of}

    def items(staging: Path) -> Iterable[Item]:
        return (_item(collection, row, labels.get(row.id, row.label), staging) for row in rows)

    return importing.import_items(home, title, source, items, reporter or Reporter(), total=len(rows))


def _rows(collection: Collection, ids: Sequence[int]) -> list[ImageRow]:
    """The rows of these pictures, without duplicates, in their order."""
    known = {row.id: row for row in collection.rows("image")}
    wanted = list(dict.fromkeys(map(int, ids)))
    if not wanted:
        raise BadParameter("number of pictures", "a new collection", "at least 1", 0)
    gone = next((id for id in wanted if id not in known), None)
    if gone is not None:
        raise NotFound(f"There is no picture {gone} in the collection {collection.title!r} any more.")
    return [known[id] for id in wanted]


def _item(collection: Collection, row: ImageRow, label: str, staging: Path) -> Item:
    key = row.name.encode("utf-8", "surrogateescape").replace(b"\0", b" ") + b"\0%d" % row.id
    try:
        data = collection.picture(row.id)
    except NotFound as error:
        return Item(key, label, row.text, failure=Failure("look", "vanished", error.message), shown=row.name)
    place = staging / str(row.id)
    with full_disk_named(row.name):
        staged.write(place, data)
    return Item(key, label, row.text, location=str(place), owned=True, size=len(data), shown=row.name)


def _check_room(home: Home, size: int) -> None:
    free = shutil.disk_usage(home.datasets).free
    if size + _SPARE > free:
        raise StorageFull(
            f"The pictures take {file_size(size)} and {file_size(_SPARE)} must stay free, "
            f"but only {file_size(free)} are free on this disk.",
            way_out="Free some space and try again.",
        )


def parts_as_labels(parts: Sequence[Mapping[str, object]]) -> tuple[list[int], dict[int, str]]:
    """The ids and the new labels in a job's parts, `{"label": text or None, "ids": [...]}`.

    Raises:
        BadParameter: a part has another form.
    """
    ids: list[int] = []
    labels: dict[int, str] = {}
    for part in parts:
        own, label = list(_whole_numbers(part.get("ids"))), part.get("label")
        if label is not None and not isinstance(label, str):
            raise BadParameter("label", "a part of a collection", "a text, or nothing to keep the old one", label)
        ids += own
        labels |= dict.fromkeys(own, label) if label is not None else {}
    return ids, labels


def _whole_numbers(ids: object) -> Iterator[int]:
    if not isinstance(ids, list) or not all(isinstance(id, int) and not isinstance(id, bool) for id in ids):
        raise BadParameter("ids", "a part of a collection", "a list of whole numbers", type(ids).__name__)
    yield from ids
