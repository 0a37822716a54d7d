"""A bounded cache whose items are computed once, even when many threads request them at the same moment."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """At most `capacity` items by key; the least recently used is evicted first. Failures are not cached."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._items: OrderedDict[Hashable, T] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The item under `key`, computed if absent. Requests for other keys are not blocked."""
        while True:
            with self._lock:
                if key in self._items:
                    self._items.move_to_end(key)
                    return self._items[key]
                making = self._making.setdefault(key, threading.Lock())
            with making:
                if self._making.get(key) is making:
                    return self._made(key, make)
            # Another request computed it while this one waited, or failed to.

    def _made(self, key: Hashable, make: Callable[[], T]) -> T:
        try:
            item = make()
            with self._lock:
                self._items[key] = item
                self._items.move_to_end(key)
                while len(self._items) > self.capacity:
                    self._items.popitem(last=False)
        finally:
            with self._lock:
                self._making.pop(key, None)
        return item

    def drop(self, key: Hashable, item: T) -> None:
        """Drop a stale item; if its key already holds a newer one, that one is kept."""
        with self._lock:
            if self._items.get(key) is item:
                del self._items[key]

    def clear(self) -> None:
        """Drop all items."""
        with self._lock:
            self._items.clear()

    def __len__(self) -> int:
        return len(self._items)


def file_stamp(*paths: Path) -> tuple[object, ...]:
    """Part of a key: changes whenever one of the files does. Compares times and sizes, reads no content.

    Absent and empty files count as equal: SQLite readers create an empty log and remove it.
    """
    stamps = []
    for path in paths:
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            stamps.append((0, 0))
        else:
            stamps.append((status.st_mtime_ns, status.st_size) if status.st_size else (0, 0))
    return tuple(stamps)


class FileStamps:
    """The source files of a result, each stamped before it is read."""

    def __init__(self, *paths: Path) -> None:
        self.paths, self.stamp = paths, file_stamp(*paths)

    def add(self, *paths: Path) -> None:
        self.paths, self.stamp = self.paths + paths, self.stamp + file_stamp(*paths)

    def unchanged(self) -> bool:
        """Whether every file is unchanged since it was added."""
        return file_stamp(*self.paths) == self.stamp


def catalogue_stamp(folder: Path) -> tuple[object, ...]:
    """The stamp of a collection's catalogue and its log."""
    return file_stamp(*catalogue_files(folder))


def catalogue_files(folder: Path) -> tuple[Path, Path]:
    """A collection's catalogue and its log."""
    return folder / "catalogue.sqlite", folder / "catalogue.sqlite-wal"
