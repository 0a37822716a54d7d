"""The command hashing: search methods, measured against exact search."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.cli.flags import (
    Commands,
    check_stored,
    encoder_flags,
    methods_help,
    metric_flag,
    output_flags,
    ray_flag,
    recipe_of,
    refuse,
    stored_flags,
)
from engine.cli.printing import (
    check_files,
    delete,
    further_files,
    measured_cells,
    print_comparison,
    print_rows,
    progress_line,
)
from engine.comparisons.hashing import report
from engine.comparisons.hashing.files import read_vectors
from engine.comparisons.hashing.plan import StudyPlan, file_source, grid
from engine.comparisons.hashing.run import check_cluster
from engine.comparisons.hashing.study import HashingStudy
from engine.core.errors import BadParameter
from engine.core.recipe import parse_method
from engine.core.settings import Choice, split_calls
from engine.core.tables import text_table
from engine.indexes import approximate_methods, hashing_methods, methods
from engine.workbench.workbench import Workbench

_NUMBERS = ("bits", "tables", "probes", "parts")


def register(commands: Commands) -> None:
    sub = commands.add("hashing", command_hashing, job="study")
    encoder_flags(sub, required=False)
    sub.add_argument("--vectors", metavar="FILE", help="a file of vectors instead: .npy, .fvecs, .bvecs or .hdf5")
    sub.add_argument("--asked", metavar="FILE", help="a file of queries for it (default: its own, else held out)")
    _flags_of_methods(sub)
    metric_flag(sub, said="the file's, else euclidean; cosine for a collection")
    _flags_of_measuring(sub)
    sub.add_argument("--title", help="the benchmark's title; its name is made from it")
    stored_flags(sub, "benchmark")
    output_flags(sub, further_files(report.EXPORTS))
    methods_help(sub)
    ray_flag(sub)


def _flags_of_methods(sub: argparse.ArgumentParser) -> None:
    """The search methods, and the settings of hashing to try with each."""
    further = [name for name in approximate_methods() if name not in hashing_methods()]
    usual = f"{','.join(hashing_methods())}; with --tune also {','.join(further)}"
    sub.add_argument("--methods", help=f'with commas, as in "lsh,hnsw(links=32)"; see below (default: {usual})')
    sub.add_argument("--bits", help="to try, with commas: 8,16")
    sub.add_argument("--tables", help="to try, with commas: 50,100")
    sub.add_argument("--probes", help="probes (multi-probe) to try, with commas: 0,4")
    sub.add_argument("--parts", help="parts of RDH to try, with commas: 1,2,4")
    sub.add_argument("--functions", help=f"of RDH to try, with commas: {','.join(_options('functions'))}")
    sub.add_argument("--lookup", choices=_options("lookup"), help="in buckets, or by Hamming distance")
    wide = "whether to look further where buckets hold too few"
    sub.add_argument("--further", choices=_options("further"), help=wide)


def _flags_of_measuring(sub: argparse.ArgumentParser) -> None:
    """How many vectors and queries, how often, and whether settings are chosen first."""
    sub.add_argument("--neighbours", type=int, help="how many are judged (default: 100)")
    sub.add_argument("--queries", type=int, help="at most this many queries (default: 1000)")
    sub.add_argument("--sizes", help="index this many vectors, with commas: 10000,50000,all (default: all)")
    sub.add_argument("--draws", type=int, help="build methods with random parts with this many seeds (default: 1)")
    sub.add_argument("--folds", type=int, help="cross validation with this many folds (default: none)")
    sub.add_argument("--tune", type=float, metavar="RECALL", help="choose settings for this target recall, as in 0.95")


def _options(name: str) -> list[str]:
    """What can be chosen for a setting of search methods."""
    settings = (setting for method in methods().values() for setting in method.settings)
    return next(list(one.options) for one in settings if one.name == name and isinstance(one, Choice))


def command_hashing(arguments: argparse.Namespace) -> None:
    """Measure hashing and other search methods against exact search, over a collection or a file of vectors."""
    check_stored(arguments, "benchmark")
    bench = Workbench()
    if arguments.list:
        return _print_list(bench, arguments)
    if arguments.delete:
        stored = HashingStudy.unread(bench.home.studies, arguments.delete)
        return delete(f"the benchmark {arguments.delete}", stored.remove, arguments)
    check_files(arguments)
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
    return bench.study(name)


def _plan(arguments: argparse.Namespace) -> StudyPlan:
    if bool(arguments.vectors) == bool(arguments.collection):
        wanted = "either --vectors with a file or --collection"
        raise BadParameter("source", "a benchmark", wanted, "both" if arguments.vectors else "neither")
    where = _of_file(arguments) if arguments.vectors else _of_collection(arguments)
    # the best advice may be not to hash
    usual = hashing_methods() if arguments.tune is None else approximate_methods()
    names = split_calls(arguments.methods) if arguments.methods else usual
    _check_settings(arguments, names)
    lists = {name: _whole_numbers(name, getattr(arguments, name)) for name in _NUMBERS}
    methods = grid(
        names,
        **lists,
        functions=split_calls(arguments.functions or ""),
        lookup=arguments.lookup or "",
        further=arguments.further or "",
    )
    numbers = {name: getattr(arguments, name) for name in ("neighbours", "queries", "folds", "tune", "draws")}
    given = {name: value for name, value in numbers.items() if value is not None}
    return StudyPlan(methods=methods, sizes=_sizes(arguments.sizes), **where, **given)


def _check_settings(arguments: argparse.Namespace, names: Sequence[str]) -> None:
    """DoesNotApply for a setting of hashing that none of the methods has."""
    kinds = [kind for name in names if (kind := methods().get(parse_method(name)[0]))]
    had = [{setting.name for setting in kind.settings} for kind in kinds]
    hamming = arguments.lookup == "hamming"
    probed = [one - {"probes"} if hamming and "lookup" in one else one for one in had]  # probes are of buckets
    heeded = {name for one in probed if "bits" in one for name in one}
    ignored = [word for word in (*_NUMBERS, "functions", "lookup", "further") if word not in heeded]
    beside = f"--methods {','.join(names)}" + " --lookup hamming" * hamming
    refuse(arguments, ignored, beside, "it is a setting of hashing that none of them heeds")


def _of_file(arguments: argparse.Namespace) -> dict[str, Any]:
    """Title, source, metric and queries of a plan over a file."""
    words = ("model", "encoder", "weights", "embedding", "computed_in")
    refuse(arguments, words, "hashing --vectors", "the file holds vectors already")
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
        raise BadParameter("file of queries", "a benchmark", "left out with a collection", arguments.asked)
    recipe = recipe_of(arguments)
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
        raise BadParameter(name, "a benchmark", "whole numbers with commas, as in 8,16", text) from None


def _sizes(text: str | None) -> tuple[int | None, ...]:
    """The numbers of "1000,2000,all"."""
    parts = [part.strip() for part in (text or "all").split(",")]
    return tuple(None if part == "all" else _whole_numbers("sizes", part)[0] for part in parts if part)


def _print_list(bench: Workbench, arguments: argparse.Namespace) -> None:
    jobs = bench.jobs()
    rows = []
    for found in bench.studies():
        source = found.plan.file.name if found.plan.file else found.plan.source
        rows.append([found.name, found.state(jobs), measured_cells(found), source, found.title])
    print_rows(["benchmark", "state", "measured", "vectors", "title"], rows, arguments)


def _print(study: HashingStudy, arguments: argparse.Namespace) -> None:
    print_comparison(study, report.EXPORTS, arguments, lambda: _text(study))


def _text(study: HashingStudy) -> str:
    """The measured methods, then what they say together, what could not be measured, and the advice of a tuning."""
    failed = [f"{row.title}: {row.error}" for row in study.rows() if row.error]
    notes = list(dict.fromkeys(f"{row.title}: {row.note}" for row in study.rows() if row.note))
    places = list(dict.fromkeys(row.workers for _, row in study.measured()))
    last = f"Benchmark: {study.name}" + (f" · parts lived in: {', '.join(places)}" if places else "")
    tables = [_results(study), _speed_up(study), _size_up(study)]
    advice = "" if study.plan.tune is None else study.advice(study.plan.tune).sentence
    return "\n\n".join(filter(None, [*tables, "\n".join(notes), "\n".join(failed), study.timing, last, advice]))


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
