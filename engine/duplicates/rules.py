"""Which picture of a group is kept, and how alike duplicates must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.collections.catalogue import ImageRow
from engine.collections.collection import Collection
from engine.core.errors import BadParameter
from engine.duplicates.decisions import folder_key
from engine.duplicates.pairs import LEAST

STRENGTHS = {"strict": 0.92, "normal": 0.85, "loose": 0.7}  # least likeness of two duplicates
KEEP = {"largest": "Largest", "oldest": "Oldest", "folder": "In a folder"}


def least_likeness(strength: str | float) -> float:
    """The least likeness for a strength; a number stands for itself.

    Raises:
        BadParameter: neither strict, normal, loose nor a number from LEAST to 1.
    """
    if isinstance(strength, str) and strength in STRENGTHS:
        return STRENGTHS[strength]
    try:
        number = float(strength)
    except ValueError:
        number = -1.0
    if not LEAST <= number <= 1:
        wanted = f"{', '.join(STRENGTHS)} or a number from {LEAST} to 1"
        raise BadParameter("strength", "the duplicates", wanted, strength)
    return number


@dataclass(frozen=True)
class Rule:
    """Which picture is kept: the `largest`, the `oldest`, or one in `folder`; nothing in `protected` is removed."""

    keep: str = "largest"
    folder: str = ""
    protected: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.keep not in KEEP:
            raise BadParameter("keep", "the duplicates", "one of " + ", ".join(KEEP), self.keep)

    def protects(self, row: ImageRow) -> bool:
        """Whether the picture is in a protected folder."""
        return any(lies_in(row, folder) for folder in self.protected)

    def order(self, row: ImageRow, grey: bool = False) -> tuple[Any, ...]:
        """A sort key that puts the picture to keep first; of two equally large ones, the one in colour."""
        largest = (-row.width * row.height, grey, -row.size, row.mtime_ns)
        first: tuple[Any, ...] = largest
        if self.keep == "oldest":
            first = (row.mtime_ns, *largest)
        elif self.keep == "folder":
            first = (not lies_in(row, self.folder), *largest)
        return (not self.protects(row), *first, len(row.name), row.id)


def lies_in(row: ImageRow, folder: str) -> bool:
    """Whether a picture is in a folder below the source, at any depth; all are in the source itself."""
    key = folder_key(folder)
    return not key or row.name.startswith(key + "/")


def folders_of(collection: Collection) -> list[str]:
    """Every folder that holds a file of the collection, by name, without the source itself."""
    with collection.catalogue.reading() as reading:
        found = {name.rpartition("/")[0] for [name] in reading.db.execute("SELECT name FROM files")}
    return sorted(found - {""})
