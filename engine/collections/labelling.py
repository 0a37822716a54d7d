"""Labels that the user gives: written into the catalogue, recorded, and reverted.

    labels.json     every change, oldest first: when, by what, and the labels before and after (sealed)

A rescan reads labels from folders or a table; those that the user has given since stay (`given_labels`). Content hashes
do not change with labels, so vectors and indexes stay valid.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.collections.catalogue import ImageRow, seal
from engine.collections.collection import Collection
from engine.core.errors import BadParameter, Corrupt, NotFound
from engine.core.storage import read_json, set_aside, shape_checked, write_json

_RESCUED = "rescued"  # where the notes were damaged: the labels that stood there
_LONGEST = 200  # characters of a label


def checked_label(label: object) -> str:
    """The label on one line, "" for none; BadParameter if it is not text or too long."""
    if not isinstance(label, str) or len(label) > _LONGEST:
        raise BadParameter("label", "a picture", f"a text of at most {_LONGEST} characters", label)
    return " ".join(label.encode("utf-8", "replace").decode().split())


def write_labels(collection: Collection, labels: Mapping[int, str], what: str) -> int:
    """Give pictures labels, all or none; `what` says where they come from, for display. How many labels changed.

    Raises:
        BadParameter: nothing to write, or no label. NotFound: one of the ids is no picture. BenzerError: other work
        changes the collection right now.
    """
    wanted = {int(id): checked_label(label) for id, label in labels.items()}
    if not wanted:
        raise BadParameter("number of labels", "a collection", "at least 1", 0)
    with collection.alone():
        rows = {row.id: row for row in collection.rows("image")}
        gone = next((id for id in wanted if id not in rows), None)
        if gone is not None:
            raise NotFound(f"There is no picture {gone} in the collection {collection.title!r} any more.")
        before = {str(id): rows[id].label for id in wanted}
        after = {str(id): label for id, label in wanted.items()}
        # Noted first: after a crash in between, taking it back finds nothing to change, and nothing is lost.
        writing = {"made": time.time(), "what": what, "before": before, "after": after}
        rescue_labels(collection)
        write_json(_path(collection), [*writings(collection), writing])
        return _rewrite(collection, [replace(rows[id], label=label) for id, label in wanted.items()], rows)


def last_writing(collection: Collection) -> dict[str, Any] | None:
    """The last change, which can be reverted: `made`, `what` and `count`; None if there is nothing."""
    written = [one for one in writings(collection) if one["what"] != _RESCUED]
    if not written:
        return None
    return {"made": written[-1]["made"], "what": written[-1]["what"], "count": len(written[-1]["after"])}


def undo_labels(collection: Collection) -> int:
    """Revert the last change for pictures whose labels have not changed since; how many labels changed.

    Raises:
        NotFound: there is nothing to revert. Corrupt: the record of changes is damaged. BenzerError: other work changes
        the collection right now.
    """
    with collection.alone():
        written = _stored(collection)
        if not written or written[-1]["what"] == _RESCUED:
            raise NotFound(f"No labels have been written to {collection.title!r} that could be taken back.")
        before, after = written[-1]["before"], written[-1]["after"]
        rows = {row.id: row for row in collection.rows("image")}
        held = [rows[int(id)] for id, label in after.items() if int(id) in rows and rows[int(id)].label == label]
        changed = _rewrite(collection, [replace(row, label=before[str(row.id)]) for row in held], rows)
        write_json(_path(collection), written[:-1])
        return changed


def _rewrite(collection: Collection, wanted: list[ImageRow], rows: Mapping[int, ImageRow]) -> int:
    changed = [row for row in wanted if row != rows[row.id]]
    if changed:
        with collection.catalogue.writing() as writing:
            for row in changed:
                writing.replace(row)
        seal(collection.catalogue)
    return len(changed)


def given_labels(collection: Collection) -> dict[int, str]:
    """The labels that the user has given, by id; they take precedence over the source's own."""
    return {int(id): label for writing in writings(collection) for id, label in writing["after"].items()}


def writings(collection: Collection) -> list[dict[str, Any]]:
    """The recorded changes, oldest first.

    If the file is damaged, a single entry with the current labels replaces them, so that a rescan keeps these.
    """
    try:
        return _stored(collection)
    except Corrupt:
        now = {str(row.id): row.label for row in collection.rows("image")}
        return [{"made": time.time(), "what": _RESCUED, "before": now, "after": now}]


def damaged_labels(collection: Collection) -> str:
    """The sentence that says how the record of changes is damaged, "" if it is not."""
    try:
        _stored(collection)
    except Corrupt as error:
        return f"{error.message} The labels themselves stand; earlier ones can no longer be restored."
    return ""


def rescue_labels(collection: Collection) -> None:
    """Set a damaged record aside and record the current labels instead; the caller must hold the collection."""
    if damaged_labels(collection):
        written = writings(collection)
        set_aside(_path(collection))
        write_json(_path(collection), written)


def _stored(collection: Collection) -> list[dict[str, Any]]:
    path = _path(collection)
    try:
        found = read_json(path)
    except FileNotFoundError:
        return []
    with shape_checked(path):
        return [
            {"made": float(one["made"]), "what": one["what"], "before": {**one["before"]}, "after": {**one["after"]}}
            for one in found
        ]


def _path(collection: Collection) -> Path:
    return collection.folder / "labels.json"
