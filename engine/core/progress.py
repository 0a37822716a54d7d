"""Progress of long work: reported, nested, and interrupted when somebody asks for it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.core.errors import BenzerError, Stopped
from engine.core.storage import append_line

_EVENTS_AT_MOST_EVERY = 0.2  # seconds between two stored progress events of one stage


_NUMBER = (int, float)
_TYPES: dict[str, type | tuple[type, ...]] = {
    "stage": str,
    "done": int,
    "total": int,
    "unit": str,
    "rate": _NUMBER,
    "seconds_left": (*_NUMBER, type(None)),
    "note": str,
}


@dataclass(frozen=True)
class Progress:
    """How far a job is: what it does now, how many of how many, how fast, and the seconds left (None: not known)."""

    stage: str = "Starting"
    done: int = 0
    total: int = 0
    unit: str = "images"
    rate: float = 0.0
    seconds_left: float | None = None
    note: str = ""

    @property
    def fraction(self) -> float:
        return min(1.0, self.done / self.total) if self.total else 0.0


def progress_of(event: dict[str, Any]) -> Progress | None:
    """The progress that an event tells of, None where a value of it is of another type than was stored."""
    told = {name: event[name] for name in _TYPES if name in event}
    whole = all(isinstance(value, _TYPES[name]) for name, value in told.items())
    return Progress(**told) if whole else None


class Reporter:
    """The worker's side: what long functions are given to tell how far they are and to learn that they must stop.

    Without a folder it only keeps the last progress, calls `listen` with it and `hear` with events, and never stops by
    itself: for the command line and tests.
    """

    def __init__(
        self,
        folder: Path | None = None,
        listen: Callable[[Progress], None] | None = None,
        hear: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.folder = folder
        self.listen, self.hear = listen, hear
        self.last = Progress()
        self._written = 0.0
        self._stage_began = time.monotonic()
        self._stage_base = 0

    def update(self, stage: str, done: int, total: int, unit: str = "images", note: str = "") -> None:
        """Tell how far the work is; raises Stopped when a person asked for it."""
        now = time.monotonic()
        if stage != self.last.stage:
            self._stage_began, self._stage_base = now, done
        rate = (done - self._stage_base) / max(now - self._stage_began, 1e-9) if done > self._stage_base else 0.0
        left = (total - done) / rate if rate and total else None
        fresh = stage != self.last.stage or done >= total
        self.last = Progress(stage, done, total, unit, round(rate, 2), left, note)
        if self.listen:
            self.listen(self.last)
        if self.folder and (fresh or now - self._written >= _EVENTS_AT_MOST_EVERY):
            self.event(kind="progress", **asdict(self.last))
            self._written = now
        self.stop_if_asked()

    def repeat(self) -> None:
        """Tell the last progress once more, without storing it, while waiting; raises Stopped as `update` does."""
        if self.listen:
            self.listen(self.last)
        self.stop_if_asked()

    def event(self, **facts: Any) -> None:
        """Store one event as a whole line, and tell whoever hears them."""
        if self.hear:
            self.hear(facts)
        if self.folder:
            append_line(self.folder / "events.jsonl", {"time": time.time(), **facts})

    @property
    def stop_asked(self) -> bool:
        return bool(self.folder and (self.folder / "stop").exists())

    def stop_if_asked(self) -> None:
        """Raise Stopped when a person asked for it."""
        if self.stop_asked:
            raise Stopped()


class Within(Reporter):
    """A reporter for a part of the work: what it tells is led by what the part belongs to."""

    def __init__(self, outer: Reporter, lead: str) -> None:
        super().__init__(outer.folder)
        self.outer, self.lead = outer, lead

    def update(self, stage: str, done: int, total: int, unit: str = "images", note: str = "") -> None:
        self.outer.update(stage, done, total, unit, " · ".join(filter(None, [self.lead, note])))
        self.last = self.outer.last

    def event(self, **facts: Any) -> None:
        self.outer.event(**facts)

    def repeat(self) -> None:
        self.outer.repeat()

    @property
    def stop_asked(self) -> bool:
        return self.outer.stop_asked


def sentence_of(error: BaseException) -> str:
    """What a person is told of an error; one that nobody foresaw is printed, for the job's log."""
    if isinstance(error, BenzerError):
        return str(error)
    if isinstance(error, MemoryError):
        return "The memory of this machine ran out."
    traceback.print_exception(error)
    return f"Something unforeseen happened ({type(error).__name__}): {error}"
