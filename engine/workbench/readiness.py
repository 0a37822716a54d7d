"""Whether a recipe can answer now, and what to do if not."""

from __future__ import annotations

from dataclasses import dataclass

_QUICK = 180.0  # seconds of embedding that start without confirmation; it can be stopped


@dataclass(frozen=True)
class Readiness:
    """Whether a recipe can answer now; if not, a sentence, the job that prepares it, and about how long that takes."""

    ready: bool
    sentence: str = ""
    action: str = ""  # "embed", "index", "train" or "fetch": a kind of job; "" if there is nothing to start
    missing: int = 0
    seconds: float | None = None
    megabytes: int = 0  # of the download, if one is needed

    @property
    def quick(self) -> bool:
        """Whether the missing vectors take at most three minutes and need no confirmation."""
        return self.action == "embed" and (self.seconds or 0.0) <= _QUICK
