"""The command calibrate: what the distances of a collection mean."""

from __future__ import annotations

import argparse

from engine.cli.flags import Commands, encoder_flags, metric_flag, output_flags, recipe_of
from engine.cli.preparing import prepared
from engine.cli.printing import check_files, print_results, progress_line
from engine.core.errors import BadParameter
from engine.core.humanize import count_of, percent
from engine.core.recipe import Recipe
from engine.core.tables import csv_text, text_table
from engine.search.calibration.calibration import Calibration, Verdict
from engine.search.calibration.measuring import LEAST
from engine.workbench.workbench import Workbench

_VERDICTS: tuple[Verdict, ...] = ("similar", "nothing similar here", "cannot tell")
_HEADER = ("queries", *_VERDICTS)


def register(commands: Commands) -> None:
    sub = commands.add("calibrate", command_calibrate, job="calibrate")
    encoder_flags(sub)
    metric_flag(sub)
    output_flags(sub)


def command_calibrate(arguments: argparse.Namespace) -> None:
    """Measure how far search results can be trusted: the verdicts for queries with and without similar pictures.

    Altered copies of some pictures are tried as well. Every search then shows a verdict on its results.
    """
    check_files(arguments)
    recipe = recipe_of(arguments)
    found = _measured(Workbench(), recipe)
    if found is None:
        count = len(Workbench().collection(recipe.collection))
        raise BadParameter("number of pictures", "a calibration", f"at least {LEAST}", count)
    print_results(
        arguments,
        table=lambda: _table(found),
        data=lambda: {"recipe": recipe.as_dict(), **found.as_dict()},
        csv=lambda: csv_text(_HEADER, _rows(found)),
    )


def _measured(bench: Workbench, recipe: Recipe) -> Calibration | None:
    """The calibration with altered copies; missing vectors are computed first."""
    prepared(bench, recipe, lambda: bench.run("calibrate", progress_line(), recipe=recipe.as_dict()))
    return bench.calibration(recipe)


def _rows(found: Calibration) -> list[list[object]]:
    rates = found.rates()
    named = (("with similar pictures", rates.present), ("without similar pictures", rates.absent))
    return [[name, *(percent(shares[verdict], 1) for verdict in _VERDICTS)] for name, shares in named]


def _table(found: Calibration) -> str:
    by = "By labels" if found.labelled else "Without labels, by groups of similar vectors"
    lines = [f"{by}, of {count_of(found.pictures, 'picture')}.", "", text_table(_HEADER, _rows(found)), ""]
    lines += found.withheld()
    if found.copies_found is not None:
        lines.append(f"Surely the same: {percent(found.copies_found)} of altered versions of pictures.")
    return "\n".join(lines).rstrip()
