"""The command disagree: two encoders side by side over a collection."""

from __future__ import annotations

import argparse

from engine.cli.flags import Commands, output_flags, precision_flag, refuse
from engine.cli.printing import check_files, print_results, progress_line
from engine.comparisons.disagreement import Disagreement, K
from engine.core.tables import text_table
from engine.workbench.workbench import Workbench

_TOP = 20  # pictures that a terminal shows


def register(commands: Commands) -> None:
    sub = commands.add("disagree", command_disagree, job="disagree")
    sub.add_argument("--collection", required=True)
    for name in ("first", "second"):
        sub.add_argument(name, help="an encoder, optionally with a pooling, as in model-4@default/max")
    sub.add_argument("--top", type=int, help=f"how many pictures are printed (default: {_TOP})")
    precision_flag(sub)
    output_flags(sub)


def command_disagree(arguments: argparse.Namespace) -> None:
    """Compare the eight nearest neighbours under two encoders: overlap, CKA, the largest differences, and labels."""
    if arguments.json or arguments.csv == "-":
        refuse(arguments, ("top",), "--json" if arguments.json else "--csv", "all pictures are printed")
    check_files(arguments)
    bench = Workbench()
    collection = bench.collection(arguments.collection)
    asked = {"collection": arguments.collection, "first": arguments.first, "second": arguments.second}
    found = Disagreement.from_dict(bench.run("disagree", progress_line(), **asked))
    names = dict(zip(collection.images().ids.tolist(), collection.images().names, strict=True))
    print_results(
        arguments,
        table=lambda: _text(found, names, _TOP if arguments.top is None else arguments.top),
        data=found.as_dict,
        csv=lambda: found.to_csv(collection),
    )


def _text(found: Disagreement, names: dict[int, str], top: int) -> str:
    """The sentences, how many pictures share how many, and the pictures with the most different neighbours."""
    counts = text_table([f"shared of {K}", "pictures"], list(enumerate(found.counts)))
    rows = [[row.id, names.get(row.id, ""), row.overlap, row.wider] for row in found.rows[: max(top, 0)]]
    most = text_table(["id", "name", f"shared of {K}", "shared of 32"], rows)
    summary = "\n".join([found.sentence(found.first, found.second), *found.on_labels(found.first, found.second)])
    return "\n\n".join([summary, counts, most])
