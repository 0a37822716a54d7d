"""The stored indexes of a home: their size, their last use, and a limit on the size of all of them.

Every index can be built again, so the least recently used ones are deleted when all together exceed the ceiling. The
date of a store's pointer tells when it was last used.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.core.errors import BadParameter, Corrupt, NotFound, StorageFull
from engine.core.storage import delete_folder
from engine.core.store import Store
from engine.indexes import methods

CEILING = "BENZER_INDEX_MB"
_MEGABYTES = 8000


@dataclass(frozen=True)
class StoredIndex:
    """An index on disk: its collection, the name of its folder, its recipe ("" if unknown), bytes and last use."""

    collection: str
    folder: Path
    recipe: str
    bytes: int
    used: float

    @property
    def name(self) -> str:
        return f"{self.collection}/{self.folder.name}"

    def delete(self) -> None:
        """Delete it; a search that has it open keeps it until it ends. StorageFull if the disk refuses."""
        delete_folder(self.folder, "current.json")
        if self.folder.exists():
            raise StorageFull(
                f"The disk refused to delete the index {self.name}.",
                way_out="The folder must be one that can be written to.",
            )


def stored_indexes(datasets: Path, collection: str = "") -> list[StoredIndex]:
    """Every index below the folder of the collections, or those of one of them, the last used first.

    Raises:
        NotFound: no such collection.
    """
    if collection and not (datasets / collection).is_dir():
        raise NotFound(f"There is no collection {collection!r}.")
    folders = datasets.glob(f"{collection or '[!.]*'}/indexes/[!.]*/")
    found = (folder for folder in folders if _method_of(folder) in methods())  # other rooms keep theirs there as well
    return sorted(map(_described, found), key=lambda index: (-index.used, index.name))


def mark_used(place: Store) -> None:
    """Record that an index has just been used; ignored in a read-only home."""
    with suppress(OSError):
        os.utime(place.pointer)


def make_room(datasets: Path, keep: Store) -> None:
    """Delete the least recently used indexes until all fit the limit; `keep` is never deleted."""
    left, total = ceiling(), 0
    for index in stored_indexes(datasets):
        total += index.bytes
        if total > left and index.folder != keep.folder:
            index.delete()
            total -= index.bytes


def ceiling() -> int:
    """The maximum size of all indexes in bytes: $BENZER_INDEX_MB, by default 8 GB.

    Raises:
        BadParameter: the variable is no number of megabytes.
    """
    given = os.environ.get(CEILING, "") or str(_MEGABYTES)
    if not given.isdecimal():
        raise BadParameter("value", CEILING, "a number of megabytes", given)
    return int(given) * 10**6


def _described(folder: Path) -> StoredIndex:
    size, used, recipe = 0, 0.0, ""
    for path in folder.rglob("*"):
        with suppress(OSError):  # deleted meanwhile
            size += path.stat().st_size if path.is_file() else 0
    with suppress(OSError):
        used = (folder / "current.json").stat().st_mtime
    method = methods()[_method_of(folder)]
    with suppress(Corrupt, OSError):
        snapshot = Store(folder, format=f"index {method.name}", version=method.version).open(only=())
        recipe = str(snapshot.facts.get("recipe", "")) if snapshot else ""
    return StoredIndex(folder.parents[1].name, folder, recipe, size, used)


def _method_of(folder: Path) -> str:
    return folder.name.rpartition("-")[0]
