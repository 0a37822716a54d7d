"""Watches held objects that do not answer, until they do."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from engine.cluster.workers import Lost, Workers

_PING = 1.0  # seconds after which a ping counts as unanswered
_SHORTEST, _LONGEST = 0.05, 0.25  # pauses between two checks


class Watch:
    """The objects currently lost. A thread, alive only while there are any, pings and recreates them.

    Args:
        method: a cheap method of the held objects, without arguments.
    """

    def __init__(self, workers: Workers, method: str) -> None:
        self._workers, self._method = workers, method
        self._lost: dict[int, Any] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def __contains__(self, handle: Any) -> bool:
        return id(handle) in self._lost

    def lost(self, handle: Any) -> None:
        """Watch an object that did not answer."""
        with self._changed:
            self._lost[id(handle)] = handle
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, daemon=True)
                self._thread.start()

    def back(self, seconds: float) -> bool:
        """Wait until another lost object answers; True if one did in time or none is lost."""
        with self._changed:
            before = len(self._lost)
            return self._changed.wait_for(lambda: len(self._lost) < max(before, 1), seconds)

    def forget(self, handles: Sequence[Any]) -> None:
        """Stop watching these objects."""
        self._found(handles)

    def _look(self) -> None:
        pause = _SHORTEST
        while lost := self._still():
            answers = self._asked(lost)
            self._found([handle for handle, answer in zip(lost, answers, strict=True) if not isinstance(answer, Lost)])
            for handle, answer in zip(lost, answers, strict=True):
                if isinstance(answer, Lost):
                    with suppress(Exception):  # still unreachable: retried after the next check
                        self._workers.mend(handle)
            time.sleep(pause)
            pause = min(1.5 * pause, _LONGEST)

    def _asked(self, handles: list[Any]) -> list[Any]:
        try:
            return self._workers.ask([(handle, self._method, ()) for handle in handles], _PING)
        except Exception as error:  # this thread has no caller to raise to; keep watching
            return [Lost(str(error))] * len(handles)

    def _still(self) -> list[Any]:
        with self._changed:
            if not self._lost:
                self._thread = None
            return list(self._lost.values())

    def _found(self, handles: Sequence[Any]) -> None:
        with self._changed:
            for handle in handles:
                self._lost.pop(id(handle), None)
            self._changed.notify_all()
