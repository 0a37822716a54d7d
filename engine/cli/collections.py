"""Commands for collections: import, list, rescan, remove, check, samples."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.cli.printing import print_report, print_rows, progress_line
from engine.collections import collections, damaged
from engine.collections.integrity import check
from engine.collections.samples import SAMPLES
from engine.collections.sources import known
from engine.collections.sources.job import source_of
from engine.core.errors import BadParameter
from engine.core.progress import Reporter
from engine.workbench.workbench import Workbench


def command_import(arguments: argparse.Namespace) -> None:
    """Import a folder, an archive, a CSV or a known data set."""
    what = arguments.what
    if what in known.KNOWN and not Path(what).exists():
        report = Workbench().run("import", progress_line(), source="known", name=what, title=arguments.title or "")
    else:
        path = Path(what).expanduser()
        if not path.exists():
            raise BadParameter(
                "source", "an import", "a folder, archive, CSV or one of " + ", ".join(known.KNOWN), what
            )
        title = arguments.title or path.resolve().name.split(".")[0]
        report = Workbench().run(
            "import", progress_line(), source=source_of(path), title=title, path=str(path.resolve())
        )
    print_report(report, arguments.json, arguments.rejects)


def command_list(arguments: argparse.Namespace) -> None:
    """List the collections, or the images of one."""
    bench = Workbench()
    if arguments.collection:
        images = bench.collection(arguments.collection).images()
        rows = [list(row) for row in zip(images.ids.tolist(), images.names, images.labels, images.texts, strict=True)]
        print_rows(["id", "name", "label", "text"], rows, arguments.json)
        return
    header = ["name", "title", "images", "labels", "rejected", "source"]
    cards = bench.collections()
    print_rows(header, [[c.name, c.title, c.count, c.labels, c.rejects, c.origin] for c in cards], arguments.json)


def command_rescan(arguments: argparse.Namespace) -> None:
    """Look at a collection's source again and take over what was added, changed or deleted."""
    print_report(
        Workbench().run("rescan", progress_line(), collection=arguments.collection), arguments.json, arguments.rejects
    )


def command_remove(arguments: argparse.Namespace) -> None:
    """Delete a collection with its vectors and indexes; asks first unless --yes."""
    bench = Workbench()
    count = len(bench.collection(arguments.collection))
    if not arguments.yes:
        question = f"Delete the collection {arguments.collection} ({count:,} images, their vectors and indexes)? [y/N] "
        if not sys.stdin.isatty() or input(question).strip().lower() not in ("y", "yes"):
            print("Nothing was deleted. (--yes deletes without asking.)")
            return
    bench.remove(arguments.collection)
    print(f"Deleted {arguments.collection}.")


def command_check(arguments: argparse.Namespace) -> int:
    """Compare every stored byte of a collection, or of all, with its checksum; fails where one is damaged."""
    bench = Workbench()
    name = arguments.collection
    chosen = [bench.collection(name)] if name else collections(bench.home)
    found = [] if name else [f"{name}: {sentence}" for name, sentence in damaged(bench.home)]
    for collection in chosen:
        sentences = check(collection, Reporter(listen=progress_line()))
        found += [f"{collection.name}: {sentence}" for sentence in sentences]
        if not sentences:
            print(f"{collection.name} is sound.")
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


def command_samples(arguments: argparse.Namespace) -> None:
    """Draw the sample collections and embed them."""
    for name in arguments.names or SAMPLES:
        if name not in SAMPLES:
            raise BadParameter("name", "a sample", "one of " + ", ".join(SAMPLES), name)
        report = Workbench().run("sample", progress_line(), name=name)
        print(f"{name}: {report['added']:,} images")
