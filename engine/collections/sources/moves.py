"""Renamed and moved files: known content under another name keeps its row, so id, label, groups and vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from engine.collections.catalogue import ImageRow
from engine.collections.sources.items import Item

Waiting = tuple[Item, ImageRow]


class Moves:
    """Files whose content may be that of a row that lost its file; they wait until every file has been seen.

    Args:
        gone: rows whose files no longer exist.
        unsure: rows whose files may have other content now.
        labels: the source's own label by key.
        given: labels by id that the user has given.
    """

    def __init__(
        self,
        gone: Iterable[ImageRow] = (),
        unsure: Iterable[ImageRow] = (),
        labels: Mapping[bytes, str] | None = None,
        given: Mapping[int, str] | None = None,
    ) -> None:
        self._free: dict[str, list[ImageRow]] = {}
        for row in sorted([*gone, *unsure], key=lambda row: (row.status != "image", row.id)):
            if row.hash:
                self._free.setdefault(row.hash, []).append(row)
        self._labels, self._given = labels or {}, given or {}
        self._waiting: list[Waiting] = []
        self.taken: set[int] = set()
        self.displaced: list[int] = []

    def waits(self, item: Item, row: ImageRow) -> bool:
        """Whether an item must wait; a file with the content of its own row keeps that row, and frees no other."""
        if item.former is not None and item.former.hash == row.hash:
            self._free[row.hash].remove(item.former)
            return False
        waits = item.former is not None or row.hash in self._free
        self._waiting += [(item, row)] if waits else []
        return waits

    def settled(self) -> tuple[list[tuple[Item, ImageRow, ImageRow]], list[Waiting]]:
        """The items that moved, with the row each keeps, and the others; to be called once."""
        moved = [(item, row, former) for item, row in self._waiting if (former := self._take(item, row)) is not None]
        placed = {item.key for item, _, _ in moved}
        self.taken = {former.id for _, _, former in moved}
        formers = [item.former for item, _, _ in moved if item.former]
        self.displaced = [former.id for former in formers if former.id not in self.taken]
        others = [self._newcomer(item, row) for item, row in self._waiting if item.key not in placed]
        return moved, others

    def label(self, item: Item, former: ImageRow) -> str:
        """The label of a moved file: the one the user gave its content, else that of its new place."""
        return self._given.get(former.id, self._labels.get(item.key, item.label))

    def _take(self, item: Item, row: ImageRow) -> ImageRow | None:
        rows = self._free.get(row.hash, [])
        if not rows:
            return None
        same_name = [former for former in rows if former.name.rsplit("/", 1)[-1] == item.name.rsplit("/", 1)[-1]]
        found = (same_name or rows)[0]
        rows.remove(found)
        return found

    def own_label(self, row: ImageRow) -> ImageRow:
        """The row with the source's own label, if a given one moved away with the content."""
        return replace(row, label=self._labels.get(row.key, row.label))

    def _newcomer(self, item: Item, row: ImageRow) -> Waiting:
        """The item without its former row, and that row's label, where that row went on with a file that moved."""
        if item.former is None or item.former.id not in self.taken:
            return item, row
        return replace(item, former=None), self.own_label(row)
