"""Whether a file may be removed: neither it nor the kept one has changed, and both are where files may be touched."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from engine.collections.catalogue import ImageRow
from engine.collections.collection import Collection
from engine.collections.facts.stored import columns_by_id
from engine.collections.reading.regular_files import modified_ns
from engine.core.errors import BenzerError, reason_of
from engine.core.storage import file_digest
from engine.duplicates.acts.journal import SIDECAR, TEMPORARY, Entry, Kind, root_of, trash_of
from engine.duplicates.groups import has_file
from engine.duplicates.rules import Rule

COPIED_IN = "It was copied into Benzer; the file itself is elsewhere and is not touched."


@dataclass(frozen=True)
class Drop:
    """A picture to remove: its id, the content hash when it was listed, and the id of the one that is kept.

    Without a keeper it goes for its own sake, which only files that lie in a folder of their owner may.
    """

    id: int
    hash: str
    keeper: int | None = None


@dataclass(frozen=True)
class Refusal:
    """A file that was left in place, and why."""

    name: str
    sentence: str


class Refused(BenzerError):
    """One file must not be touched."""


class Checker:
    """Checks drops against the files and one snapshot of the catalogue; the collection must be held meanwhile."""

    def __init__(self, collection: Collection, drops: list[Drop], rule: Rule, kind: Kind) -> None:
        self.collection, self.rule, self.kind = collection, rule, kind
        self.root = root_of(collection).resolve()
        self.rows = {row.id: row for row in collection.rows() if row.status != "rejected"}
        self.named: dict[Path, list[ImageRow]] = {}
        self.nameless: dict[str, list[ImageRow]] = {}  # uploaded copies of a stored picture, by content
        for row in self.rows.values():
            if has_file(collection, row):
                self.named.setdefault(collection.path_of(row), []).append(row)
            else:
                self.nameless.setdefault(row.hash, []).append(row)
        gone = [self.rows[drop.id] for drop in drops if drop.id in self.rows]
        self.gone = {self.collection.path_of(row) for row in gone if has_file(collection, row)}
        self.really_gone = {path.resolve() for path in self.gone}
        self._digests: dict[Path, str] = {}
        with collection.catalogue.reading() as reading:
            self._cells = columns_by_id(reading)

    def entry(self, drop: Drop) -> Entry:
        """The plan for one file; Refused if it must stay."""
        row = self._row(drop)
        path = self.collection.path_of(row)
        facts = self._touchable(path)
        self._unchanged(path, row.hash)
        keeper = None if drop.keeper is None else self._keeper(drop, drop.keeper, path)
        if keeper is None and self.kind == "link":
            raise Refused("There is no other file to share with.")
        rows = self.named[path] + self.nameless.get(row.hash, [])
        below = (path.parent.resolve() / path.name).relative_to(self.root)
        return Entry(
            os.fspath(below),
            row.hash,
            facts.st_size,
            modified_ns(facts),
            os.fspath(keeper.resolve().relative_to(self.root)) if keeper else "",
            rows,
            [self._cells.get(row.id, {}) for row in rows],
            _is_file(path.with_name(path.name + SIDECAR)),
            os.fspath(below.with_name(TEMPORARY + secrets.token_hex(6))) if self.kind == "link" else "",
        )

    def _row(self, drop: Drop) -> ImageRow:
        """The picture as the catalogue knows it; Refused where that is enough to know that it must stay."""
        row = self.rows.get(drop.id)
        if row is None:
            raise Refused("It is no longer in the collection.")
        if row.hash != drop.hash:
            raise Refused("It has changed since it was listed.")
        if not has_file(self.collection, row):
            raise Refused("It has no file of its own.")
        if drop.keeper is None and row.stored:
            raise Refused(COPIED_IN)
        if self.rule.protects(row):
            raise Refused("It is in a protected folder.")
        return row

    def name(self, drop: Drop) -> str:
        row = self.rows.get(drop.id)
        return row.name if row else f"Picture {drop.id}"

    def _keeper(self, drop: Drop, id: int, path: Path) -> Path:
        """The file of the picture that is kept; Refused where it is not there to be kept."""
        row = self.rows.get(id)
        if row is None or not has_file(self.collection, row) or row.id == drop.id:
            raise Refused("The picture to keep is no longer in the collection, so this one stays.")
        keeper = self.collection.path_of(row)
        if keeper in self.gone or keeper == path:
            raise Refused("No picture of its group would be kept.")
        real = keeper.resolve()
        if real in self.really_gone:
            raise Refused("The picture to keep is a link to one that would be taken away.")
        if not real.is_relative_to(self.root):
            raise Refused("The picture to keep is outside the folder of the collection.")
        if not keeper.is_file() or self._digest(keeper) != row.hash:
            raise Refused("The picture to keep is gone or has changed, so this one stays.")
        if self.kind == "link":
            self._linkable(path, keeper, row.hash == drop.hash)
        return keeper

    @staticmethod
    def _linkable(path: Path, keeper: Path, equal: bool) -> None:
        if not equal:
            raise Refused("Only files of equal content can share one file.")
        if os.path.samefile(path, keeper):
            raise Refused("It shares its file with the kept one already.")

    def _touchable(self, path: Path) -> os.stat_result:
        """The facts of a regular file that lies, links resolved, below the root and not in the trash."""
        try:
            facts, parent = os.lstat(path), path.parent.resolve(strict=True)
        except OSError as error:
            raise Refused("The file is no longer there.") from error
        if not parent.is_relative_to(self.root) or parent.is_relative_to(trash_of(self.collection).resolve()):
            raise Refused("It is outside the folder of the collection.")
        if not stat.S_ISREG(facts.st_mode):
            raise Refused("It is a link or no regular file.")
        return facts

    def _unchanged(self, path: Path, hash: str) -> None:
        if self._digest(path) != hash:
            raise Refused("It has changed since it was listed.")

    def _digest(self, path: Path) -> str:
        if path not in self._digests:
            try:
                self._digests[path] = file_digest(path)
            except OSError as error:
                raise Refused(f"It cannot be read: {reason_of(error)}.") from error
        return self._digests[path]


def checked(collection: Collection, drops: list[Drop], rule: Rule, kind: Kind) -> tuple[list[Entry], list[Refusal]]:
    """The plan for the files that may be removed, and the refused ones with reasons; each file occurs once."""
    checker = Checker(collection, drops, rule, kind)
    entries: dict[str, Entry] = {}
    refused: list[Refusal] = []
    for drop in drops:
        try:
            entry = checker.entry(drop)
        except Refused as error:
            refused.append(Refusal(checker.name(drop), error.message))
        else:
            entries.setdefault(entry.path, entry)
    return list(entries.values()), refused


def trash_refused(collection: Collection) -> str:
    """Why no picture of a collection can be moved to the trash for its own sake; "" if its files are in reach."""
    folder = collection.source.get("folder")
    if not folder:
        return "These pictures were copied into Benzer; the files themselves are elsewhere and are not touched."
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"The folder {folder} cannot be written to, so nothing can be moved out of it."
    return ""


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
