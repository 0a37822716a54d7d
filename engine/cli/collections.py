"""The commands for collections: import, list, rescan, relink, watch, delete, check, samples."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

from engine.cli.flags import Commands, output_flags, ray_flag, refuse, yes_flag
from engine.cli.printing import check_writable, confirmed, print_report, print_rows, progress_line
from engine.collections.integrity import Finding, check_and_repair
from engine.collections.listing import collections, damaged
from engine.collections.samples import SAMPLES
from engine.collections.sources import known
from engine.collections.sources.job import source_of, title_of
from engine.collections.sources.tables import ROLES
from engine.core.errors import BadParameter
from engine.core.humanize import count_of, file_size
from engine.core.progress import Reporter
from engine.interchange import formats
from engine.workbench.integrity import check_home
from engine.workbench.watching import watch_folders
from engine.workbench.workbench import Workbench


def register(commands: Commands) -> None:
    _import_flags(commands.add("import", command_import, job="import"))
    sub = commands.add("list", command_list)
    sub.add_argument("collection", nargs="?", help="list the pictures of this collection")
    output_flags(sub)
    sub = commands.add("rescan", command_rescan, job="rescan")
    sub.add_argument("collection")
    sub.add_argument("--verify", action="store_true", help="read every file, even if its size and date are unchanged")
    _report_flags(sub)
    sub = commands.add("relink", command_relink)
    sub.add_argument("collection")
    sub.add_argument("folder", help="the new location of the collection's folder")
    sub = commands.add("watch", command_watch)
    sub.add_argument("collection")
    sub.add_argument("--off", action="store_true", help="stop importing changes automatically")
    sub = commands.add("delete", command_delete, formerly=["remove"])
    sub.add_argument("collection")
    yes_flag(sub)
    sub = commands.add("check", command_check)
    sub.add_argument("collection", nargs="?", help="only this one (default: everything in the home folder)")
    sub.add_argument("--repair", action="store_true", help="recreate what can be recomputed, and list what cannot")
    sub = commands.add("samples", command_samples, job="sample")
    sub.add_argument("names", nargs="*", help=", ".join(SAMPLES) + " (default: all)")


def _import_flags(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("what", help="a folder, ZIP, tar or CSV, or a public data set: " + ", ".join(known.KNOWN))
    sub.add_argument("--title", help="the collection's name (default: that of the file or folder)")
    names = ", ".join(name for name, kind in formats().items() if kind.needs_pictures)
    sub.add_argument("--format", help=f"a data set of another program, with its tags, vectors and groups: {names}")
    for role in ROLES:
        column = f"the column of a table that is the {role} (default: guessed by its heading)"
        sub.add_argument(f"--{role}", metavar="COLUMN", help=column)
    sub.add_argument("--follow-links", action="store_true", help="read links that lead out of the folder")
    _report_flags(sub)
    ray_flag(sub)


def _report_flags(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub.add_argument("--rejects", metavar="FILE", help="write the list of skipped files to this file, as CSV")


def command_import(arguments: argparse.Namespace) -> None:
    """Import a folder, an archive, a CSV table or a public data set."""
    check_writable(arguments.rejects)
    what, path = arguments.what, Path(arguments.what).expanduser()
    if path.exists():
        given = _import_from(path, arguments)
    elif what in known.KNOWN:
        given = _import_of_a_known(what, arguments)
    else:
        raise BadParameter("source", "an import", "a folder, archive, CSV or one of " + ", ".join(known.KNOWN), what)
    print_report(Workbench().run("import", progress_line(), **given), arguments.json, arguments.rejects)


def _import_from(path: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """The job's arguments for a folder, an archive, a table or a data set of another program."""
    named = arguments.format or arguments.follow_links  # the file may be one of links, as its pictures may
    place, columns = path.absolute() if named else path.resolve(), _columns(arguments)
    title = arguments.title or title_of(place)
    given: dict[str, Any] = {"source": source_of(path), "title": title, "path": str(place)}
    given |= {"follow_links": True} if arguments.follow_links else {}
    given |= {"columns": columns} if columns else {}
    given |= {"source": "dataset", "format": arguments.format} if arguments.format else {}
    if columns and not arguments.format and given["source"] != "csv":
        raise BadParameter("columns", "an import", "named for a table only", title)
    return given


