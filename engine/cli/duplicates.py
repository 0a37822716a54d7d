"""The commands duplicates and outliers."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from engine.cli.flags import OUTPUT, Commands, encoder_flags, metric_flag, only, output_flags, recipe_of, refuse
from engine.cli.preparing import prepared
from engine.cli.printing import beside, check_files, print_outcome, print_results, print_rows, progress_line
from engine.core.errors import BadParameter, NotFound
from engine.core.humanize import count_of
from engine.core.recipe import Recipe
from engine.core.tables import text_table
from engine.duplicates.acts.checking import Drop
from engine.duplicates.acts.journal import root_of
from engine.duplicates.groups import HEADER, FoundDuplicates
from engine.duplicates.rules import KEEP, STRENGTHS, Rule
from engine.grouping.neighbourhoods.neighbourhoods import HEADER as BY_VECTORS
from engine.grouping.neighbourhoods.neighbourhoods import OUTLIER_HEADER, NearDuplicates, Outliers
from engine.workbench.workbench import Workbench

_SHOWN = 20  # groups of duplicates that a terminal shows
_OUTLIERS = 20  # where no number is given
_OF_VECTORS = ("collection", "model", "encoder", "weights", "embedding", "computed_in", "metric", "threshold")
_WHAT = ("list", "trash", "link", "restore")


def register(commands: Commands) -> None:
    sub = commands.add("duplicates", command_duplicates, job="perceptual")
    sub.add_argument("what", nargs="?", choices=_WHAT, default="list", help="what to do (default: list)")
    sub.add_argument("--act", metavar="NAME", help="with restore: the act to restore (default: list them)")
    sub.add_argument(
        "--file", action="append", metavar="PATH", help="with restore --act: only this file, as below the folder"
    )
    strengths = ", ".join(f"{name} ({least:g})" for name, least in STRENGTHS.items())
    sub.add_argument("--strength", help=f"{strengths} or the least likeness (default: normal)")
    sub.add_argument("--keep", metavar="RULE", help="largest, oldest or a folder (default: largest)")
    sub.add_argument("--protect", action="append", default=[], metavar="FOLDER", help="never move files of this folder")
    sub.add_argument("--dry-run", action="store_true", help="only print what would be done")
    _flags(sub)
    by_vectors = "by vectors instead: maximum distance of a duplicate (with --encoder, default: suggested)"
    sub.add_argument("--threshold", type=float, help=by_vectors)
    sub = commands.add("outliers", command_outliers, job="duplicates", formerly=["odd"])
    _flags(sub)
    sub.add_argument("--most", type=int, default=_OUTLIERS, help=f"how many (default: {_OUTLIERS})")


def _flags(sub: argparse.ArgumentParser) -> None:
    encoder_flags(sub)
    metric_flag(sub)
    output_flags(sub)


def command_duplicates(arguments: argparse.Namespace) -> None:
    """Find duplicates: equal files and pictures that show the same; move them to the trash folder, or restore them.

    Nothing is ever deleted: trash moves files to a folder beside the pictures. With --encoder, --model or --threshold
    duplicates are found by vectors.
    """
    if arguments.threshold is not None or arguments.encoder or arguments.model:
        _by_vectors(arguments)
    elif arguments.what == "restore":
        _restore(arguments)
    else:
        _by_looks(arguments)


# ── by what pictures look like ───────────────────────────────────────────────────────────────────────────────────────


def _by_looks(arguments: argparse.Namespace) -> None:
    _check_words(arguments)
    bench, name, strength = Workbench(), arguments.collection, arguments.strength or "normal"
    check_files(arguments)
    rule = _rule(bench, arguments)
    bench.duplicate_groups(name, strength, rule)  # a wrong strength is named before the search
    bench.run("perceptual", progress_line(), collection=name)
    found = bench.duplicate_groups(name, strength, rule)
    if arguments.what == "list" or arguments.dry_run:
        print_results(arguments, table=lambda: _table(found), data=found.as_dict, csv=found.to_csv)
    if arguments.what != "list":
        _act(bench, arguments, found, rule)


def _check_words(arguments: argparse.Namespace) -> None:
    """DoesNotApply for words that would be ignored."""
    what = f"duplicates {arguments.what}"
    refuse(arguments, ("act", "file"), what, "they say what to restore")
    way = "--encoder, --model or --threshold go by vectors"
    refuse(arguments, ("weights", "embedding", "metric", "computed_in"), f"{what} by looks", way)
    if arguments.what == "list":
        refuse(arguments, ("dry_run",), what, "it moves nothing")
    elif not arguments.dry_run:
        refuse(arguments, OUTPUT, what, "only the list and --dry-run print the duplicates")


def _rule(bench: Workbench, arguments: argparse.Namespace) -> Rule:
    """The rule of the flags: folders may be given below the collection's own or absolute."""
    root = root_of(bench.collection(arguments.collection))
    protected = tuple(_below(root, folder) for folder in arguments.protect)
    keep = arguments.keep or "largest"
    if keep in KEEP and keep != "folder":
        return Rule(keep, protected=protected)
    return Rule("folder", _below(root, keep), protected)


