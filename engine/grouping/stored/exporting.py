"""Jobs that export pictures of a collection: into folders, into a ZIP, into a new collection.

All of them take the pictures in `parts`, as `{"label": text, "ids": [...]}`: a label becomes a folder's name, or the
label in the new collection; None keeps each picture's own. Alternatively they take a `grouping` of the collection, the
numbers of its `groups` (None: all), and the name for the ungrouped pictures, `alone`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from engine.collections.collection import Collection
from engine.collections.sources import extracting
from engine.collections.sources.extracting import parts_as_labels
from engine.core.errors import BadParameter
from engine.core.home import home_of
from engine.core.humanize import file_size
from engine.core.progress import Reporter
from engine.grouping.stored.exports import Part, entries, into_folder, into_zip
from engine.grouping.stored.listing import grouping

ZIP = "pictures.zip"  # in the job's folder, where a page offers it for download
MOST_IN_A_ZIP = 10**9  # bytes that a page offers in one download


def extract(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Make the collection `title` from pictures of `collection`; the report of the import."""
    collection = _collection(arguments)
    ids, labels = extracting.parts_as_labels(_wanted_parts(collection, arguments))
    return extracting.extract(home_of(arguments), collection, arguments["title"], ids, labels, reporter).to_dict()


def copy(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Copy pictures of `collection` into a new folder below `folder`, or into a ZIP if that is "".

    The new folder is called `title`. The ZIP goes into the job's folder.

    Raises:
        NotFound: one of the pictures, or the folder, does not exist. BadParameter, StorageFull, Stopped.
    """
    collection = _collection(arguments)
    parts = _parts(collection, _wanted_parts(collection, arguments))
    names, size = names_and_size(collection, [id for part in parts for id in part.ids])
    places = entries(parts, names)
    if arguments.get("folder"):
        target = Path(arguments["folder"])
        return into_folder(places, collection.picture, target, arguments["title"], reporter, size).as_dict()
    if size > MOST_IN_A_ZIP:
        most, way_out = f"at most {file_size(MOST_IN_A_ZIP)}", "Copy the files to a folder instead."
        raise BadParameter("pictures", "a ZIP", most, file_size(size), way_out=way_out)
    path = (reporter.folder or Path(arguments["home"]) / "jobs") / ZIP
    return into_zip(places, collection.picture, path, reporter, size).as_dict()


def _wanted_parts(collection: Collection, arguments: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The given parts, or those of a grouping without deleted pictures."""
    if "grouping" not in arguments:
        return list(arguments["parts"])
    there, wanted = set(collection.images().ids.tolist()), arguments.get("groups")
    parts: list[Mapping[str, Any]] = []
    for group in grouping(collection, arguments["grouping"]).groups().groups:
        alone = arguments.get("alone") if group.number < 0 else None
        if wanted is None or group.number in wanted:
            ids = [id for id in group.ids.tolist() if id in there]
            parts.append({"label": group.title if alone is None else alone, "ids": ids})
    return parts


def _parts(collection: Collection, parts: Sequence[Mapping[str, Any]]) -> list[Part]:
    """The parts, each with a title; a part that keeps its labels is split into one part per label."""
    images = collection.images()
    own = dict(zip(images.ids.tolist(), images.labels, strict=True))
    found: list[Part] = []
    for part in parts:
        ids, labels = parts_as_labels([part])
        by_title: dict[str, list[int]] = {}
        for id in ids:
            by_title.setdefault(labels.get(id, own.get(id, "")) or "no label", []).append(id)
        found += [Part(title, members) for title, members in by_title.items()]
    return found


def names_and_size(collection: Collection, ids: Sequence[int]) -> tuple[dict[int, str], int]:
    """The file names, with the extensions of their formats, and the total size in bytes."""
    rows = {row.id: row for row in collection.rows("image")}
    wanted = [rows[id] for id in ids if id in rows]
    return {row.id: _with_ending(row.name, row.stored) for row in wanted}, sum(row.size for row in wanted)


def _with_ending(name: str, stored: str) -> str:
    """The name; one without an extension, as in drawn samples, gets that of the stored file."""
    return name if PurePosixPath(name).suffix or not stored else name + PurePosixPath(stored).suffix


def _collection(arguments: dict[str, Any]) -> Collection:
    return Collection.open(home_of(arguments), arguments["collection"])
