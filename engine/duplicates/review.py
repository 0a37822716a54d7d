"""How far the user has gone through the duplicates: which pictures were marked, and which groups are reviewed.

It is stored in datasets/<collection>/review.json, sealed; pictures are named by their ids, which are never used again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.collections.collection import Collection
from engine.core.errors import Corrupt
from engine.core.storage import full_disk_named, read_object, shape_checked, write_json


@dataclass(frozen=True)
class Review:
    """What was chosen against the rule: the ids to keep (True) or drop (False), and the names of reviewed groups."""

    keep: Mapping[int, bool] = field(default_factory=dict)
    done: frozenset[str] = frozenset()


def review_of(collection: Collection) -> Review:
    """The review so far; an empty one where there is none, or where its file is damaged."""
    path = _path(collection)
    try:
        body = read_object(path, keep=dict, done=list)
        with shape_checked(path):
            return Review({int(id): bool(kept) for id, kept in body["keep"].items()}, frozenset(map(str, body["done"])))
    except (FileNotFoundError, Corrupt):
        return Review()


def keep_review(collection: Collection, review: Review) -> None:
    """Store a review in place of the one before; StorageFull where the disk is full."""
    keep = {str(id): kept for id, kept in sorted(review.keep.items())}
    with full_disk_named("what was decided about duplicates"):
        write_json(_path(collection), {"keep": keep, "done": sorted(review.done)})


def _path(collection: Collection) -> Path:
    return collection.folder / "review.json"
