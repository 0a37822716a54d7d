"""What the command line shows: tables, reports and a line of progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.collections.report import ImportReport
from engine.core.errors import BadParameter
from engine.core.progress import Progress
from engine.core.storage import write_bytes
from engine.core.tables import text_table
from engine.search.answer import Answer


def answer_table(answer: Answer) -> str:
    """The hits as a table, and the receipt below."""
    rows = [[h.rank, h.id, h.name, h.label, h.distance] for h in answer.hits]
    return text_table(["rank", "id", "name", "label", "distance"], rows) + "\n\n" + answer.sentence()


def print_rows(header: list[str], rows: Sequence[Sequence[object]], as_json: bool) -> None:
    """A list as a table or, for programs, as JSON objects."""
    if as_json:
        print(json.dumps([dict(zip(header, row, strict=True)) for row in rows], ensure_ascii=False, indent=2))
    else:
        print(text_table(header, rows))


def print_report(report: dict[str, Any], as_json: bool, rejects_file: str | None) -> None:
    """What an import did: counts and the first rejects, or all as JSON; all rejects go to `rejects_file` as CSV."""
    rejects = report.get("rejects", [])
    if rejects_file:
        Path(rejects_file).write_text(ImportReport.from_dict(report).to_csv(), encoding="utf-8", newline="")
    if as_json:
        print(json.dumps(report, ensure_ascii=False, indent=2))
        return
    counts = [(key, report[key]) for key in ("added", "changed", "removed", "copies") if key == "added" or report[key]]
    print(" · ".join(f"{count:,} {key}" for key, count in counts) + f" · {len(rejects):,} could not be read")
    if rejects:
        shown = [[r["path"], r["stage"], _short(r["message"])] for r in rejects[:20]]
        print(text_table(["file", "stage", "reason"], shown))
        if len(rejects) > 20:
            print(f"… and {len(rejects) - 20:,} more: --rejects FILE.csv writes them all.")


def _short(sentence: str, most: int = 90) -> str:
    return sentence if len(sentence) <= most else sentence[: most - 1] + "…"


def csv_file(file: str) -> Path:
    """Where a CSV will stand; BadParameter for a folder. To be asked before the work whose outcome is written there."""
    return _no_folder(file, "csv", "the export")


def html_file(file: str) -> Path:
    """Where a page of HTML will stand; BadParameter for a folder."""
    return _no_folder(file, "html", "the report")


def _no_folder(file: str, form: str, what: str) -> Path:
    path = Path(file).expanduser()
    if path.is_dir():
        raise BadParameter(form, what, "a file", file)
    return path


def write_html(file: str, text: str) -> None:
    """Write one page, and say where."""
    path = html_file(file)
    write_bytes(path, text.encode())
    print(f"Written to {path}.", file=sys.stderr)


def write_csv(file: str, text: str) -> None:
    """Write CSV as spreadsheets read it best, and say where."""
    path = csv_file(file)
    write_bytes(path, text.encode("utf-8-sig"))
    print(f"Written to {path}.", file=sys.stderr)  # what a program reads is not said in between


def progress_line() -> Callable[[Progress], None] | None:
    """A progress line on stderr where a person watches, nothing elsewhere."""
    if not sys.stderr.isatty():
        return None

    def show(progress: Progress) -> None:
        left = f" · {progress.seconds_left:.0f} s left" if progress.seconds_left is not None else ""
        rate = f" · {progress.rate:.0f} {progress.unit}/s" if progress.rate else ""
        line = f"{progress.stage}: {progress.done:,} of {progress.total:,}{rate}{left} {progress.note}"
        print(f"\r\x1b[K{line}", end="\n" if progress.done >= progress.total else "", file=sys.stderr, flush=True)

    return show
