"""The output of the command line: tables, results, reports and a progress line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

from engine.collections.report import ImportReport
from engine.comparisons.comparison import Comparison
from engine.comparisons.exports import Export, facts_of
from engine.core.errors import BadParameter
from engine.core.humanize import count_of, examples
from engine.core.progress import Progress
from engine.core.storage import unwritable, write_bytes
from engine.core.tables import csv_text, text_table
from engine.duplicates.acts.trash import Outcome
from engine.duplicates.job import ACTS
from engine.search.answer import Answer, Hit

_STDOUT = "-"  # in the place of a file's name
_TABLES = (".csv", ".tsv", ".txt")


def answer_table(answer: Answer) -> str:
    """The hits as a table, and the receipt below."""
    parts = [_hits_table(answer.hits)]
    if answer.written:
        parts = ["By what it shows", *parts] if answer.hits else []
        parts += ["By what is written", _hits_table(answer.written)]
    verdict = [answer.calibration.sentence()] if answer.calibration is not None else []
    return "\n\n".join([*parts, "\n".join([*verdict, answer.sentence()])])


def _hits_table(hits: Sequence[Hit]) -> str:
    return text_table(
        ["rank", "id", "name", "label", "distance"], [[h.rank, h.id, h.name, h.label, h.distance] for h in hits]
    )


def print_rows(header: Sequence[str], rows: Sequence[Sequence[object]], arguments: argparse.Namespace) -> None:
    """A list as a table, as CSV or as JSON objects."""
    print_results(
        arguments,
        table=lambda: text_table(header, rows),
        data=lambda: [dict(zip(header, row, strict=True)) for row in rows],
        csv=lambda: csv_text(header, rows),
    )


def print_results(
    arguments: argparse.Namespace,
    *,
    table: Callable[[], str],
    data: Callable[[], Any],
    csv: Callable[[], str],
    files: Mapping[str, Callable[[], str]] = MappingProxyType({}),
) -> None:
    """Write results where --csv and further flags say, and print them: as JSON or CSV if asked for, else as a table.

    Args:
        files: the contents of further files, by their endings.
    """
    for ending, text in files.items():
        if file := getattr(arguments, ending):
            _write(_file(file, ending, "a report"), text().encode())
    if arguments.csv:
        write_csv(arguments.csv, csv())
    if arguments.json:
        print(json_text(data()))
    elif arguments.csv != _STDOUT:
        print(table())


def beside(arguments: argparse.Namespace) -> TextIO:
    """Where a sentence beside the results goes: to stderr where programs read stdout as JSON or CSV."""
    return sys.stderr if arguments.json or arguments.csv == _STDOUT else sys.stdout


def further_files(exports: Iterable[Export]) -> dict[str, str]:
    """What `output_flags` takes for the formats of a comparison; all commands have CSV and JSON."""
    return {export.ending: f"the {export.title}" for export in exports if export.ending not in ("csv", "json")}


def print_comparison(
    found: Comparison[Any, Any, Any],
    exports: Iterable[Export],
    arguments: argparse.Namespace,
    table: Callable[[], str],
    data: Callable[[], Any] | None = None,
) -> None:
    """Print a comparison, and write it in the formats asked for; `data` is its JSON, by default all measurements."""
    texts = {export.ending: partial(export.printed, found) for export in exports}
    files = {ending: text for ending, text in texts.items() if ending in arguments.files}
    print_results(arguments, table=table, data=data or (lambda: facts_of(found)), csv=texts["csv"], files=files)


def measured_cells(comparison: Comparison[Any, Any, Any]) -> str:
    """How far a comparison is: "3 of 8"."""
    return f"{sum(not row.error for row in comparison.rows())} of {len(comparison.plan.cells())}"


_RESCAN = "After changes on disk: python -m engine rescan COLLECTION"


def print_left_out(left_out: Sequence[tuple[str, str]], total: int) -> None:
    """List on stderr the pictures without a vector, (name, reason) each; nothing if all have one."""
    if left_out:
        names = examples([name for name, _ in left_out])
        first = {reason: name for name, reason in reversed(left_out)}
        several = [f"{name}: {reason}" for reason, name in reversed(first.items())]
        why = next(iter(first)) if len(first) == 1 else " ".join(several[:3])
        print(f"{len(left_out):,} of {count_of(total, 'picture')} left out: {names}. {why} {_RESCAN}", file=sys.stderr)


def json_text(data: Any, indent: int | None = 2) -> str:
    """JSON for stdout: escaped where its encoding does not hold every letter."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    return json.dumps(data, ensure_ascii=not encoding.lower().startswith("utf"), indent=indent)


def confirmed(what: str, arguments: argparse.Namespace) -> bool:
    """Whether the user confirms a deletion: by --yes, or by answering a question."""
    if arguments.yes:
        return True
    if sys.stdin.isatty() and input(f"Delete {what}? [y/N] ").strip().lower() in ("y", "yes"):
        return True
    print("Nothing was deleted. (--yes deletes without asking.)")
    return False


