"""The commands for chosen pictures: tag, sidecars, copy, trash, searches."""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import Any

from engine.cli.flags import Commands, only, output_flags, yes_flag
from engine.cli.printing import delete, print_outcome, print_rows, progress_line
from engine.collections.facts.where import needs_exif, parse_where
from engine.core.errors import BadParameter
from engine.core.humanize import count_of
from engine.core.tables import text_table
from engine.workbench.workbench import Workbench

_SHOWN = 20  # lines of a report


def register(commands: Commands) -> None:
    sub = commands.add("tag", command_tag)
    _chosen(sub)
    sub.add_argument("--add", action="append", default=[], metavar="TAG", help="add this tag; repeatable")
    sub.add_argument("--remove", action="append", default=[], metavar="TAG", help="remove this tag")
    sub.add_argument("--stars", type=int, help="set the stars, 0 for none to 5")
    sub.add_argument("--undo", action="store_true", help="undo the last change of tags and stars")
    sub = commands.add("sidecars", command_sidecars, job="sidecars")
    _chosen(sub)
    sub.add_argument("--undo", action="store_true", help="restore the previous contents of the files written last")
    sub = commands.add("copy", command_copy, job="files")
    _chosen(sub)
    sub.add_argument("--to", required=True, metavar="FOLDER", help="an existing folder")
    sub.add_argument("--sidecars", action="store_true", help="write tags and stars beside the copied files, as XMP")
    sub = commands.add("trash", command_trash)
    _chosen(sub)
    sub.add_argument("--dry-run", action="store_true", help="only print what would be done")
    sub = commands.add("searches", command_searches)
    sub.add_argument("--history", action="store_true", help="list the last hundred searches instead")
    sub.add_argument("--delete", metavar="NAME", help="delete this saved search; asks first")
    yes_flag(sub)
    output_flags(sub)


def _chosen(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("collection")
    sub.add_argument("ids", nargs="*", type=int, help="the pictures by their ids")
    help = "the pictures that meet this filter, as in search --where"
    sub.add_argument("--where", action="append", default=[], metavar="FILTER", help=help)


def command_tag(arguments: argparse.Namespace) -> None:
    """Tag and rate pictures, or list those with tags or stars."""
    bench, name = Workbench(), arguments.collection
    if arguments.undo:
        only(arguments, ("collection", "undo"), "tag --undo", "it undoes the whole last change")
        print(f"Restored {count_of(bench.undo_mark(name), 'picture')}.")
        return
    if not arguments.add and not arguments.remove and arguments.stars is None:
        _list_marks(bench, arguments)
        return
    changes: dict[str, Any] = {"add": arguments.add, "remove": arguments.remove, "stars": arguments.stars}
    print(f"Changed {count_of(bench.mark(name, _ids(bench, arguments), **changes), 'picture')}.")


def _list_marks(bench: Workbench, arguments: argparse.Namespace) -> None:
    table, wanted = bench.picture_table(arguments.collection), set(_ids(bench, arguments, everything=True))
    rows = [
        [int(id), name, ", ".join(mark.tags), mark.stars]
        for id, name, mark in zip(table.ids, table.names, table.marks, strict=True)
        if (mark.tags or mark.stars) and int(id) in wanted
    ]
    print(text_table(["id", "name", "tags", "stars"], rows))


def command_sidecars(arguments: argparse.Namespace) -> None:
    """Write tags and stars to XMP files beside the pictures; other contents of these files are kept."""
    bench = Workbench()
    if arguments.undo:
        only(arguments, ("collection", "undo"), "sidecars --undo", "it restores all files written last")
        _undo_sidecars(bench, arguments)
        return
    ids = _ids(bench, arguments) if arguments.ids or arguments.where else None
    done = bench.run("sidecars", progress_line(), collection=arguments.collection, ids=ids)
    left = done["left"]
    print(f"{done['written']:,} written · {done['unchanged']:,} unchanged · {len(left):,} left alone")
    if left:
        print(text_table(["left alone", "why"], left[:_SHOWN]))


def _undo_sidecars(bench: Workbench, arguments: argparse.Namespace) -> None:
    back, left = bench.undo_sidecars(arguments.collection)
    print(f"{count_of(back, 'sidecar file')} restored · {len(left):,} left unchanged")
    if left:
        print(text_table(["left unchanged", "why"], left[:_SHOWN]))


def command_copy(arguments: argparse.Namespace) -> None:
    """Copy pictures to a folder; a name in use gets a number, and nothing is overwritten."""
    bench = Workbench()
    given = {"ids": _ids(bench, arguments), "folder": arguments.to, "sidecars": arguments.sidecars}
    done = bench.run("files", progress_line(), collection=arguments.collection, **given)
    print(f"Copied {count_of(done['count'], 'picture')} to {done['path']}.")
    if done["left_out"]:
        print(text_table(["left out", "why"], done["left_out"][:_SHOWN]))


def command_trash(arguments: argparse.Namespace) -> None:
    """Move pictures to the trash folder beside them; `duplicates restore` brings them back."""
    bench, name = Workbench(), arguments.collection
    drops = bench.to_trash(name, _ids(bench, arguments))
    if arguments.dry_run:
        print(f"{count_of(len(drops), 'picture')} would be moved to the trash.")
        return
    print_outcome(bench.drop_duplicates(name, drops), "trash", name)


def command_searches(arguments: argparse.Namespace) -> None:
    """List the saved searches, which `search --saved NAME` repeats."""
    bench = Workbench()
    if arguments.delete:
        only(arguments, ("delete",), "searches --delete", "it only deletes")
        found = bench.saved_search(arguments.delete)
        return delete(f"the saved search {found.name}", partial(bench.forget_search, found.name), arguments)
    found_searches = bench.search_history() if arguments.history else bench.saved_searches()
    rows = [[one.name, one.query, one.where, one.label, one.recipe, _date(one.made)] for one in found_searches]
    print_rows(["name", "query", "filter", "label", "recipe", "made"], rows, arguments)


def _date(made: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(made))


def _ids(bench: Workbench, arguments: argparse.Namespace, *, everything: bool = False) -> list[int]:
    """The pictures chosen by ids and by a filter; BadParameter if none is chosen."""
    where = parse_where(";".join(arguments.where))
    if not arguments.ids and not where and not everything:
        raise BadParameter("pictures", f"the command {arguments.command}", "given as ids or by --where", "none")
    if needs_exif(where) and bench.facts_missing(arguments.collection):
        bench.run("facts", progress_line(), collection=arguments.collection)
    meeting = bench.meeting(arguments.collection, where).tolist()
    if not where or not arguments.ids:
        return arguments.ids or meeting
    kept = set(meeting)
    return [id for id in arguments.ids if id in kept]
