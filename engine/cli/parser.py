"""All commands with their flags, and the one function that runs them."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from engine.cli import classify, duplicates, hashing, vectors, weights
from engine.cli import compare as experiments
from engine.cli import group as grouping
from engine.cli import train as training
from engine.cli.collections import (
    command_check,
    command_import,
    command_list,
    command_remove,
    command_rescan,
    command_samples,
)
from engine.cli.flags import encoder_flags, ray_flag, recipe_of
from engine.cli.jobs import command_jobs, command_stop, command_work
from engine.cli.search import command_embed, command_encoders, command_index, command_search, search_flags
from engine.cluster.blocks import asked_for
from engine.core.errors import BenzerError, Stopped

_KEPT = {  # what a person who stops a command may rely on
    "import": "The same command goes on from there.",
    "samples": "The same command goes on from there.",
    "rescan": "The same command goes on from there.",
    "embed": "What is finished is kept; the same command goes on from there.",
    "search": "Vectors that are finished are kept; the same command goes on from there.",
    "duplicates": "Vectors that are finished are kept; the same command goes on from there.",
    "group": "Vectors that are finished are kept; the same command goes on from there.",
    "odd": "Vectors that are finished are kept; the same command goes on from there.",
    "compare": "What is measured is kept; go on with: python -m engine compare NAME (see: compare --list)",
    "hashing": "What is measured is kept; go on with: python -m engine hashing --resume NAME (see: hashing --list)",
    "classify": "What is measured is kept; go on with: python -m engine classify --resume NAME (see: classify --list)",
    "weights": "What has arrived is kept; the same command goes on from there.",
    "train": "What is finished is kept; go on with: python -m engine train --resume RUN (see: python -m engine runs)",
}


def main(words: list[str] | None = None) -> int:
    """Run one command; 0 when it went well, 1 with one sentence on stderr when it did not, 130 when interrupted."""
    arguments = parser().parse_args(words)
    try:
        with asked_for(getattr(arguments, "ray", None)):
            status: int | None = arguments.run(arguments)
    except (KeyboardInterrupt, Stopped):
        print("\nStopped. " + _KEPT.get(arguments.command, "Nothing was changed."), file=sys.stderr)
        return 130
    except BenzerError as error:
        print(f"\r{error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        print(
            f"\r{error.filename or 'A file'} cannot be used: {(error.strerror or str(error)).lower()}.", file=sys.stderr
        )
        return 1
    return status or 0


def parser() -> argparse.ArgumentParser:
    """All commands and their words; they are those of the pages."""
    top = argparse.ArgumentParser(prog="python -m engine", description="Find the pictures that look alike.")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")

    def add(name: str, run: Any, *, rows: bool = False) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        sub.set_defaults(run=run)
        if rows:
            sub.add_argument("--json", action="store_true", help="print JSON")
        return sub

    add_import = add("import", command_import, rows=True)
    add_import.add_argument("what", help="a folder, ZIP or tar, CSV, or a known data set's name")
    add_import.add_argument("--title", help="the collection's name (default: the file's or folder's)")
    add_import.add_argument("--rejects", metavar="CSV", help="write the list of rejected files to this file")
    ray_flag(add_import)
    add("list", command_list, rows=True).add_argument("collection", nargs="?", help="list this collection's images")
    add_rescan = add("rescan", command_rescan, rows=True)
    add_rescan.add_argument("collection")
    add_rescan.add_argument("--rejects", metavar="CSV", help="write the list of rejected files to this file")
    add_remove = add("remove", command_remove)
    add_remove.add_argument("collection")
    add_remove.add_argument("--yes", action="store_true", help="do not ask")
    add("check", command_check).add_argument("collection", nargs="?", help="only this one (default: all)")
    add("samples", command_samples).add_argument("names", nargs="*", help="which (default: all)")
    add("encoders", command_encoders, rows=True)
    weights.weights_flags(add("weights", weights.command_weights, rows=True))
    vectors.vectors_flags(add("vectors", vectors.command_vectors, rows=True))
    training.train_flags(add("train", training.command_train, rows=True))
    add("runs", training.command_runs, rows=True)
    experiments.compare_flags(add("compare", experiments.command_compare))
    add_hashing = add("hashing", hashing.command_hashing)
    add_hashing.set_defaults(recipe_of=recipe_of)
    encoder_flags(add_hashing, required=False)
    hashing.hashing_flags(add_hashing)
    ray_flag(add_hashing)
    classify.classify_flags(add("classify", classify.command_classify))
    add_embed = add("embed", command_embed)
    encoder_flags(add_embed)
    ray_flag(add_embed)
    add("index", command_index).add_argument("recipe", help="collection/encoder@weights/embedding/metric/method/k")
    search_flags(add("search", command_search))
    for name, run, words in (
        ("group", grouping.command_group, grouping.group_flags),
        ("duplicates", duplicates.command_duplicates, duplicates.duplicates_flags),
        ("odd", duplicates.command_odd, duplicates.odd_flags),
    ):
        sub = add(name, run)
        sub.set_defaults(recipe_of=recipe_of)
        encoder_flags(sub)
        words(sub)
    add("jobs", command_jobs, rows=True)
    add("stop", command_stop).add_argument("job")
    add("work", command_work).add_argument("folder")
    return top
