"""The command labels: suggest labels without training, write predicted labels to a collection, and undo that."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from engine.classification.predictions import SUGGESTED, StoredPredictions
from engine.classification.review import decide, review, write_decided
from engine.cli.flags import OUTPUT, Commands, only, output_flags
from engine.cli.printing import check_files, print_results, progress_line
from engine.collections.labelling import undo_labels
from engine.core.errors import BadParameter, NotFound
from engine.core.humanize import count_of
from engine.core.tables import text_table
from engine.workbench.workbench import Workbench

SHOWN = 20  # predictions that a terminal shows
_HEADER = ["id", "picture", "label now", "predicted", "confidence"]


def register(commands: Commands) -> None:
    sub = commands.add("labels", command_labels, job="suggest")
    sub.add_argument("--collection", required=True)
    which = sub.add_mutually_exclusive_group(required=True)
    which.add_argument("--suggest", action="store_true", help="suggest labels for the unlabelled pictures")
    which.add_argument(
        "--write",
        metavar="CONFIDENCE",
        type=float,
        help="write predictions of at least this confidence (0 to 1)",
    )
    which.add_argument("--undo", action="store_true", help="undo the labels that were written last")
    sub.add_argument("--among", help="--suggest: labels to choose from, with commas (default: 1,000 classes)")
    sub.add_argument("--all", action="store_true", help="--suggest: for the labelled as well")
    sub.add_argument("--of", metavar="CLASSIFIER", help="--write: the predictions of this classifier, not suggestions")
    output_flags(sub)


def command_labels(arguments: argparse.Namespace) -> None:
    """Suggest labels from what pictures show, write predicted labels to a collection, or undo that."""
    bench = Workbench()
    check_files(arguments)
    if arguments.suggest:
        only(arguments, ("collection", "suggest", "among", "all", *OUTPUT), "labels --suggest", "it writes no labels")
        _suggest(bench, arguments)
    elif arguments.undo:
        only(arguments, ("collection", "undo"), "labels --undo", "it undoes all labels written last")
        print(f"{count_of(undo_labels(bench.collection(arguments.collection)), 'label')} undone.")
    else:
        only(arguments, ("collection", "write", "of"), "labels --write", "it writes what is predicted already")
        _write(bench, arguments)


def print_predictions(stored: StoredPredictions, arguments: argparse.Namespace) -> None:
    """A table of the least confident predictions; all of them as CSV or JSON."""
    predictions = stored.predictions
    shown = [[one.id, one.name, one.label, one.predicted, one.confidence] for one in predictions[:SHOWN]]
    more = f"{len(predictions):,} in all, the least confident first; --csv FILE writes them."
    print_results(
        arguments,
        table=lambda: text_table(_HEADER, shown) + "\n\n" + more,
        data=lambda: [asdict(one) for one in predictions],
        csv=stored.to_csv,
    )


def _suggest(bench: Workbench, arguments: argparse.Namespace) -> None:
    among = [word.strip() for word in (arguments.among or "").split(",") if word.strip()]
    words = {"collection": arguments.collection, "every": arguments.all, "among": among}
    bench.run("suggest", progress_line(), **words)
    found = bench.predictions(SUGGESTED, arguments.collection)
    assert found is not None
    print_predictions(found, arguments)


def _write(bench: Workbench, arguments: argparse.Namespace) -> None:
    """Accept undecided predictions of at least a confidence, then write all decided ones."""
    least, name = arguments.write, arguments.of or SUGGESTED
    if not 0 <= least <= 1:
        raise BadParameter("confidence", "--write", "from 0 to 1", least)
    found = review(bench.home, name, bench.collection(arguments.collection).name)
    if found is None:
        raise NotFound(f"Nothing has been predicted for {arguments.collection!r}.", way_out="First: labels --suggest")
    accepted = {one.id: one.predicted for one in found.undecided if one.confidence >= least}
    decide(bench.home, name, arguments.collection, accepted)
    changed = write_decided(bench.home, name, arguments.collection)
    undo = f"python -m engine labels --collection {arguments.collection} --undo"
    print(f"{count_of(changed, 'label')} written. Undo: {undo}")
