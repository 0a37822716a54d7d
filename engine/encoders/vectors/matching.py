"""Which pictures of a collection named vectors belong to, and a report on those that belong to none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.collections.catalogue import ImageRow
from engine.collections.sources.table_names import Names
from engine.core.errors import BadParameter
from engine.core.humanize import count_of, examples

_SENTENCES = {
    "copy": "{vectors} left out as exact duplicates that were skipped at import: {names}.",
    "rejected": "{vectors} left out for files that could not be read at import: {names}.",
    "unknown": "{vectors} left out for names that no picture of the collection has: {names}.",
    "ambiguous": "{vectors} left out for names that several pictures share: {names}.",
    "again": "{vectors} left out for pictures that were listed before; the first one counts: {names}.",
}


@dataclass
class Matched:
    """The row of the vector of each picture, by its id, and the names that were left out, by reason."""

    rows: dict[int, int] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def notes(self) -> list[str]:
        """A sentence for each reason, with the number of vectors and examples."""
        return [
            _SENTENCES[reason].format(vectors=count_of(len(names), "vector"), names=examples(names))
            for reason, names in self.left_out.items()
        ]


def matched(names: Sequence[str], rows: Sequence[ImageRow], file: str) -> Matched:
    """Match names to pictures, however systems spell them; a vector of a copy counts for its picture if that has none.

    Args:
        rows: all files of the collection, those that were skipped included.

    Raises:
        BadParameter: not a single name is that of a picture.
    """
    found = Matched()
    copies: list[tuple[str, int, int]] = []
    finder = _Finder(rows)
    for place, name in enumerate(names):
        reason, id = finder.find(name)
        if reason == "copy":
            copies.append((name, id, place))
        elif not reason and found.rows.setdefault(id, place) == place:
            continue
        else:
            found.left_out.setdefault(reason or "again", []).append(name)
    for name, id, place in copies:
        if found.rows.setdefault(id, place) != place:
            found.left_out.setdefault("copy", []).append(name)
    if not found.rows:
        _refuse(found, names, file)
    return found


class _Finder:
    """The pictures that names stand for; exact copies stand for the picture with their content."""

    def __init__(self, rows: Sequence[ImageRow]) -> None:
        self._named: dict[str, list[ImageRow]] = {}
        for row in rows:
            self._named.setdefault(row.name, []).append(row)
        self._names = Names(self._named)
        self._picture = {row.hash: row.id for row in reversed(rows) if row.status == "image"}

    def find(self, name: str) -> tuple[str, int]:
        """Why a name matches no picture ("" if it does), and the picture's id (0 if there is none)."""
        rows = [row for known in self._names.find(name) for row in self._named[known]] if name else []
        readable = [row for row in rows if row.status != "rejected"]
        if not readable:
            return ("rejected" if rows else "unknown"), 0
        ids = {row.id if row.status == "image" else self._picture.get(row.hash, 0) for row in readable}
        if len(ids) > 1:
            return "ambiguous", 0
        return ("" if any(row.status == "image" for row in readable) else "copy"), ids.pop()


def without_vector(rows: Sequence[ImageRow], ids: NDArray[np.int64]) -> list[str]:
    """A sentence on the pictures that got no vector, [] where all did."""
    held = set(ids.tolist())
    names = [row.name for row in rows if row.status == "image" and row.id not in held]
    have = "has" if len(names) == 1 else "have"
    pictures = f"{count_of(len(names), 'picture')} of the collection {have} no vector: {examples(names)}."
    return [pictures] if names else []


def _refuse(matched: Matched, names: Sequence[str], file: str) -> None:
    clear = "ambiguous" not in matched.left_out
    wanted = "those of pictures of the collection" if clear else "whole where two pictures share their ending"
    raise BadParameter("names", file, wanted, next(iter(names), "none"))
