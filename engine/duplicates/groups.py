"""Groups of duplicates in a collection: files of equal content first, then pictures that show the same.

A group is a star: each of its pictures shows the same as the one that is kept, so that a chain of slightly differing
pictures never becomes one group.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from engine.collections.catalogue import ImageRow
from engine.collections.collection import Collection
from engine.core.humanize import count_of, file_size
from engine.core.storage import digest_of
from engine.core.tables import csv_text
from engine.duplicates.decisions import Decisions
from engine.duplicates.differences import GREY, Difference, difference, none
from engine.duplicates.pairs import SamePictures
from engine.duplicates.rules import Rule

_SHARED = "SELECT hash FROM files WHERE status<>'rejected' GROUP BY hash HAVING count(*)>1"
HEADER = ("group", "keep", "likeness", "difference", "id", "file", "width", "height", "bytes", "sha256")


@dataclass(frozen=True)
class Member:
    """A file of a group: whether the rule keeps it, and how it differs from the one that is kept."""

    row: ImageRow
    keep: bool
    protected: bool
    difference: Difference


@dataclass(frozen=True)
class DuplicateGroup:
    """Files that show the same, the kept one first. `name` depends on the files only."""

    members: tuple[Member, ...]

    @property
    def keeper(self) -> ImageRow:
        """The file that the rule keeps."""
        return self.members[0].row

    @property
    def exact(self) -> bool:
        """Whether all files have the same content."""
        return len(self.contents) == 1

    @property
    def contents(self) -> frozenset[str]:
        """The contents of its files, without duplicates."""
        return frozenset(member.row.hash for member in self.members)

    @property
    def likeness(self) -> float:
        """That of the least alike file."""
        return min(member.difference.likeness for member in self.members)

    @property
    def dropped(self) -> list[ImageRow]:
        """The files that the rule does not keep."""
        return [member.row for member in self.members if not member.keep]

    @cached_property
    def name(self) -> str:
        return digest_of(*sorted(member.row.id for member in self.members))[:8]


@dataclass(frozen=True)
class FoundDuplicates:
    """All groups of a collection under one strength and one rule, exact ones first, then by likeness."""

    collection: str
    least: float
    rule: Rule
    groups: tuple[DuplicateGroup, ...]
    pictures: int

    @cached_property
    def dropped(self) -> list[ImageRow]:
        """The files of all groups that the rule does not keep."""
        return [row for group in self.groups for row in group.dropped]

    @property
    def bytes(self) -> int:
        """The size of the files that the rule does not keep."""
        return sum(row.size for row in self.dropped)

    def group(self, name: str) -> DuplicateGroup | None:
        """The group of that name, as `DuplicateGroup.name`."""
        return next((group for group in self.groups if group.name == name), None)

    def sentence(self) -> str:
        """E.g. "12 groups with 15 duplicates (3.1 MB) among 1,500 pictures."."""
        if not self.groups:
            return f"No duplicates among {self.pictures:,} pictures."
        count = sum(len(group.members) - 1 for group in self.groups)
        found = f"{count_of(len(self.groups), 'group')} with {count_of(count, 'duplicate')}"
        return f"{found} ({file_size(self.bytes)}) among {self.pictures:,} pictures."

    def rows(self) -> list[list[object]]:
        """A row for each file of a group, the kept one first; columns as in HEADER."""
        return [
            [number, "yes" if one.keep else "no", f"{one.difference.likeness:.3f}", one.difference.words, *_facts(one)]
            for number, group in enumerate(self.groups, 1)
            for one in group.members
        ]

    def to_csv(self) -> str:
        """One row per file; columns as in HEADER."""
        return csv_text(HEADER, self.rows())

    def as_dict(self) -> dict[str, Any]:
        """What the command line prints with --json."""
        return {
            "collection": self.collection,
            "least_likeness": self.least,
            "pictures": self.pictures,
            "duplicates": sum(len(group.members) - 1 for group in self.groups),
            "bytes": self.bytes,
            "files": [dict(zip(HEADER, row, strict=True)) for row in self.rows()],
        }


def _facts(member: Member) -> list[object]:
    row = member.row
    return [row.id, row.name, row.width, row.height, row.size, row.hash]


def group_duplicates(
    collection: Collection, same: SamePictures | None, least: float, rule: Rule, decided: Decisions
) -> FoundDuplicates:
    """The groups of a collection.

    Args:
        same: the pairs that show the same; None for files of equal content only.
        least: the least likeness of two duplicates.
        decided: pictures that are no duplicates, and folders that are protected besides those of the rule.
    """
    rule = Rule(rule.keep, rule.folder, tuple(sorted({*rule.protected, *decided.protected})))
    rows = _rows_of(collection, [] if same is None else [same.contents[row] for row in _near_rows(same, least)])
    files = files_by_content(collection, rows, rule, _grey(same))
    count = _count(collection) - len(rows) + sum(map(len, files.values()))
    near = _neighbours(same, least, files, decided) if same is not None else {}
    groups = sorted(_stars(files, near, rule, decided), key=lambda group: (not group.exact, -group.likeness))
    return FoundDuplicates(collection.name, least, rule, tuple(groups), count)


def _near_rows(same: SamePictures, least: float) -> list[int]:
    """The contents that show the same as another, as rows of `same`."""
    found: list[int] = np.unique(same.rows[same.likeness >= least]).tolist()
    return found


def _count(collection: Collection) -> int:
    """How many rows with a file of their own the collection has."""
    counts = collection.counts()
    if collection.source.get("folder"):
        return counts["image"] + counts["copy"]
    with collection.catalogue.reading() as reading:
        return counts["image"] + sum(bool(row.stored) for row in reading.having("status", "copy"))


def _grey(same: SamePictures | None) -> frozenset[str]:
    """The contents without colour."""
    if same is None:
        return frozenset()
    return frozenset(same.contents[row] for row in (same.tones[:, 1] < GREY).nonzero()[0].tolist())


def _rows_of(collection: Collection, contents: Iterable[str]) -> list[ImageRow]:
    """The rows of these contents, and of all that several files have."""
    with collection.catalogue.reading() as reading:
        wanted = {*contents, *(hash for [hash] in reading.db.execute(_SHARED))}
        rows = [row for content in sorted(wanted) for row in reading.having("hash", content)]
    return [row for row in rows if row.status != "rejected" and has_file(collection, row)]


def files_by_content(
    collection: Collection, rows: Iterable[ImageRow], rule: Rule, grey: frozenset[str] = frozenset()
) -> dict[str, list[ImageRow]]:
    """The files of each content, the one to keep first; a file that is listed twice counts once."""
    files: dict[str, dict[str, ImageRow]] = {}
    for row in sorted(rows, key=lambda row: rule.order(row, row.hash in grey)):
        files.setdefault(row.hash, {}).setdefault(str(collection.path_of(row)), row)
    return {content: list(found.values()) for content, found in files.items()}  # still in the order of the rule


def has_file(collection: Collection, row: ImageRow) -> bool:
    """Whether a row has its own file: of an uploaded copy of a known picture, none was stored."""
    return bool(row.stored) or bool(collection.source.get("folder"))


Neighbours = dict[str, dict[str, Difference]]


def _neighbours(same: SamePictures, least: float, files: dict[str, list[ImageRow]], decided: Decisions) -> Neighbours:
    """For each content the others that show the same, with what differs in the other."""
    near: Neighbours = {}
    for place in (same.likeness >= least).nonzero()[0].tolist():
        one, other = (same.contents[row] for row in same.rows[place].tolist())
        if one in files and other in files and not decided.are_apart(one, other):
            near.setdefault(one, {})[other] = difference(same, place, files[one][0], files[other][0])
            near.setdefault(other, {})[one] = difference(same, place, files[other][0], files[one][0], back=True)
    return near


def _stars(
    files: dict[str, list[ImageRow]], near: Neighbours, rule: Rule, decided: Decisions
) -> Iterator[DuplicateGroup]:
    """Groups around the contents in the order in which the rule keeps them: `files` is in that order."""
    free = set(files)
    for content in files:
        if content not in free:
            continue
        around = {other: how for other, how in near.get(content, {}).items() if other in free}
        free -= {content, *around}
        own = files[content][:1] if decided.are_apart(content, content) else files[content]
        if around or len(own) > 1:
            yield DuplicateGroup(tuple(_members(own, around, files, rule)))


def _members(
    own: list[ImageRow], around: dict[str, Difference], files: dict[str, list[ImageRow]], rule: Rule
) -> Iterator[Member]:
    nearest = sorted(around.items(), key=lambda item: -item[1].likeness)
    keeper, *twins = own
    yield Member(keeper, True, rule.protects(keeper), none())
    for row, how in _rows([(twins, none("identical file")), *((files[other], how) for other, how in nearest)]):
        yield Member(row, rule.protects(row), rule.protects(row), how)


def _rows(parts: Iterable[tuple[list[ImageRow], Difference]]) -> Iterator[tuple[ImageRow, Difference]]:
    return ((row, how) for rows, how in parts for row in rows)
