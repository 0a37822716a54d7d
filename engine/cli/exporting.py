"""The command export: a collection as a data set of another program."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.cli.flags import Commands, encoder_flags, metric_flag, recipe_of, refuse
from engine.cli.printing import json_text, progress_line
from engine.collections.facts.where import needs_exif, parse_where
from engine.core.errors import BadParameter
from engine.core.humanize import count_of
from engine.core.tables import text_table
from engine.interchange import formats
from engine.workbench.workbench import Workbench

_SHOWN = 20  # lines of a report


def register(commands: Commands) -> None:
    sub = commands.add("export", command_export, job="export")
    encoder_flags(sub)
    metric_flag(sub)
    sub.add_argument("--format", required=True, help="one of: " + ", ".join(formats()))
    sub.add_argument("--to", required=True, metavar="FOLDER", help="an existing folder; a new one is made in it")
    sub.add_argument("--title", help="the name of the new folder (default: the collection and the format)")
    sub.add_argument("--vectors", action="store_true", help="export the vectors, too; --encoder and --model imply it")
    sub.add_argument("--grouping", metavar="NAME", help="export the groups and the map of this grouping, too")
    sub.add_argument("--where", action="append", default=[], metavar="FILTER", help="only pictures that meet it")
    sub.add_argument("--rename", action="append", default=[], metavar="OURS=THEIRS", help="csv: rename a column")
    sub.add_argument("--json", action="store_true", help="print JSON")
    lines = [f"  {kind.name:16}{kind.summary}" for kind in formats().values()]
    sub.epilog = "\n".join(["formats:", *lines])


def command_export(arguments: argparse.Namespace) -> None:
    """Export a collection in the data-set format of another program."""
    bench = Workbench()
    given: dict[str, Any] = {"collection": arguments.collection, "format": arguments.format}
    given |= {"folder": str(Path(arguments.to).expanduser().resolve()), "title": arguments.title or ""}
    if arguments.vectors or arguments.encoder or arguments.model:
        given["recipe"] = recipe_of(arguments).as_dict()
    else:
        words = ("weights", "embedding", "metric", "computed_in")
        refuse(arguments, words, "an export without vectors", "--vectors, --encoder or --model export them")
    if where := parse_where(";".join(arguments.where)):
        if needs_exif(where) and bench.facts_missing(arguments.collection):
            bench.run("facts", progress_line(), collection=arguments.collection)
        given["ids"] = bench.meeting(arguments.collection, where).tolist()
    columns = dict(map(_renaming, arguments.rename))
    done = bench.run("export", progress_line(), **given, grouping=arguments.grouping or "", columns=columns)
    if arguments.json:
        print(json_text(done))
        return
    print(f"Exported {count_of(done['count'], 'picture')} to {done['path']}.")
    if done["left_out"]:
        print(text_table(["left out", "why"], done["left_out"][:_SHOWN]))


def _renaming(text: str) -> tuple[str, str]:
    ours, _, theirs = text.partition("=")
    if not ours or not theirs:
        raise BadParameter("rename", "an export", "as in label=class_name", text)
    return ours, theirs
