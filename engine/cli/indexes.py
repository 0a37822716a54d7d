"""The command indexes: the disk space of stored search indexes, and how to free it."""

from __future__ import annotations

import argparse
import time

from engine.cli.flags import Commands, only, output_flags, yes_flag
from engine.cli.printing import confirmed, print_rows
from engine.core.errors import NotFound
from engine.core.humanize import file_size
from engine.search.index_files import StoredIndex, stored_indexes
from engine.workbench.workbench import Workbench

_ALL = "all"


def register(commands: Commands) -> None:
    sub = commands.add("indexes", command_indexes)
    sub.add_argument("--collection", default="", help="only those of this collection")
    sub.add_argument("--delete", metavar="NAME", nargs="+", help=f"delete these, as named in the list, or {_ALL}; asks")
    yes_flag(sub)
    output_flags(sub)


def command_indexes(arguments: argparse.Namespace) -> None:
    """List the stored search indexes, most recently used first, or delete some; they are rebuilt when needed."""
    found = stored_indexes(Workbench().home.datasets, arguments.collection)
    if arguments.delete:
        only(arguments, ("delete", "collection"), "indexes --delete", "it only deletes")
        return _delete(found, arguments)
    rows = [[one.name, f"{one.bytes / 1e6:.1f}", _date(one.used), one.recipe] for one in found]
    print_rows(["index", "MB", "last used", "recipe"], rows, arguments)


def _delete(indexes: list[StoredIndex], arguments: argparse.Namespace) -> None:
    by_name = {one.name: one for one in indexes}
    names = list(by_name) if arguments.delete == [_ALL] else arguments.delete
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise NotFound(f"There is no index {unknown[0]!r}.", way_out="See: python -m engine indexes")
    size = file_size(sum(by_name[name].bytes for name in names))
    what = f"{len(names)} indexes" if len(names) != 1 else f"the index {names[0]}"
    if confirmed(f"{what} ({size})", arguments):
        for name in names:
            by_name[name].delete()
        print(f"Deleted {what}: {size}.")


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else ""
