"""A lock shared by readers and exclusive for a writer.

Courtois, Heymans, Parnas, "Concurrent control with readers and writers" (CACM 1971), with writer priority.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ReadWriteLock:
    """A writer waits for current readers; later readers wait for the writer."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._writers = 0  # waiting and active writers
        self._writing = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold the lock shared with other readers."""
        with self._changed:
            self._changed.wait_for(lambda: not self._writers)
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock exclusively."""
        with self._changed:
            self._writers += 1
        try:
            with self._writing:
                with self._changed:
                    self._changed.wait_for(lambda: not self._readers)
                yield
        finally:
            with self._changed:
                self._writers -= 1
                self._changed.notify_all()
