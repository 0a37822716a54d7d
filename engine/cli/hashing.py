"""The command about search at scale: hashing."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from engine.cli.printing import csv_file, html_file, print_rows, progress_line, write_csv, write_html
from engine.comparisons.hashing import report
from engine.comparisons.hashing.files import read_vectors
from engine.comparisons.hashing.plan import StudyPlan, file_source, grid
from engine.comparisons.hashing.run import check_cluster
from engine.comparisons.hashing.study import HashingStudy
from engine.core.errors import BadParameter
from engine.core.settings import split_calls
from engine.core.tables import text_table
from engine.workbench.workbench import Workbench

_METHODS = "lsh,pcah,spectral,itq,rdh"
_TUNED = _METHODS + ",hnsw,kmeans"  # the best advice may be not to hash
_NUMBERS = ("bits", "tables", "probes", "parts")
_OF_A_PLAN = (
    *_NUMBERS,
    "methods",
    "functions",
    "lookup",
    "further",
    "metric",
    "neighbours",
    "queries",
    "sizes",
    "folds",
    "tune",
)
_SOURCES = ("vectors", "asked", "collection", "model", "encoder", "weights", "title")


def command_hashing(arguments: argparse.Namespace) -> None:
    """Measure hashing and other search methods against exact search, over a file of vectors or a collection's."""
    bench = Workbench()
    if arguments.list:
        _print_list(bench, arguments.json)
        return
    if arguments.csv:
        csv_file(arguments.csv)
    if arguments.html:
        html_file(arguments.html)
    study = _asked(bench, arguments)
    if not arguments.show:
        bench.run("study", progress_line(), name=study.name)
    _print(study, arguments)


def _asked(bench: Workbench, arguments: argparse.Namespace) -> HashingStudy:
    """The study that is to be shown or gone on with, or a new one; BadParameter where both are meant."""
    name = arguments.show or arguments.resume
    if not name:
        plan = _plan(arguments)
        check_cluster(plan)
        return bench.plan_study(plan)
    given = [word for word in (*_OF_A_PLAN, *_SOURCES) if getattr(arguments, word) is not None]
    if given:
        wanted = "given alone: a study keeps the plan it began with"
        raise BadParameter("name", "a study", wanted, f"--{given[0]}")
    return bench.study(name)


def _plan(arguments: argparse.Namespace) -> StudyPlan:
    if bool(arguments.vectors) == bool(arguments.collection):
        wanted = "either --vectors with a file or --collection"
        raise BadParameter("source", "a study", wanted, "both" if arguments.vectors else "neither")
    where = _of_file(arguments) if arguments.vectors else _of_collection(arguments)
    names = split_calls(arguments.methods or (_METHODS if arguments.tune is None else _TUNED))
    lists = {name: _whole_numbers(name, getattr(arguments, name)) for name in _NUMBERS}
    methods = grid(
        names,
        **lists,
        functions=split_calls(arguments.functions or ""),
        lookup=arguments.lookup or "",
        further=arguments.further or "",
    )
    numbers = {name: getattr(arguments, name) for name in ("neighbours", "queries", "folds", "tune")}
    given = {name: value for name, value in numbers.items() if value is not None}
    return StudyPlan(methods=methods, sizes=_sizes(arguments.sizes), **where, **given)


def _of_file(arguments: argparse.Namespace) -> dict[str, Any]:
    """Title, source, metric and queries of a plan over a file."""
    path = Path(arguments.vectors).expanduser()
    metric = arguments.metric or read_vectors(path).metric or "euclidean"
    asked = str(Path(arguments.asked).expanduser().absolute()) if arguments.asked else ""
    return {
        "title": arguments.title or f"Search in {path.stem}"[:120],
        "source": file_source(path),
        "metric": metric,
        "asked": asked,
    }


def _of_collection(arguments: argparse.Namespace) -> dict[str, Any]:
    """Title, source and metric of a plan over the vectors of a collection."""
    if arguments.asked:
        raise BadParameter("file of queries", "a study", "left out with a collection", arguments.asked)
    recipe = arguments.recipe_of(arguments)
    encoder = f"{recipe.encoder}@{recipe.weights}" if recipe.weights else recipe.encoder
    return {
        "title": arguments.title or f"Search in {recipe.collection}",
        "source": f"{recipe.collection}/{encoder}/{recipe.embedding}",
        "metric": recipe.metric,
    }


def _whole_numbers(name: str, text: str | None) -> tuple[int, ...]:
    """The numbers of "8,16"; none where nothing is given."""
    try:
        return tuple(int(part) for part in (text or "").split(",") if part.strip())
    except ValueError:
        raise BadParameter(name, "a study", "whole numbers with commas, as in 8,16", text) from None


def _sizes(text: str | None) -> tuple[int | None, ...]:
    """The numbers of "1000,2000,all"."""
    parts = [part.strip() for part in (text or "all").split(",")]
    return tuple(None if part == "all" else _whole_numbers("sizes", part)[0] for part in parts if part)


def _print_list(bench: Workbench, as_json: bool) -> None:
    jobs = bench.jobs()
    rows = []
    for found in bench.studies():
        cells = f"{len(found.measured())} of {len(found.plan.cells())}"
        source = found.plan.file.name if found.plan.file else found.plan.source
        rows.append([found.name, found.state(jobs), cells, source, found.title])
    print_rows(["study", "state", "measured", "vectors", "title"], rows, as_json)


