"""What benchmarks that write a page of docs/ share: tables in Markdown, and a line now and then while they work."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks._machine import facts
from engine.core.progress import Progress

_SECONDS_BETWEEN = 30.0
_last: tuple[float, str] = (0.0, "")


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """A table of Markdown: the first line is its head, the first column its names."""
    head, *body = lines
    rule = "|---|" + "---:|" * (len(head) - 1)
    return "\n".join(["| " + " | ".join(head) + " |", rule, *("| " + " | ".join(line) + " |" for line in body)])


def write_page(path: Path, title: str, command: str, lines: Sequence[Sequence[str]], said: str = "") -> None:
    """Write and print a page with one table: below its title the command, the machine and what else is to be said."""
    parts = [f"# {title}", f"Measured with `{command}` on {facts()}.", said, markdown(lines)]
    text = "\n\n".join(filter(None, parts))
    path.write_text(text + "\n", encoding="utf-8")
    print(text)


def said(progress: Progress) -> None:
    """A line now and then: the work takes hours, and its log is read later."""
    global _last
    now = time.monotonic()
    if progress.stage != _last[1] or now - _last[0] > _SECONDS_BETWEEN:
        _last = (now, progress.stage)
        print(f"{progress.stage} {progress.done:,} of {progress.total:,} · {progress.note}", flush=True)
