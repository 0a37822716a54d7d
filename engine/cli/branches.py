"""The command branches: how often the branches of a grouping's tree reappear in trees over resampled data."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from engine.cli.flags import Commands, output_flags
from engine.cli.printing import check_files, print_results, progress_line
from engine.core.tables import csv_text, text_table
from engine.grouping.stability import BOUND, ROUNDS, WAYS, Stability, check
from engine.grouping.stored.grouping import Grouping
from engine.grouping.stored.stability import Branch, branches, checked_tree, measured, sentence
from engine.workbench.workbench import Workbench

_SHOWN = 40
_LABELS = 3


def register(commands: Commands) -> None:
    sub = commands.add("branches", command_branches, job="stability")
    sub.add_argument("--collection", required=True)
    sub.add_argument("grouping", help="as listed by: python -m engine group --collection NAME --list")
    sub.add_argument("--by", default="dimensions", help=f"what is resampled: {' or '.join(WAYS)} (default: dimensions)")
    sub.add_argument("--rounds", type=int, help=f"how many trees are built (default: as measured before, or {ROUNDS})")
    output_flags(sub)


def command_branches(arguments: argparse.Namespace) -> None:
    """Measure how often each branch of a tree reappears when dimensions or pictures are resampled."""
    check_files(arguments)
    check(arguments.by, ROUNDS if arguments.rounds is None else arguments.rounds)
    bench = Workbench()
    one = bench.grouping(arguments.collection, arguments.grouping)
    checked_tree(one)
    found = _found(bench, one, arguments)
    rows = branches(one, found)
    labels = _labels(bench, arguments.collection)
    print_results(
        arguments,
        table=lambda: _table(found, rows, labels),
        data=lambda: {"by": found.by, "rounds": found.rounds, "bound": BOUND, "branches": [r.as_dict() for r in rows]},
        csv=lambda: csv_text(_HEADER, [_row(row, labels) for row in rows]),
    )


_HEADER = ["pictures", "height", "the same", "nearly the same", "mean Jaccard", "labels"]


def _found(bench: Workbench, one: Grouping, arguments: argparse.Namespace) -> Stability:
    """What was measured before with that many rounds, else measured now."""
    before = measured(one, arguments.by)
    if before is not None and arguments.rounds in (None, before.rounds):
        return before
    words = {"collection": arguments.collection, "name": one.name, "title": one.title, "by": arguments.by}
    bench.run("stability", progress_line(), **words, rounds=arguments.rounds or ROUNDS)
    now = measured(one, arguments.by)
    assert now is not None
    return now


def _table(found: Stability, rows: list[Branch], labels: dict[int, str]) -> str:
    table = text_table(_HEADER, [_row(row, labels) for row in rows[:_SHOWN]])
    more = f"… and {len(rows) - _SHOWN:,} lower ones: --csv FILE writes them all." if len(rows) > _SHOWN else ""
    legend = f"Nearly the same: a Jaccard similarity of at least {BOUND}."
    return "\n\n".join(filter(None, [table, more, sentence(found), legend]))


def _row(row: Branch, labels: dict[int, str]) -> list[Any]:
    counts = Counter(label for id in row.ids.tolist() if (label := labels.get(id, "")))
    named = ", ".join(f"{label} {count}" for label, count in counts.most_common(_LABELS))
    shares = [_shown(row.exact), _shown(row.near), _shown(row.jaccard)]
    return [len(row.ids), f"{row.height:.4g}", *shares, named]


def _shown(share: float) -> str:
    return "–" if share != share else f"{share:.2f}"


def _labels(bench: Workbench, collection: str) -> dict[int, str]:
    images = bench.collection(collection).images()
    return dict(zip(images.ids.tolist(), images.labels, strict=True))