def _print(study: HashingStudy, arguments: argparse.Namespace) -> None:
    if arguments.html:
        write_html(arguments.html, report.to_html(study))
    if arguments.csv:
        write_csv(arguments.csv, report.to_csv(study.rows()))
    if arguments.json:
        rows = [row.as_dict() for row in study.rows()]
        print(
            json.dumps({"name": study.name, "plan": study.plan.as_dict(), "rows": rows}, ensure_ascii=False, indent=2)
        )
    elif not arguments.html and not arguments.csv:
        print(_text(study))
    if study.plan.tune is not None and not arguments.json:
        print(study.advice(study.plan.tune).sentence)


def _text(study: HashingStudy) -> str:
    """The measured methods, then what they say together, and what could not be measured."""
    failed = [f"{row.title}: {row.error}" for row in study.rows() if row.error]
    notes = list(dict.fromkeys(f"{row.title}: {row.note}" for row in study.rows() if row.note))
    places = list(dict.fromkeys(row.workers for _, row in study.measured()))
    last = f"Study: {study.name}" + (f" · parts lived in: {', '.join(places)}" if places else "")
    tables = [_results(study), _speed_up(study), _size_up(study)]
    return "\n\n".join(filter(None, [*tables, "\n".join(notes), "\n".join(failed), last]))


def _results(study: HashingStudy) -> str:
    head = ["method", "vectors", "recall", "±", "recall@10", "MAP", "strict MAP", "compared", "p50 ms", "±", "p99 ms"]
    head += ["batch ms", "build s", "MB"]
    lines = []
    for one in study.folded():
        row, spread = one.row, one.deviations
        quality = [row.recall, spread.get("recall", ""), row.recall_10, row.map, row.strict_map]
        times = [row.p50, spread.get("p50", ""), row.p99, row.batch_ms, round(row.build_seconds, 2)]
        compared = "" if row.candidates is None else round(row.candidates)
        lines.append([row.title, row.size, *quality, compared, *times, round(row.megabytes, 1)])
    if not lines:
        return ""
    shown = [place for place in range(len(head)) if head[place] != "±" or any(line[place] != "" for line in lines)]
    return text_table([head[place] for place in shown], [[line[place] for place in shown] for line in lines])


def _speed_up(study: HashingStudy) -> str:
    found = study.speed_up()
    if len(found) < 2:
        return ""
    head = ["method", "parts", "p50 ms", "slowest part ms", "speed-up", "on machines of their own", "of the build"]
    return text_table(
        head,
        [
            [
                one.title,
                one.parts,
                one.p50,
                "" if one.slowest_ms is None else one.slowest_ms,
                one.speed_up,
                "" if one.machines is None else one.machines,
                one.build_speed_up,
            ]
            for one in found
        ],
    )


def _size_up(study: HashingStudy) -> str:
    found = study.size_up()
    head = ["method", "vectors", "times larger", "p50 ms", "times slower", "recall"]
    lines = [[one.title, one.size, one.times_larger, one.p50, one.times_slower, one.recall] for one in found]
    return text_table(head, lines) if lines else ""


def hashing_flags(sub: argparse.ArgumentParser) -> None:
    """The words of `hashing`, besides those that choose an encoder."""
    sub.add_argument("--vectors", metavar="FILE", help="a file of vectors instead: .npy, .fvecs, .bvecs or .hdf5")
    sub.add_argument("--asked", metavar="FILE", help="a file of queries for it (default: its own, else held out)")
    sub.add_argument("--methods", help=f'with commas, as in "lsh,hnsw(links=32)" (default: {_METHODS})')
    sub.add_argument("--bits", help="to try, with commas: 8,16")
    sub.add_argument("--tables", help="to try, with commas: 50,100")
    sub.add_argument("--probes", help="extra buckets to try, with commas: 0,4")
    sub.add_argument("--parts", help="parts of RDH to try, with commas: 1,2,4")
    sub.add_argument("--functions", help="of RDH, to try, with commas: same,different,selected")
    sub.add_argument("--lookup", choices=["buckets", "hamming"], help="in buckets, or by Hamming distance")
    sub.add_argument("--further", choices=["yes", "no"], help="whether to look further where buckets hold too few")
    sub.add_argument("--metric", help="cosine or euclidean (default: the file's, or euclidean; cosine of a collection)")
    sub.add_argument("--neighbours", type=int, help="how many are judged (default: 100)")
    sub.add_argument("--queries", type=int, help="ask at most so many (default: 1000)")
    sub.add_argument("--sizes", help="index so many vectors, with commas: 10000,50000,all (default: all)")
    sub.add_argument("--folds", type=int, help="cross validation with so many folds (default: none)")
    sub.add_argument("--tune", type=float, metavar="RECALL", help="choose settings for this recall, as in 0.95")
    sub.add_argument("--title", help="the study's title; its name is made from it")
    which = sub.add_mutually_exclusive_group()
    which.add_argument("--list", action="store_true", help="list the studies")
    which.add_argument("--show", metavar="NAME", help="print this study and measure nothing")
    which.add_argument("--resume", metavar="NAME", help="go on with this study")
    sub.add_argument("--csv", metavar="FILE", help="write CSV to this file")
    sub.add_argument("--html", metavar="FILE", help="write one page of HTML to this file")
    sub.add_argument("--json", action="store_true", help="print JSON")
