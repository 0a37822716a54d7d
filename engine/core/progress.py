"""Progress of long work: reported, nested, and interrupted on request."""

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
    """A job's progress: its stage, the count done and in total, the rate, and the seconds left (None: not known)."""

    stage: str = "Starting"
    done: int = 0
    total: int = 0
    unit: str = "pictures"
    rate: float = 0.0
    seconds_left: float | None = None
    note: str = ""

    @property
    def fraction(self) -> float:
        """The finished share, from 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


def progress_of(event: dict[str, Any]) -> Progress | None:
    """The progress stored in an event; None if a value has an unexpected type."""
    fields = {name: event[name] for name in _TYPES if name in event}
    whole = all(isinstance(value, _TYPES[name]) for name, value in fields.items())
    return Progress(**fields) if whole else None


class Reporter:
    """The worker's side: passed to long functions so that they report progress and notice stop requests.

    Without a folder, as in the command line and tests, it only keeps the last progress, passes it to `listen` and
    events to `hear`, and never sees a stop request.
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

    def update(self, stage: str, done: int, total: int, unit: str = "pictures", note: str = "") -> None:
        """Report progress; raises Stopped if the user requested it."""
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
        """Repeat the last progress while waiting, without storing it; raises Stopped as `update` does."""
        if self.listen:
            self.listen(self.last)
        self.stop_if_asked()

    def event(self, **facts: Any) -> None:
        """Store one event as a whole line and pass it to the listener."""
        if self.hear:
            self.hear(facts)
        if self.folder:
            append_line(self.folder / "events.jsonl", {"time": time.time(), **facts})

    @property
    def stop_asked(self) -> bool:
        """Whether the user requested a stop."""
        return bool(self.folder and (self.folder / "stop").exists())

    def stop_if_asked(self) -> None:
        """Raise Stopped if the user requested it."""
        if self.stop_asked:
            raise Stopped


class NestedReporter(Reporter):
    """A reporter for a part of the work: it passes everything on to `outer`, with `lead` in front of each note."""

    def __init__(self, outer: Reporter, lead: str) -> None:
        super().__init__(outer.folder)
        self.outer, self.lead = outer, lead

    def update(self, stage: str, done: int, total: int, unit: str = "pictures", note: str = "") -> None:
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
    """The message shown for an error; the traceback of an unexpected one is printed to the job's log."""
    if isinstance(error, BenzerError):
        return str(error)
    if isinstance(error, MemoryError):
        return "The memory of this machine ran out."
    traceback.print_exception(error)
    return f"An unexpected error occurred ({type(error).__name__}): {error}"
