"""The command hubs: pictures that are among the results of very many others, and of none."""

from __future__ import annotations

import argparse

from engine.cli.flags import Commands, encoder_flags, metric_flag, output_flags, recipe_of
from engine.cli.preparing import prepared
from engine.cli.printing import check_files, print_results
from engine.core.errors import BadParameter
from engine.core.tables import csv_text, text_table
from engine.grouping.neighbourhoods.hubs import HEADER, Hubs
from engine.workbench.workbench import Workbench

_SHOWN = 20


def register(commands: Commands) -> None:
    sub = commands.add("hubs", command_hubs, job="duplicates")
    encoder_flags(sub)
    metric_flag(sub)
    output_flags(sub)
    sub.add_argument("--most", type=int, help=f"how many hubs (default: {_SHOWN})")


def command_hubs(arguments: argparse.Namespace) -> None:
    """List the hubs, which are among the results of very many pictures, and count those that are among none."""
    check_files(arguments)
    most = _SHOWN if arguments.most is None else arguments.most
    if most < 1:
        raise BadParameter("number", "the hubs", "1 or more", most)
    found = _found(arguments)
    print_results(
        arguments,
        table=lambda: f"{text_table(HEADER, found.rows(most))}\n\n{found.sentence()}",
        data=lambda: found.as_dict(most),
        csv=lambda: csv_text(HEADER, found.rows(arguments.most)),
    )


def _found(arguments: argparse.Namespace) -> Hubs:
    bench, recipe = Workbench(), recipe_of(arguments)
    return prepared(bench, recipe, lambda: bench.hubs(recipe), job="duplicates")