def _below(root: Path, folder: str) -> str:
    """A folder as a path below the root; BadParameter where there is no such folder."""
    path = (root / Path(folder).expanduser()).resolve()
    if not path.is_dir() or not path.is_relative_to(root.resolve()):
        raise BadParameter("folder", "the duplicates", f"a folder below {root}, or largest or oldest", folder)
    return path.relative_to(root.resolve()).as_posix()


def _table(duplicates: FoundDuplicates) -> str:
    """How many duplicates there are, and the first groups."""
    text = duplicates.sentence()
    if duplicates.groups:
        rows = [row[:-1] for row in duplicates.rows() if int(str(row[0])) <= _SHOWN]
        text += "\n\n" + text_table(HEADER[:-1], rows)
    return text + _more(len(duplicates.groups))


def _more(count: int) -> str:
    return f"\n… and {count - _SHOWN:,} more groups: --csv FILE writes them all." if count > _SHOWN else ""


def _act(bench: Workbench, arguments: argparse.Namespace, duplicates: FoundDuplicates, rule: Rule) -> None:
    linking = arguments.what == "link"
    groups = [(group.keeper, row) for group in duplicates.groups for row in group.dropped]
    drops = [Drop(row.id, row.hash, kept.id) for kept, row in groups if not linking or row.hash == kept.hash]
    if arguments.dry_run:
        done = "linked" if linking else "moved to the trash"
        print(f"{count_of(len(drops), 'picture')} would be {done}.", file=beside(arguments))
        return
    outcome = bench.drop_duplicates(arguments.collection, drops, rule, link=linking)
    print_outcome(outcome, arguments.what, arguments.collection)


def _restore(arguments: argparse.Namespace) -> None:
    """Restore one act or files of it, or list what can be restored."""
    bench, name, act = Workbench(), arguments.collection, arguments.act
    further, why = (("dry_run",), "it only restores") if act else (OUTPUT, "without --act it only lists")
    only(arguments, ("what", "collection", "act", "file", *further), "duplicates restore", why)
    if not act:
        if arguments.file:
            raise BadParameter("act", "duplicates restore --file", "the act that moved it", "none")
        rows = [
            [batch.name, batch.kind, time.strftime("%Y-%m-%d %H:%M", time.localtime(batch.time)), len(batch.waiting)]
            for batch in bench.dropped(name)
        ]
        print_rows(["act", "kind", "when", "files"], rows, arguments)
        return
    wanted = _waiting(bench, name, act, arguments.file)
    if arguments.dry_run:
        print(*wanted, f"{count_of(len(wanted), 'picture')} would be restored.", sep="\n")
        return
    print_outcome(bench.restore_dropped(name, act, wanted if arguments.file else None), "restore", name)


def _waiting(bench: Workbench, collection: str, act: str, files: list[str] | None) -> list[str]:
    """The files of an act that can be restored, of those that are named; NotFound for a name that is none of them."""
    waiting = {batch.name: [entry.path for entry in batch.waiting] for batch in bench.dropped(collection)}.get(act, [])
    for file in files or []:
        if file not in waiting:
            raise NotFound(f"There is no file {file!r} to restore in {act!r}.")
    return files or waiting


# ── by vectors ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _by_vectors(arguments: argparse.Namespace) -> None:
    if arguments.what != "list":
        raise BadParameter("encoder", f"duplicates {arguments.what}", "left out: only list goes by vectors", "one")
    only(arguments, ("what", *_OF_VECTORS, *OUTPUT), "duplicates by vectors", "they are only listed")
    found: NearDuplicates = _ready(arguments, lambda bench, recipe: bench.duplicates(recipe, arguments.threshold))
    suggested = arguments.threshold is None
    print_results(arguments, table=lambda: _vectors_table(found, suggested), data=found.as_dict, csv=found.to_csv)


def _vectors_table(duplicates: NearDuplicates, suggested: bool) -> str:
    """What the threshold means, how many duplicates there are, and the first groups."""
    sentences = [duplicates.share.sentence(), duplicates.suggestion.reason if suggested else "", duplicates.sentence()]
    text = "\n".join(filter(None, sentences))
    if duplicates.groups:
        rows = [row for row in duplicates.rows() if int(str(row[0])) <= _SHOWN]
        text += "\n\n" + text_table(BY_VECTORS, rows)
    return text + _more(len(duplicates.groups))


def command_outliers(arguments: argparse.Namespace) -> None:
    """List the outliers: pictures with nothing similar in the collection, the farthest first."""
    found: Outliers = _ready(arguments, lambda bench, recipe: bench.outliers(recipe, arguments.most))
    score = "score: the distance to its nearest neighbours, in units of what is usual here (1)."
    print_results(
        arguments,
        table=lambda: "\n\n".join(filter(None, [text_table(OUTLIER_HEADER, found.rows()), score, found.sentence()])),
        data=found.as_dict,
        csv=found.to_csv,
    )


def _ready(arguments: argparse.Namespace, ask: Callable[[Workbench, Recipe], Any]) -> Any:
    """The result of `ask`; missing nearest-neighbour lists are computed first."""
    check_files(arguments)
    bench, recipe = Workbench(), recipe_of(arguments)
    return prepared(bench, recipe, partial(ask, bench, recipe), "duplicates")
