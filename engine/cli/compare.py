"""The command about experiments: compare."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from engine.cli.printing import print_rows, progress_line
from engine.comparisons.recipes import report
from engine.comparisons.recipes.experiment import Experiment
from engine.comparisons.recipes.plan import ExperimentPlan, report_tables
from engine.core.errors import BadParameter
from engine.core.settings import split_calls
from engine.core.storage import write_bytes
from engine.core.tables import text_table
from engine.workbench.workbench import Workbench

_GRID = ("collection", "encoders", "embeddings", "metrics", "methods", "k", "query", "queries", "title")
_TRAININGS = ("size", "epochs", "limit")


def command_compare(arguments: argparse.Namespace) -> None:
    """Measure a grid of recipes over a labelled collection, or go on with an experiment by its name."""
    bench = Workbench()
    if arguments.list:
        _print_list(bench, arguments.json)
        return
    experiment = _asked(bench, arguments)
    if not arguments.no_run:
        bench.run("experiment", progress_line(), name=experiment.name)
    _print(experiment, arguments)


def _asked(bench: Workbench, arguments: argparse.Namespace) -> Experiment:
    """The experiment of that name, or a new one; BadParameter where both or neither is meant."""
    words = (*_GRID, *_TRAININGS, "report_tables")
    given = [name for name in words if (value := getattr(arguments, name)) is not None and value is not False]
    if arguments.name:
        if given:
            wanted = "given alone: an experiment keeps the plan it began with"
            raise BadParameter("name", "an experiment", wanted, f"--{given[0].replace('_', '-')}")
        return bench.experiment(arguments.name)
    if not arguments.collection:
        raise BadParameter("collection", "an experiment", "given, or the name of an experiment", "neither")
    plan = _report_plan(arguments) if arguments.report_tables else _grid_plan(bench, arguments)
    return bench.plan_experiment(plan)


def _grid_plan(bench: Workbench, arguments: argparse.Namespace) -> ExperimentPlan:
    trained = [name for name in _TRAININGS if getattr(arguments, name) is not None]
    if trained:
        raise BadParameter(
            trained[0], "an experiment", "given with --report-tables only", getattr(arguments, trained[0])
        )
    offered = [choice for choice in bench.choices(arguments.collection) if choice.ready and not choice.rare]
    ready = [f"{c.name}@{c.weights}" if c.weights else c.name for c in offered]
    lists = {name: tuple(split_calls(value)) for name in _GRID[1:5] if (value := getattr(arguments, name))}
    numbers = {name: value for name in ("k", "query", "queries") if (value := getattr(arguments, name)) is not None}
    title = arguments.title or f"Compare on {arguments.collection}"
    return ExperimentPlan(title, arguments.collection, **{"encoders": tuple(ready), **lists, **numbers})


def _report_plan(arguments: argparse.Namespace) -> ExperimentPlan:
    other = [
        name
        for name in ("encoders", "embeddings", "metrics", "methods", "k", "queries")
        if getattr(arguments, name) is not None
    ]
    if other:
        wanted = "left out with --report-tables: the report's tables have their own"
        raise BadParameter(other[0], "an experiment", wanted, getattr(arguments, other[0]))
    given: dict[str, Any] = {n: v for n in (*_TRAININGS, "query", "title") if (v := getattr(arguments, n)) is not None}
    return report_tables(arguments.collection, **given)


def _print_list(bench: Workbench, as_json: bool) -> None:
    jobs = bench.jobs()
    rows = []
    for found in bench.experiments():
        measured = sum(not row.error for row in found.rows())
        cells = f"{measured} of {len(found.plan.cells())}"
        rows.append([found.name, found.state(jobs), cells, found.plan.collection, found.title])
    print_rows(["experiment", "state", "measured", "collection", "title"], rows, as_json)


def _print(experiment: Experiment, arguments: argparse.Namespace) -> None:
    rows = experiment.rows()
    if arguments.html:
        write_bytes(Path(arguments.html).expanduser(), report.to_html(experiment.plan, experiment.rows()).encode())
        print(f"{arguments.html} holds the results of {experiment.name}.")
    elif arguments.json:
        body = {"name": experiment.name, "plan": experiment.plan.as_dict(), "rows": [row.as_dict() for row in rows]}
        print(json.dumps(body, ensure_ascii=False, indent=2))
    elif arguments.csv:
        print(report.to_csv(experiment.plan, experiment.rows()), end="")
    else:
        print(_table(experiment))


def _table(experiment: Experiment) -> str:
    """The measured recipes, the best first, and below them what could not be measured."""
    rows = experiment.rows()
    k = experiment.plan.k
    best = sorted((row for row in rows if not row.error), key=lambda row: -row.precision)
    head = ["recipe", f"precision@{k}", "low", "high", "mAP", "recall", "ms", "MB"]
    lines = [
        [r.recipe, r.precision, *r.interval, r.map, "" if r.recall is None else r.recall, r.milliseconds, r.megabytes]
        for r in best
    ]
    failed = [f"{row.recipe}: {row.error}" for row in rows if row.error]
    return "\n\n".join(filter(None, [text_table(head, lines), "\n".join(failed), f"Experiment: {experiment.name}"]))


def compare_flags(sub: argparse.ArgumentParser) -> None:
    """The words of `compare`."""
    sub.add_argument("name", nargs="?", help="go on with this experiment and print it")
    sub.add_argument("--list", action="store_true", help="list the experiments")
    sub.add_argument("--collection", help="a labelled collection")
    sub.add_argument(
        "--encoders", help="as in a recipe, with commas: model-4@default,colour-histogram (default: all ready)"
    )
    sub.add_argument("--embeddings", help="flatten, max, avg, gem, with commas (default: max)")
    sub.add_argument("--metrics", help="cosine, euclidean, with commas (default: cosine)")
    sub.add_argument("--methods", help='with commas, as in "exact,lsh(bits=8)" (default: exact)')
    sub.add_argument("--k", type=int, help="how many neighbours are judged (default: 8)")
    sub.add_argument(
        "--query", type=int, help="the image of the single-image figure (default: the largest label's first)"
    )
    sub.add_argument("--queries", type=int, help="ask with at most so many images (default: all)")
    sub.add_argument("--title", help="the experiment's title; its name is made from it")
    sub.add_argument("--report-tables", action="store_true", help="train and measure the report's tables 4 and 5")
    sub.add_argument("--size", type=int, help="pixels a side of the report's trainings (default: 224)")
    sub.add_argument("--epochs", type=int, help="epochs of the report's trainings (default: 40)")
    sub.add_argument("--limit", type=int, help="images of the report's trainings (default: all)")
    sub.add_argument("--no-run", action="store_true", help="measure nothing now: plan it, or print what is there")
    output = sub.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON")
    output.add_argument("--csv", action="store_true", help="print CSV")
    output.add_argument("--html", metavar="FILE", help="write one page of HTML to this file")
