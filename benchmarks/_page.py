"""What benchmarks that write a page of docs/ share: tables in Markdown, and a line now and then while they work."""

from __future__ import annotations

import time
from collections.abc import Sequence

from engine.core.progress import Progress

_SECONDS_BETWEEN = 30.0
_last: tuple[float, str] = (0.0, "")


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """A table of Markdown: the first line is its head, the first column its names."""
    head, *body = lines
    rule = "|---|" + "---:|" * (len(head) - 1)
    return "\n".join(["| " + " | ".join(head) + " |", rule, *("| " + " | ".join(line) + " |" for line in body)])


def said(progress: Progress) -> None:
    """A line now and then: the work takes hours, and its log is read later."""
    global _last
    now = time.monotonic()
    if progress.stage != _last[1] or now - _last[0] > _SECONDS_BETWEEN:
        _last = (now, progress.stage)
        print(f"{progress.stage} {progress.done:,} of {progress.total:,} · {progress.note}", flush=True)