def delete(what: str, remove: Callable[[], object], arguments: argparse.Namespace) -> None:
    """Delete stored results, after a confirmation."""
    if confirmed(what, arguments):
        remove()
        print(f"Deleted {what}.")


def check_writable(file: str | None) -> None:
    """BadParameter if a file cannot be written, before any work is done for it."""
    if file is None:
        return
    path = Path(file).expanduser()
    if path.exists() and not path.is_file() and not path.is_dir():
        return  # a pipe or a device
    if reason := unwritable(path) if path.parent.is_dir() else "no such folder":
        wanted = "in a folder that exists and can be written to"
        raise BadParameter("file", "the list of skipped files", wanted, file, way_out=_because(reason))


_SHOWN = 20  # lines of a table in a report


def print_report(report: dict[str, Any], as_json: bool, rejects_file: str | None) -> None:
    """Print an import's counts and first rejects, or all as JSON; all rejects go to `rejects_file` as CSV."""
    rejects = report.get("rejects", [])
    if rejects_file:
        path, text = Path(rejects_file).expanduser(), ImportReport.from_dict(report).to_csv()
        path.write_text(text, encoding="utf-8-sig", newline="")
    if as_json:
        print(json_text(report))
        return
    print(report["sentence"])
    for note in report.get("notes", []):
        print(note)
    if copies := report.get("duplicates", []):
        print(text_table(["exact duplicate", "of"], copies[:_SHOWN]))
        if len(copies) > _SHOWN:
            print(f"… and {len(copies) - _SHOWN:,} more: --json lists them all.")
    if rejects:
        shown = [[r["path"], r["stage"], _short(r["message"])] for r in rejects[:20]]
        print(text_table(["file", "stage", "reason"], shown))
        if len(rejects) > 20:
            print(f"… and {len(rejects) - 20:,} more: --rejects FILE.csv writes them all.")


def _short(sentence: str, most: int = 90) -> str:
    return sentence if len(sentence) <= most else sentence[: most - 1] + "…"


def check_files(arguments: argparse.Namespace) -> None:
    """BadParameter if a file cannot be written; to be called before work whose results go there."""
    if arguments.csv:
        _csv_file(arguments.csv)
    for ending in arguments.files:
        if file := getattr(arguments, ending):
            _file(file, ending, "a report")


def _csv_file(file: str) -> Path:
    """Where CSV goes. A picture whose name follows --csv by mistake is not overwritten."""
    path = _file(file, "csv", "the export")
    if path.exists() and file != _STDOUT and path.suffix.lower() not in _TABLES:
        raise BadParameter("csv", "the export", "a new file, or one that ends in " + ", ".join(_TABLES), file)
    return path


def _file(file: str, form: str, what: str) -> Path:
    path = Path(file).expanduser()
    if path.is_dir():
        raise BadParameter(form, what, "a file", file)
    if file != _STDOUT and (reason := unwritable(path)):
        raise BadParameter(form, what, "a file that can be written", file, way_out=_because(reason))
    return path


def _because(reason: str) -> str:
    return f"{reason[0].upper()}{reason[1:]}."


def write_csv(file: str, text: str) -> None:
    """Write CSV for spreadsheets, and say where; "-" prints it."""
    if file == _STDOUT:
        print(text, end="")
    else:
        _write(_csv_file(file), text.encode("utf-8-sig"))


def write_data(file: str, data: bytes) -> None:
    """Write a file that is no text, and say where."""
    _write(_file(file, "file", "the export"), data)


def _write(path: Path, data: bytes) -> None:
    write_bytes(path, data)
    print(f"Written to {path}.", file=sys.stderr)  # not on stdout, which programs read


def progress_line() -> Callable[[Progress], None] | None:
    """A progress line on stderr in a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return None

    def show(progress: Progress) -> None:
        left = f" · {progress.seconds_left:.0f} s left" if progress.seconds_left is not None else ""
        rate = f" · {progress.rate:.0f} {progress.unit}/s" if progress.rate else ""
        line = f"{progress.stage}: {progress.done:,} of {progress.total:,}{rate}{left} {progress.note}"
        print(f"\r\x1b[K{line}", end="\n" if progress.done >= progress.total else "", file=sys.stderr, flush=True)

    return show


def print_outcome(outcome: Outcome, act: str, collection: str) -> None:
    """Say what became of pictures that were moved, each that was refused, and how the act is taken back."""
    print(outcome.sentence(ACTS[act]))
    for refusal in outcome.refused:
        print(f"{refusal.name}: {refusal.sentence}", file=sys.stderr)
    if outcome.batch and act != "restore":
        print(f"Undo: python -m engine duplicates restore --collection {collection} --act {outcome.batch}")
