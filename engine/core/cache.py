"""A bounded cache whose things are made once, even when many threads ask at the same moment."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """At most `room` things by key; the one not used for the longest time goes first. Failures are not kept."""

    def __init__(self, room: int) -> None:
        self.room = room
        self._things: OrderedDict[Hashable, T] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The thing under `key`, made now if it is not there. Other keys do not wait meanwhile."""
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
                return self._things[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._things:
                    return self._things[key]
            try:
                thing = make()
                self._put(key, thing)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return thing

    def clear(self) -> None:
        with self._lock:
            self._things.clear()

    def __len__(self) -> int:
        return len(self._things)

    def _put(self, key: Hashable, thing: T) -> None:
        with self._lock:
            self._things[key] = thing
            self._things.move_to_end(key)
            while len(self._things) > self.room:
                self._things.popitem(last=False)


def file_stamp(*paths: Path) -> tuple[object, ...]:
    """Part of a key: changes whenever one of the files does. A cheap look at times and sizes, no reading.

    An absent file and an empty one count the same: readers of SQLite put an empty log there and take it away.
    """
    found = []
    for path in paths:
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            found.append((0, 0))
        else:
            found.append((status.st_mtime_ns, status.st_size) if status.st_size else (0, 0))
    return tuple(found)


def catalogue_stamp(folder: Path) -> tuple[object, ...]:
    """The stamp of a collection's catalogue with its log."""
    return file_stamp(folder / "catalogue.sqlite", folder / "catalogue.sqlite-wal")
