"""The command compare: configurations, measured over a labelled collection."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.cli.flags import (
    OUTPUT,
    Commands,
    check_stored,
    former_flag,
    methods_help,
    only,
    output_flags,
    precision_flag,
    refuse,
    stored_flags,
)
from engine.cli.printing import (
    check_files,
    check_writable,
    delete,
    further_files,
    measured_cells,
    print_comparison,
    print_results,
    print_rows,
    progress_line,
    write_csv,
    write_data,
)
from engine.comparisons.exports import facts_of
from engine.comparisons.quick import QuickComparison, QuickRow, compare_quickly
from engine.comparisons.recipes import report
from engine.comparisons.recipes.experiment import Experiment, ExperimentRow
from engine.comparisons.recipes.leads import Leads, between, difference_sentence, leads
from engine.comparisons.recipes.plan import ExperimentPlan, report_tables
from engine.comparisons.recipes.queries_export import queries_csv, queries_parquet
from engine.comparisons.recipes.seeds import over_seeds, repeated
from engine.core.distances import METRICS
from engine.core.errors import BadParameter
from engine.core.progress import Reporter
from engine.core.settings import split_calls
from engine.core.tables import csv_text, text_table
from engine.encoders.pooling import POOLINGS
from engine.training.config import ORIGINAL_STUDY
from engine.workbench.workbench import Workbench

_GRID = ("collection", "encoders", "embeddings", "metrics", "methods", "k", "query", "queries", "title")
_SPLIT = ("queries_where", "own_labels", "probe")
_TRAININGS = ("size", "epochs", "limit", "seeds")


def register(commands: Commands) -> None:
    sub = commands.add("compare", command_compare, job="experiment")
    sub.add_argument("name", nargs="?", help=argparse.SUPPRESS)  # what --resume was before
    _flags_of_configurations(sub)
    _flags_of_queries(sub)
    sub.add_argument("--title", help="the comparison's title; its name is made from it")
    sub.add_argument("--report-tables", action="store_true", help="reproduce the original study: train and measure")
    for name, text in (("size", "pixels a side"), ("epochs", "epochs")):
        sub.add_argument(f"--{name}", type=int, help=f"{text} of its trainings (default: {ORIGINAL_STUDY[name]})")
    sub.add_argument("--limit", type=int, help="pictures of its trainings (default: all)")
    sub.add_argument("--seeds", type=int, help="train each of them with this many seeds (default: 1)")
    sub.add_argument("--quick", action="store_true", help="which ready encoder suits the collection, in about a minute")
    stored_flags(sub, "comparison")
    former_flag(sub, "--no-run", "no_run", action="store_true")
    sub.set_defaults(no_run=False)
    output_flags(sub, further_files(report.EXPORTS))
    methods_help(sub)


def _flags_of_configurations(sub: argparse.ArgumentParser) -> None:
    """The collection, and what is combined to configurations of a search over it."""
    sub.add_argument("--collection", help="a labelled collection")
    sub.add_argument("--encoders", help="with commas, as in model-4@default,colour-histogram (default: all ready)")
    poolings = f"with commas: {','.join(POOLINGS)} (default: as for search)"
    sub.add_argument("--poolings", dest="embeddings", metavar="POOLINGS", help=poolings)
    former_flag(sub, "--embeddings", "embeddings")
    sub.add_argument("--metrics", help=f"with commas: {','.join(METRICS)} (default: cosine)")
    precision_flag(sub)
    sub.add_argument("--methods", help='with commas, as in "exact,lsh(bits=8)"; see below (default: exact)')
    sub.add_argument("--k", type=int, help="how many results are judged (default: 8)")


def _flags_of_queries(sub: argparse.ArgumentParser) -> None:
    """Which pictures are the queries, and what is kept or told of each."""
    single = "the picture of the single-query figure (default: the first of the largest label)"
    sub.add_argument("--query", type=int, metavar="ID", help=single)
    sub.add_argument("--queries", type=int, help="query with at most this many pictures (default: all)")
    split = "pictures that meet it are the queries, the others the gallery, as in split=test (default: all are both)"
    sub.add_argument("--queries-where", metavar="FILTER", help=split)
    sub.add_argument("--own-labels", action="store_true", default=None, help="leave out labels that a classifier wrote")
    sub.add_argument("--probe", action="store_true", default=None, help="measure a linear probe of each encoder, too")
    written = "write the figures and results of every query to FILE.csv or FILE.parquet"
    sub.add_argument("--per-query", metavar="FILE", help=written)
    between = "with --show: whether the first of two of its configurations is better, by the same queries"
    sub.add_argument("--between", nargs=2, metavar="CONFIGURATION", help=between)


def command_compare(arguments: argparse.Namespace) -> None:
    """Compare configurations of search by their precision over a labelled collection."""
    _check_words(arguments)
    bench = Workbench()
    if arguments.list:
        return _print_list(bench, arguments)
    if arguments.delete:
        stored = Experiment.unread(bench.home.experiments, arguments.delete)
        return delete(f"the comparison {arguments.delete}", stored.remove, arguments)
    check_files(arguments)
    if arguments.quick:
        return _quick(bench, arguments)
    if arguments.per_query:
        _check_per_query(arguments.per_query)
    experiment = _asked(bench, arguments)
    if not arguments.show and not arguments.no_run:
        bench.run("experiment", progress_line(), name=experiment.name)
    if arguments.between:
        return print(_between(experiment, *arguments.between))
    _print(experiment, arguments)
    if arguments.per_query:
        _write_per_query(experiment, arguments.per_query)


def _check_words(arguments: argparse.Namespace) -> None:
    """DoesNotApply for words that would be ignored."""
    if arguments.name and not (arguments.list or arguments.delete or arguments.show or arguments.resume):
        arguments.resume, arguments.name = arguments.name, None
    check_stored(arguments, "comparison", shown=("between", "per_query", "no_run"))
    if arguments.between:
        words = (*OUTPUT, *arguments.files, "per_query")
        refuse(arguments, words, "compare --between", "it says what it found in a sentence")
    if arguments.quick:
        words = ("quick", "collection", "computed_in", *OUTPUT)
        only(arguments, words, "compare --quick", "it takes --collection alone")


def _between(experiment: Experiment, first: str, second: str) -> str:
    """Whether one of two configurations is better, as a sentence; BadParameter for one that is not there."""
    rows = {row.recipe: row for row in experiment.rows() if not row.error}
    for recipe in (first, second):
        if recipe not in rows:
            raise BadParameter("configuration", "a paired comparison", f"one of {', '.join(rows)}", recipe)
    one, other = rows[first], rows[second]
    return f"{first}: {difference_sentence(one, other, between((experiment, one), (experiment, other)))}"


def _check_per_query(file: str) -> None:
    """BadParameter for a file that is neither CSV nor Parquet, or cannot be written, before anything is measured."""
    if Path(file).suffix.lower() not in (".csv", ".parquet"):
        raise BadParameter("per-query file", "a comparison", "one that ends in .csv or .parquet", file)
    check_writable(file)


def _write_per_query(experiment: Experiment, file: str) -> None:
    if Path(file).suffix.lower() == ".csv":
        write_csv(file, queries_csv(experiment))
    else:
        write_data(file, queries_parquet(experiment))


def _quick(bench: Workbench, arguments: argparse.Namespace) -> None:
    if not arguments.collection:
        raise BadParameter("collection", "compare --quick", "given", "none")
    found = compare_quickly(bench.home, bench.collection(arguments.collection), Reporter(listen=progress_line()))
    header = ["encoder", "pooling", found.judged_by, "low", "high", "behind the best by"]
    rows = [
        [r.encoder, r.embedding, round(r.figure, 3), *(round(end, 3) for end in r.interval), _behind(r)]
        for r in found.rows
    ]
    print_results(
        arguments,
        table=lambda: _quick_text(found, text_table(header, rows)),
        data=found.as_dict,
        csv=lambda: csv_text(header, rows),
    )


def _quick_text(found: QuickComparison, table: str) -> str:
    left_out = [f"Not measured: {title}. {reason}" for title, reason in found.left_out]
    measured = f"{found.pictures} pictures, {found.seconds:.0f} s. {found.conclusion()}"
    return "\n".join([table, *left_out, "", measured])


def _behind(row: QuickRow) -> str:
    low, high = row.behind
    if row.decided:
        return f"{low:.3f} to {high:.3f}"
    return "not decided" if high else ""  # nothing beside the best, and what finds the same


def _asked(bench: Workbench, arguments: argparse.Namespace) -> Experiment:
    """The experiment of that name, or a new one; BadParameter where both or neither is meant."""
    if name := arguments.show or arguments.resume:
        return bench.experiment(name)
    if not arguments.collection:
        raise BadParameter("collection", "a comparison", "given, or --show or --resume with a name", "neither")
    plan = _report_plan(arguments) if arguments.report_tables else _grid_plan(bench, arguments)
    return bench.plan_experiment(plan)


def _grid_plan(bench: Workbench, arguments: argparse.Namespace) -> ExperimentPlan:
    refuse(arguments, _TRAININGS, "compare without --report-tables", "it is about the trainings of that")
    offered = [choice for choice in bench.choices(arguments.collection) if choice.ready and not choice.rare]
    ready = [f"{c.name}@{c.weights}" if c.weights else c.name for c in offered]
    lists = {name: tuple(split_calls(value)) for name in _GRID[1:5] if (value := getattr(arguments, name))}
    numbers = {
        name: value for name in ("k", "query", "queries", *_SPLIT) if (value := getattr(arguments, name)) is not None
    }
    title = arguments.title or f"Compare on {arguments.collection}"
    proposed = {"encoders": tuple(ready), "embeddings": (bench.default_recipe(arguments.collection).embedding,)}
    return ExperimentPlan(title, arguments.collection, **{**proposed, **lists, **numbers})


def _report_plan(arguments: argparse.Namespace) -> ExperimentPlan:
    words = ("encoders", "embeddings", "metrics", "methods", "k", "queries", *_SPLIT)
    refuse(arguments, words, "compare --report-tables", "the original study has its own")
    given: dict[str, Any] = {n: v for n in (*_TRAININGS, "query", "title") if (v := getattr(arguments, n)) is not None}
    seeds = given.pop("seeds", 1)
    return repeated(report_tables(arguments.collection, **given), seeds)


def _print_list(bench: Workbench, arguments: argparse.Namespace) -> None:
    jobs = bench.jobs()
    rows = []
    for found in bench.experiments():
        rows.append([found.name, found.state(jobs), measured_cells(found), found.plan.collection, found.title])
    print_rows(["experiment", "state", "measured", "collection", "title"], rows, arguments)


def _print(experiment: Experiment, arguments: argparse.Namespace) -> None:
    rows = experiment.rows()
    led = leads(experiment, rows)
    print_comparison(
        experiment, report.EXPORTS, arguments, lambda: _table(experiment, led), lambda: _facts(experiment, led)
    )


def _facts(experiment: Experiment, led: Leads) -> dict[str, Any]:
    """The plan and all measurements, what is decided, and the means over seeds."""
    plan, rows = experiment.plan, experiment.rows()
    return facts_of(experiment) | {
        "rows": [_row(row, led) for row in rows],
        "verdict": report.verdict(rows, led),
        "over_seeds": [asdict(one) for one in over_seeds(plan, rows)],
        "verdict_over_seeds": report.seeds_verdict(experiment, rows),
    }


def _row(row: ExperimentRow, led: Leads) -> dict[str, Any]:
    """A row with how it stands against the most precise: difference, interval, corrected p and verdict."""
    found = led.against.get(row.key)
    against = asdict(found.opposite) | {"verdict": found.opposite.outcome} if found else None
    return row.as_dict() | {"against_the_highest": against}


def _measures(rows: Sequence[ExperimentRow]) -> str:
    """The further measures of each row, as far as any has them."""
    known = {n: title for n, title in report.MORE_FIGURES.items() if any(getattr(r, n) is not None for r in rows)}
    lines = [[r.recipe, *("" if (v := getattr(r, n)) is None else v for n in known)] for r in rows]
    return text_table(["configuration", *known.values()], lines) if known else ""


def _table(experiment: Experiment, led: Leads) -> str:
    """The measured configurations, the most precise first; below, the verdict and what could not be measured."""
    rows = experiment.rows()
    k = experiment.plan.k
    best = sorted((row for row in rows if not row.error), key=lambda row: -row.precision)
    head = ["configuration", f"precision@{k}", "low", "high", "against the highest", "mAP", "recall", "ms", "MB"]
    lines = [_line(row, led) for row in best]
    failed = [f"{row.recipe}: {row.error}" for row in rows if row.error]
    labels = "\n".join(dict.fromkeys(row.labels for row in best if row.labels))
    seeded = [report.seeds_line(one) for one in over_seeds(experiment.plan, rows)]
    parts = [
        text_table(head, lines),
        report.verdict(rows, led),
        text_table(report.seeds_heads(k), seeded) if seeded else "",
        report.seeds_verdict(experiment, rows),
        _measures(best),
        labels,
        "\n".join(failed),
        f"Comparison: {experiment.name}",
    ]
    return "\n\n".join(filter(None, parts))


def _line(row: ExperimentRow, led: Leads) -> list[object]:
    known = ["" if figure is None else figure for figure in (row.whole_map, row.recall)]
    return [row.recipe, row.precision, *row.interval, report.against(row, led), *known, row.milliseconds, row.megabytes]
