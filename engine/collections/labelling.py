"""Labels that the user gives: written into the catalogue, recorded, and reverted.

    labels.json     the last changes, oldest first: when, by whom and what, and the labels before and after (sealed)

What was given by earlier changes is kept without the labels before, in one entry for persons and one for classifiers:
these can no longer be reverted.

A rescan reads labels from folders or a table; those that the user has given since stay (`given_labels`). Content hashes
do not change with labels, so vectors and indexes stay valid.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from engine.collections.catalogue import ImageRow
from engine.collections.collection import Collection
from engine.collections.seal import seal
from engine.core.errors import BadParameter, Corrupt, NotFound
from engine.core.storage import read_json, set_aside, shape_checked, write_json

LabelGiver = Literal["person", "classifier"]
_RESCUED = "rescued"  # where the notes were damaged: the labels that stood there
_EARLIER = "earlier changes"
_KEPT = 100  # changes that can be reverted
_FEW = 2000  # pictures that are looked up one by one
_OF_CLASSIFIERS = ("the classifier ", "suggested labels")  # what these changes were called before they said by whom
_LONGEST = 200  # characters of a label


def checked_label(label: object) -> str:
    """The label on one line, "" for none; BadParameter if it is not text or too long."""
    if not isinstance(label, str) or len(label) > _LONGEST:
        raise BadParameter("label", "a picture", f"a text of at most {_LONGEST} characters", label)
    return " ".join(label.encode("utf-8", "replace").decode().split())


def write_labels(
    collection: Collection,
    labels: Mapping[int, str],
    what: str,
    by: LabelGiver = "person",
    made: float | None = None,
) -> int:
    """Give pictures labels, all or none; how many labels changed.

    Args:
        what: where they come from, for display. by: who gave them.
        made: when, by which `undo_labels` finds the change among those of others; None for now.

    Raises:
        BadParameter: nothing to write, or no label. NotFound: one of the ids is no picture. BenzerError: other work
        changes the collection right now.
    """
    wanted = {int(id): checked_label(label) for id, label in labels.items()}
    if not wanted:
        raise BadParameter("number of labels", "a collection", "at least 1", 0)
    with collection.alone():
        rows = _pictures(collection, wanted)
        gone = next((id for id in wanted if id not in rows), None)
        if gone is not None:
            raise NotFound(f"There is no picture {gone} in the collection {collection.title!r} any more.")
        before = {str(id): rows[id].label for id in wanted}
        after = {str(id): label for id, label in wanted.items()}
        # Noted first: after a crash in between, taking it back finds nothing to change, and nothing is lost.
        now = time.time() if made is None else made
        writing = {"made": now, "what": what, "by": by, "before": before, "after": after}
        write_json(_path(collection), _shortened([*rescue_labels(collection), writing]))
        return _rewrite(collection, [replace(rows[id], label=label) for id, label in wanted.items()], rows)


def last_writing(collection: Collection) -> dict[str, Any] | None:
    """The last change, which can be reverted: `made`, `what`, `by` and `count`; None if there is nothing."""
    written = writings(collection)
    if not written or not written[-1]["before"]:
        return None
    last = written[-1]
    return {"made": last["made"], "what": last["what"], "by": last["by"], "count": len(last["after"])}


def undo_labels(collection: Collection, made: float | None = None) -> int:
    """Revert a change for pictures whose labels have not changed since; how many labels changed.

    Args:
        made: when the change was made, as it was given or `last_writing` says it; None for the last.

    Raises:
        NotFound: there is no such change, or nothing to revert. Corrupt: the record of changes is damaged.
        BenzerError: other work changes the collection right now.
    """
    with collection.alone():
        written = _stored(collection)
        place = next((at for at in reversed(range(len(written))) if made in (None, written[at]["made"])), None)
        if place is None or not written[place]["before"]:
            raise NotFound(f"No labels have been written to {collection.title!r} that could be taken back.")
        before, after = written[place]["before"], written[place]["after"]
        rows = _pictures(collection, map(int, after))
        held = [rows[int(id)] for id, label in after.items() if int(id) in rows and rows[int(id)].label == label]
        changed = _rewrite(collection, [replace(row, label=before[str(row.id)]) for row in held], rows)
        later = written[place + 1 :]
        _hand_on(written[place], later, after.keys() - {str(row.id) for row in held})
        write_json(_path(collection), [*written[:place], *later])
        return changed


def _hand_on(taken_back: Mapping[str, Any], later: Sequence[Mapping[str, Any]], left: set[str]) -> None:
    """Let the next changes of pictures that were labelled again lead back to before this one, which is forgotten."""
    for writing in later:
        for id in left & writing["before"].keys():
            if writing["before"][id] == taken_back["after"][id]:
                writing["before"][id] = taken_back["before"][id]
        left = left - writing["before"].keys()


def _pictures(collection: Collection, ids: Iterable[int]) -> dict[int, ImageRow]:
    """The rows of those of these ids that are pictures."""
    wanted = set(ids)
    if len(wanted) > _FEW:
        return {row.id: row for row in collection.rows("image") if row.id in wanted}
    with collection.catalogue.reading() as reading:
        found = [reading.row(id) for id in wanted]
    return {row.id: row for row in found if row is not None and row.status == "image"}


def _shortened(written: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The changes with all but the last ones as one for each giver, in which each picture has its last label."""
    old, kept = written[:-_KEPT], written[-_KEPT:]
    last = {id: (label, one["by"]) for one in old for id, label in one["after"].items()}
    earlier = [
        {
            "made": old[-1]["made"], "what": _EARLIER, "by": giver, "before": {},
            "after": {id: label for id, (label, by) in last.items() if by == giver},
        }
        for giver in dict.fromkeys(by for _, by in last.values())
    ]  # fmt: skip
    return [*earlier, *kept]


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
        return [{"made": time.time(), "what": _RESCUED, "by": "person", "before": {}, "after": now}]


def damaged_labels(collection: Collection) -> str:
    """The sentence that names the damage to the record of changes, "" if it is intact."""
    try:
        _stored(collection)
    except Corrupt as error:
        return f"{error.message} The labels themselves are intact; earlier ones can no longer be restored."
    return ""


def rescue_labels(collection: Collection) -> list[dict[str, Any]]:
    """What is recorded, after a damaged record was set aside and the current labels were recorded instead.

    The caller must hold the collection.
    """
    try:
        return _stored(collection)
    except Corrupt:
        written = writings(collection)
        set_aside(_path(collection))
        write_json(_path(collection), written)
        return written


def _stored(collection: Collection) -> list[dict[str, Any]]:
    path = _path(collection)
    try:
        found = read_json(path)
    except FileNotFoundError:
        return []
    with shape_checked(path):
        return [_writing(one) for one in found]


def _writing(one: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded change; those of earlier versions did not say by whom, and a rescued one had the labels before."""
    what, before, after = str(one["what"]), {**one["before"]}, {**one["after"]}
    if "by" in one:
        by = "classifier" if one["by"] == "classifier" else "person"
    else:
        by = "classifier" if what.startswith(_OF_CLASSIFIERS) else "person"
        before = {} if what == _RESCUED and before == after else before
    return {"made": float(one["made"]), "what": what, "by": by, "before": before, "after": after}


def _path(collection: Collection) -> Path:
    return collection.folder / "labels.json"
