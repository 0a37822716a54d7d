"""The commands duplicates and outliers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from engine.cli.flags import Commands, encoder_flags, metric_flag, output_flags, recipe_of
from engine.cli.printing import check_files, print_results, progress_line
from engine.core.errors import NotReady, NotTrained, NoWeights
from engine.core.recipe import Recipe
from engine.core.tables import text_table
from engine.grouping.duplicates.duplicates import HEADER, ODD_HEADER, Duplicates, Outliers
from engine.workbench.workbench import Workbench

_SHOWN = 20  # groups of duplicates that a terminal shows
_OUTLIERS = 20  # where no number is given


def register(commands: Commands) -> None:
    sub = commands.add("duplicates", command_duplicates, job="duplicates")
    _flags(sub)
    sub.add_argument("--threshold", type=float, help="maximum distance of a duplicate (default: suggested)")
    sub = commands.add("outliers", command_outliers, job="duplicates", formerly=["odd"])
    _flags(sub)
    sub.add_argument("--most", type=int, default=_OUTLIERS, help=f"how many (default: {_OUTLIERS})")


def _flags(sub: argparse.ArgumentParser) -> None:
    encoder_flags(sub)
    metric_flag(sub)
    output_flags(sub)


def command_duplicates(arguments: argparse.Namespace) -> None:
    """Find duplicates: pictures that show the same, and which of each group to keep."""
    found: Duplicates = _ready(arguments, lambda bench, recipe: bench.duplicates(recipe, arguments.threshold))
    suggested = arguments.threshold is None
    print_results(arguments, table=lambda: _table(found, suggested), data=found.as_dict, csv=found.to_csv)


def _table(found: Duplicates, suggested: bool) -> str:
    """What the threshold means, how many duplicates there are, and the first groups."""
    sentences = [found.share.sentence(), found.suggestion.reason if suggested else "", found.sentence()]
    text = "\n".join(filter(None, sentences))
    if found.groups:
        rows = [row for row in found.rows() if int(str(row[0])) <= _SHOWN]
        text += "\n\n" + text_table(HEADER, rows)
    if len(found.groups) > _SHOWN:
        text += f"\n… and {len(found.groups) - _SHOWN:,} more groups: --csv FILE writes them all."
    return text


def command_outliers(arguments: argparse.Namespace) -> None:
    """List the outliers: pictures with nothing similar in the collection, the farthest first."""
    found: Outliers = _ready(arguments, lambda bench, recipe: bench.odd_ones(recipe, arguments.most))
    score = "score: the distance to its nearest neighbours, in units of what is usual here (1)."
    print_results(
        arguments,
        table=lambda: text_table(ODD_HEADER, found.rows()) + "\n\n" + score,
        data=found.as_dict,
        csv=found.to_csv,
    )


def _ready(arguments: argparse.Namespace, ask: Callable[[Workbench, Recipe], Any]) -> Any:
    """The answer; what is missing for it is made first."""
    bench, recipe = Workbench(), recipe_of(arguments)
    check_files(arguments)
    try:
        return ask(bench, recipe)
    except (NotTrained, NoWeights):
        raise
    except NotReady as error:
        print(error.message + " Doing that first.", file=sys.stderr)
        bench.run("duplicates", progress_line(), recipe=recipe.as_dict())
    return ask(bench, recipe)