def _import_of_a_known(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """The job's arguments for a public data set, whose form is known; DoesNotApply for flags that describe one."""
    refuse(arguments, ("format", "follow_links", *ROLES), "a public data set", "its form is known")
    return {"source": "known", "name": name, "title": arguments.title or ""}


def _columns(arguments: argparse.Namespace) -> dict[str, str]:
    """The columns that are named, by their roles."""
    return {role: value for role in ROLES if (value := getattr(arguments, role)) is not None}


def command_list(arguments: argparse.Namespace) -> None:
    """List the collections, or the pictures of one."""
    bench = Workbench()
    if arguments.collection:
        images = bench.collection(arguments.collection).images()
        rows = [list(row) for row in zip(images.ids.tolist(), images.names, images.labels, images.texts, strict=True)]
        print_rows(["id", "name", "label", "text"], rows, arguments)
        return
    header = ["name", "title", "images", "labels", "rejected", "source"]
    cards = bench.collections()
    print_rows(header, [[c.name, c.title, c.count, c.labels, c.rejects, c.origin] for c in cards], arguments)
    for name, sentence in damaged(bench.home):
        print(f"{name}: {sentence}", file=sys.stderr)


def command_rescan(arguments: argparse.Namespace) -> None:
    """Import what was added to, changed in or deleted from a collection's source."""
    check_writable(arguments.rejects)
    given: dict[str, Any] = {"collection": arguments.collection} | ({"verify": True} if arguments.verify else {})
    print_report(Workbench().run("rescan", progress_line(), **given), arguments.json, arguments.rejects)


def command_relink(arguments: argparse.Namespace) -> None:
    """Point a collection to its folder after that was moved or renamed."""
    Workbench().relink(arguments.collection, arguments.folder)
    print(f"{arguments.collection} reads its pictures from {Path(arguments.folder).resolve()} now.")


def command_watch(arguments: argparse.Namespace) -> None:
    """Import changes of a collection's folder automatically: here until Ctrl-C, and in the app while it runs."""
    bench = Workbench()
    bench.watch(arguments.collection, not arguments.off)
    if arguments.off:
        print(f"{arguments.collection} is no longer watched.")
        return
    print(f"Watching {bench.collection(arguments.collection).source['folder']}; Ctrl-C ends it.")
    with suppress(KeyboardInterrupt):
        watch_folders(bench, Event())


def command_delete(arguments: argparse.Namespace) -> None:
    """Delete a collection with its vectors and indexes; asks first. Pictures read in place are not touched."""
    bench, name = Workbench(), arguments.collection
    if confirmed(f"the collection {name} ({_extent(bench, name)})", arguments):
        kept = bench.remove(name)
        print(f"Deleted {name}." + (f" Labels and groups that could be read are kept in {kept}." if kept else ""))


def _extent(bench: Workbench, name: str) -> str:
    if name in dict(damaged(bench.home)):
        return "damaged"
    return f"{len(bench.collection(name)):,} pictures, their vectors and indexes"


def command_check(arguments: argparse.Namespace) -> int:
    """Compare every stored byte of a collection, or of everything, with its checksum; fails if one is damaged."""
    bench, name, repair = Workbench(), arguments.collection, arguments.repair
    left = 0
    for collection in [bench.collection(name)] if name else collections(bench.home):
        found = check_and_repair(collection, Reporter(listen=progress_line()), repair)
        left += _print_findings(collection.name, found, repair)
        if not found:
            print(f"{collection.name} is sound.")
    if not name:
        unread = set(dict(damaged(bench.home))) - {collection.name for collection in collections(bench.home)}
        lost = [Finding(sentence) for one, sentence in damaged(bench.home) if one in unread]
        left += _print_findings("collections", lost, repair)
        left += _print_findings("home", check_home(bench.home, repair), repair)
        _print_spare(bench)
    return 1 if left else 0


def _print_spare(bench: Workbench) -> None:
    """Mention the disk space of finished runs that is only needed to continue them; it is not damage."""
    if spare := bench.spare_states():
        size = file_size(sum(size for _, size in spare))
        runs = count_of(len(spare), "finished run")
        print(f"home: {size} in {runs} only serve to continue them. Free with: python -m engine runs --free")


def _print_findings(where: str, findings: list[Finding], repair: bool) -> int:
    """Print what is damaged and, after a repair, whether it could be repaired; returns the number still damaged."""
    for finding in findings:
        result = finding.repaired if finding.repair else "It cannot be repaired."
        print(f"{where}: {finding.sentence}" + (f" {result}" if repair else ""))
    return sum(not (repair and finding.repair) for finding in findings)


def command_samples(arguments: argparse.Namespace) -> None:
    """Create the sample collections with their vectors."""
    if unknown := [name for name in arguments.names if name not in SAMPLES]:
        raise BadParameter("name", "a sample", "one of " + ", ".join(SAMPLES), unknown[0])
    for name in arguments.names or SAMPLES:
        report = Workbench().run("sample", progress_line(), name=name)
        print(f"{name}: {report['added']:,} pictures")
