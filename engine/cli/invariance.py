"""The commands invariance and breaking: how far a picture can be altered and still be found."""

from __future__ import annotations

import argparse

from engine.cli.flags import (
    Commands,
    check_stored,
    encoder_flags,
    id_of,
    metric_flag,
    output_flags,
    picture_of,
    precision_flag,
    recipe_of,
    stored_flags,
)
from engine.cli.preparing import prepared
from engine.cli.printing import (
    check_files,
    delete,
    measured_cells,
    print_comparison,
    print_results,
    print_rows,
    progress_line,
)
from engine.comparisons.invariances import report
from engine.comparisons.invariances.invariance import Invariances
from engine.comparisons.invariances.run import plan_for
from engine.core.errors import BadParameter
from engine.core.recipe import Recipe
from engine.core.tables import csv_text, text_table
from engine.evidence.alterations import ALTERATIONS, alteration
from engine.evidence.breaking import Breaking, lost_unaltered
from engine.search.answer import Query
from engine.workbench.workbench import Workbench

_HEAD = ["alteration", "another picture is nearer at", "leaves the 8 at"]


def register(commands: Commands) -> None:
    sub = commands.add("invariance", command_invariance, job="invariance")
    sub.add_argument("--collection", help="the collection in which altered pictures are searched for")
    sub.add_argument(
        "--encoders",
        help="separated by commas, each optionally with a pooling: model-4@default/max,hog (default: all ready)",
    )
    sub.add_argument("--alterations", help=f"with commas: {','.join(ALTERATIONS)} (default: all)")
    sub.add_argument("--queries", type=int, help="how many pictures are altered (default: 100)")
    sub.add_argument("--levels", type=int, help="how many strengths of each alteration are tried (default: 5)")
    metric_flag(sub)
    sub.add_argument("--title", help="the table's title; its name is made from it")
    precision_flag(sub)
    stored_flags(sub, "table")
    output_flags(sub)
    pair = commands.add("breaking", command_breaking, job="embed")
    encoder_flags(pair)
    metric_flag(pair)
    pair.add_argument("query", help="a picture's file, or a picture of the collection as '#12'")
    pair.add_argument("match", help="the picture of the collection that must be found, as '#12'")
    pair.add_argument("--alterations", help=f"with commas: {','.join(ALTERATIONS)} (default: all)")
    output_flags(pair)


# ── of a collection ──────────────────────────────────────────────────────────────────────────────────────────────────


def command_invariance(arguments: argparse.Namespace) -> None:
    """Measure how strongly pictures can be altered and still be found, for several encoders."""
    check_stored(arguments, "table")
    bench = Workbench()
    if arguments.list:
        return _print_list(bench, arguments)
    if arguments.delete:
        stored = Invariances.unread(bench.home.invariances, arguments.delete)
        return delete(f"the table {arguments.delete}", stored.remove, arguments)
    check_files(arguments)
    table = _asked(bench, arguments)
    if not arguments.show:
        bench.run("invariance", progress_line(), name=table.name)
    print_comparison(table, report.EXPORTS, arguments, lambda: report.to_text(table), lambda: report.as_facts(table))


def _asked(bench: Workbench, arguments: argparse.Namespace) -> Invariances:
    """The table of that name, or a new one; BadParameter where both or neither is meant."""
    if name := arguments.show or arguments.resume:
        return bench.invariance_table(name)
    if not arguments.collection:
        wanted = "given, or --show or --resume with a name"
        raise BadParameter("collection", "a table of invariances", wanted, "neither")
    given = {n: value for n in ("queries", "levels", "metric") if (value := getattr(arguments, n)) is not None}
    if arguments.alterations is not None:
        given["alterations"] = _names(arguments.alterations)
    ready = [c for c in bench.choices(arguments.collection) if c.ready and not c.rare and c.pictures]
    encoders = _names(arguments.encoders) if arguments.encoders else tuple(choice.key for choice in ready)
    title = arguments.title or f"Invariances on {arguments.collection}"
    return bench.plan_invariances(plan_for(bench.home, title, arguments.collection, encoders, **given))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _print_list(bench: Workbench, arguments: argparse.Namespace) -> None:
    jobs = bench.jobs()
    rows = [
        [found.name, found.state(jobs), measured_cells(found), found.plan.collection, found.title]
        for found in bench.invariance_tables()
    ]
    print_rows(["table", "state", "measured", "collection", "title"], rows, arguments)


# ── of a pair ────────────────────────────────────────────────────────────────────────────────────────────────────────


def command_breaking(arguments: argparse.Namespace) -> None:
    """Show how strongly a query can be altered before a match is lost."""
    check_files(arguments)
    bench, recipe = Workbench(), recipe_of(arguments)
    names = _names(arguments.alterations) if arguments.alterations else tuple(ALTERATIONS)
    for name in names:
        alteration(name)
    found = _broken(bench, recipe, picture_of(arguments.query), _match(arguments.match), names)
    rows = [[ALTERATIONS[one.alteration].title, *_breaking_points(one)] for one in found]
    print_results(
        arguments,
        table=lambda: lost_unaltered(found) or text_table(_HEAD, rows),
        data=lambda: [one.as_dict() for one in found],
        csv=lambda: csv_text(_HEAD, rows),
    )


def _breaking_points(found: Breaking) -> list[str]:
    way = ALTERATIONS[found.alteration]
    return [found.first.in_words(way), found.shown.in_words(way)]


def _broken(bench: Workbench, recipe: Recipe, query: Query, match: int, names: tuple[str, ...]) -> list[Breaking]:
    """The breaking points; missing vectors are computed first."""
    return prepared(bench, recipe, lambda: list(bench.breaking(recipe, query, match, names)))


def _match(text: str) -> int:
    if (id := id_of(text)) is None:
        raise BadParameter("match", "the command", "a picture of the collection, as '#12'", text)
    return id
