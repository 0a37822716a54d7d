"""The commands about what to tidy up: duplicates and odd."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from engine.cli.printing import csv_file, progress_line, write_csv
from engine.core.errors import NotReady, NotTrained, NoWeights
from engine.core.recipe import Recipe
from engine.core.tables import text_table
from engine.grouping.duplicates.duplicates import HEADER, ODD_HEADER, Duplicates, Outliers
from engine.workbench.workbench import Workbench

_SHOWN = 20  # groups of copies that a terminal shows
_ODD = 20  # odd ones, where no number is given


def duplicates_flags(sub: argparse.ArgumentParser) -> None:
    """The words of the command `duplicates`, besides those that name an encoder."""
    _common_words(sub)
    sub.add_argument("--threshold", type=float, help="how far a copy may be from what is kept (default: suggested)")


def odd_flags(sub: argparse.ArgumentParser) -> None:
    """The words of the command `odd`, besides those that name an encoder."""
    _common_words(sub)
    sub.add_argument("--most", type=int, default=_ODD, help=f"how many (default: {_ODD})")


def _common_words(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--metric", default="cosine", help="cosine or euclidean (default: cosine)")
    output = sub.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON")
    output.add_argument("--csv", metavar="FILE", help="write all of it to this file")


def command_duplicates(arguments: argparse.Namespace) -> None:
    """Find pictures that show the same, and which of each to keep."""
    found: Duplicates = _ready(arguments, lambda bench, recipe: bench.duplicates(recipe, arguments.threshold))
    if arguments.json:
        print(json.dumps(found.as_dict(), indent=2, ensure_ascii=False))
        return
    print(found.share.sentence())
    if arguments.threshold is None:
        print(found.suggestion.reason)
    print(found.sentence())
    if arguments.csv:
        write_csv(arguments.csv, found.to_csv())
    elif found.groups:
        rows = [row for row in found.rows() if int(str(row[0])) <= _SHOWN]
        print("\n" + text_table(HEADER, rows))
        if len(found.groups) > _SHOWN:
            print(f"… and {len(found.groups) - _SHOWN:,} more groups: --csv FILE writes them all.")


def command_odd(arguments: argparse.Namespace) -> None:
    """List the pictures that have nothing near them, the oddest first."""
    found: Outliers = _ready(arguments, lambda bench, recipe: bench.odd_ones(recipe, arguments.most))
    if arguments.json:
        print(json.dumps(found.as_dict(), indent=2, ensure_ascii=False))
    elif arguments.csv:
        write_csv(arguments.csv, found.to_csv())
    else:
        print(text_table(ODD_HEADER, found.rows()))
        print("\nscore: how far its nearest others are, in units of what is usual here (1).")


def _ready(arguments: argparse.Namespace, ask: Callable[[Workbench, Recipe], Any]) -> Any:
    """The answer; what is missing for it is made first."""
    bench, recipe = Workbench(), arguments.recipe_of(arguments)
    if arguments.csv:
        csv_file(arguments.csv)
    try:
        return ask(bench, recipe)
    except (NotTrained, NoWeights):
        raise
    except NotReady as error:
        print(error.message + " Doing that first.", file=sys.stderr)
        bench.run("duplicates", progress_line(), recipe=recipe.as_dict())
    return ask(bench, recipe)
