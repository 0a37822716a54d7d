"""The command classify: classifiers of pictures and texts, measured, trained and applied."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from engine.classification import report
from engine.classification.classifiers import remove_classifier
from engine.classification.corruptions import USUAL
from engine.classification.fine_tuning import price
from engine.classification.plan import FUSIONS, ClassificationPlan
from engine.classification.results import Classification
from engine.classification.task import checked_labels, fine_tuned, items_of_a_plan
from engine.classification.training.config import FINE_TUNED, ClassifierConfig
from engine.cli.flags import OUTPUT, Commands, check_stored, former_flag, only, output_flags, refuse, stored_flags
from engine.cli.labels import print_predictions
from engine.cli.printing import (
    beside,
    check_files,
    confirmed,
    delete,
    further_files,
    measured_cells,
    print_comparison,
    print_results,
    print_rows,
    progress_line,
)
from engine.collections.label_spelling import spelling_notes
from engine.collections.reading.regular_files import read_bytes
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.tables import csv_text, text_table
from engine.encoders.pooling import POOLINGS
from engine.texts import choices as text_choices
from engine.workbench.workbench import Workbench

_LISTS = ("fusion", "labels", "conditions")
_OF_A_TRAINING = ("epochs", "batch", "rate", "missing", "patience", "fine_tune", "encoder_rate")
_TUNED_EPOCHS = 5  # each takes long, and few are enough for an encoder that knows much already
_HEADER = ["model", "condition", "folds", "accuracy", "±", "macro F1", "±", "ECE", "log loss", "s a fold"]


def register(commands: Commands) -> None:
    sub = commands.add("classify", command_classify, job="classification")
    _flags_of_what_is_classified(sub)
    _flags_of_training(sub)
    sub.add_argument("--title", help="the classification's title; its name is made from it")
    stored_flags(sub, "classification")
    _flags_of_classifiers(sub)
    output_flags(sub, further_files(report.EXPORTS))


def _flags_of_what_is_classified(sub: argparse.ArgumentParser) -> None:
    """Which items, and what a classifier sees of them."""
    sub.add_argument("--collection", help="a labelled collection with texts (with --apply: any)")
    sub.add_argument("--fusion", help=f"with commas: {','.join(FUSIONS)} (default: all)")
    sub.add_argument("--encoder", help="of pictures, as in mobilenet-v2 or model-4@default (default: the best)")
    poolings = f"{', '.join(POOLINGS)} (default: {ClassificationPlan.embedding})"
    sub.add_argument("--pooling", dest="embedding", metavar="POOLING", help=poolings)
    former_flag(sub, "--embedding", "embedding")
    texts = ", ".join(choice.name for choice in text_choices(Home.default()))
    sub.add_argument("--text", help=f"encoder of texts: {texts} (default: the best that is ready)")
    sub.add_argument("--labels", help="only these, with commas (default: all)")
    sub.add_argument("--label-column", help="take labels from this column of the table that the collection came from")
    sub.add_argument("--each", type=int, help="items per label, drawn at random (default: all)")
    sub.add_argument("--conditions", help='corrupted queries as well: usual, or as in "picture=blur-4,text=drop-50"')


def _flags_of_training(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--missing", type=float, help="share of pictures and texts left out in training (default: 0)")
    sub.add_argument("--rate", type=float, help=f"learning rate (default: {ClassifierConfig.rate:g})")
    tuned = "train these encoders too; takes many times longer (default: none)"
    sub.add_argument("--fine-tune", choices=FINE_TUNED, help=tuned)
    rate = f"--fine-tune: learning rate of the encoders (default: {ClassifierConfig.encoder_rate:g})"
    sub.add_argument("--encoder-rate", type=float, help=rate)
    patience = f"stop after this many epochs without improvement (default: {ClassifierConfig.patience}; 0: never)"
    for word, text in (
        ("folds", f"folds of the cross validation (default: {ClassificationPlan.folds})"),
        ("epochs", f"passes over the items (default: {ClassifierConfig.epochs}; with --fine-tune {_TUNED_EPOCHS})"),
        ("batch", f"batch size (default: {ClassifierConfig.batch})"),
        ("patience", patience),
        ("seed", f"random seed (default: {ClassificationPlan.seed})"),
    ):
        sub.add_argument(f"--{word}", type=int, help=text)


def _flags_of_classifiers(sub: argparse.ArgumentParser) -> None:
    """A classifier of all labelled items: kept, applied to a collection, or asked about one item."""
    kept = "then train this fusion on all labelled items and keep the classifier"
    sub.add_argument("--keep", metavar="FUSION", help=kept)
    sub.add_argument("--apply", metavar="CLASSIFIER", help="predict the labels of the unlabelled in a --collection")
    sub.add_argument("--all", action="store_true", help="--apply: of the labelled as well")
    sub.add_argument("--ask", metavar="CLASSIFIER", help="predict the label of --picture FILE and --words TEXT")
    sub.add_argument("--picture", metavar="FILE", help="--ask: a picture's file")
    sub.add_argument("--words", metavar="TEXT", help="--ask: a text")


def command_classify(arguments: argparse.Namespace) -> None:
    """Cross-validate classifiers by picture, by text and by both; keep one, apply it, try it."""
    _check_words(arguments)
    bench = Workbench()
    check_files(arguments)
    if arguments.list:
        _print_list(bench, arguments)
    elif arguments.delete:
        _delete(bench, arguments)
    elif arguments.ask:
        _ask(bench, arguments)
    elif arguments.apply:
        _apply(bench, arguments)
    else:
        _measure(bench, arguments)


def _check_words(arguments: argparse.Namespace) -> None:
    """DoesNotApply for words that would be ignored."""
    check_stored(arguments, "classification", shown=("keep",))
    if arguments.ask:
        only(arguments, ("ask", "picture", "words", *OUTPUT), "classify --ask", "it predicts one label")
    elif arguments.apply:
        words = ("apply", "collection", "all", *OUTPUT)
        only(arguments, words, "classify --apply", "it predicts labels with what was learned")
    refuse(arguments, () if arguments.apply else ("all",), "classify without --apply", "it is about predicted labels")
    refuse(arguments, () if arguments.ask else ("picture", "words"), "classify without --ask", "they are what is asked")
    if arguments.fine_tune in (None, "none"):
        refuse(arguments, ("encoder_rate",), "classify without --fine-tune", "no encoder learns")


def _measure(bench: Workbench, arguments: argparse.Namespace) -> None:
    found = _asked(bench, arguments)
    if not arguments.show:
        _warn_of_labels(bench, found.plan)
        _warn_of_the_time(bench, found)
        bench.run("classification", progress_line(), name=found.name)
    _print(found, arguments)
    if arguments.keep:
        done = bench.run("classifier", progress_line(), name=found.name, fusion=arguments.keep)
        words = f"--apply {done['classifier']} --collection {found.plan.collection}"
        kept = f"The classifier {done['classifier']} is kept. Use it: python -m engine classify {words}"
        print(kept, file=beside(arguments))


def _asked(bench: Workbench, arguments: argparse.Namespace) -> Classification:
    """The classification that is to be shown or gone on with, or a new one; BadParameter where both are meant."""
    name = arguments.show or arguments.resume
    if not name:
        return bench.plan_classification(_plan(bench, arguments))
    return bench.classification(name)


def _plan(bench: Workbench, arguments: argparse.Namespace) -> ClassificationPlan:
    if not arguments.collection:
        raise BadParameter("collection", "a classification", "given (or --show or --resume with a name)", "nothing")
    bench.collection(arguments.collection)
    picture, text = bench.default_encoders(arguments.collection)
    settings = {name: value for name in _OF_A_TRAINING if (value := getattr(arguments, name)) is not None}
    if settings.get("fine_tune", "none") != "none":
        settings.setdefault("epochs", _TUNED_EPOCHS)
    return ClassificationPlan(
        arguments.title or f"Classify {arguments.collection}",
        arguments.collection,
        arguments.encoder or picture,
        arguments.text or text,
        settings=settings,
        **{name: value for name, value in _choices(arguments).items() if value is not None},
    )


def _choices(arguments: argparse.Namespace) -> dict[str, Any]:
    """What a plan can be told besides its settings and its data, None where nothing is given."""
    lists = {name: _split(value) for name in _LISTS if (value := getattr(arguments, name)) is not None}
    if lists.get("conditions") == ("usual",):
        lists["conditions"] = USUAL
    return {
        "fusions": lists.get("fusion"),
        "labels": lists.get("labels"),
        "conditions": lists.get("conditions"),
        "embedding": arguments.embedding,
        "folds": arguments.folds,
        "each": arguments.each,
        "column": arguments.label_column,
        "seed": arguments.seed,
    }


def _warn_of_labels(bench: Workbench, plan: ClassificationPlan) -> None:
    labels = checked_labels(bench.collection(plan.collection), plan).values()
    for note in spelling_notes(Counter(labels)):
        print(note, file=sys.stderr)


def _warn_of_the_time(bench: Workbench, classification: Classification) -> None:
    """Say how long it takes where encoders learn, measured on this computer; nothing where all is measured."""
    plan = classification.plan
    if fine_tuned(plan) and sum(not row.error for row in classification.rows()) < len(plan.cells()):
        items = items_of_a_plan(bench.collection(plan.collection), plan)
        print(price(plan, items, bench.fine_tuning_speed(plan)).sentence(), file=sys.stderr)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _delete(bench: Workbench, arguments: argparse.Namespace) -> None:
    """Delete a classifier, or a classification without the classifiers that were kept from it."""
    name = arguments.delete
    if (bench.home.classifiers / Path(name).name / "run.json").exists():
        if confirmed(f"the classifier {name} with its predictions", arguments):
            remove_classifier(bench.home, name)
            print(f"Deleted {name}.")
    else:
        stored = Classification.unread(bench.home.classifications, name)
        delete(f"the classification {name}", stored.remove, arguments)


def _print_list(bench: Workbench, arguments: argparse.Namespace) -> None:
    jobs = bench.jobs()
    rows: list[list[Any]] = []
    for found in bench.classifications():
        rows.append(["classification", found.name, found.state(jobs), measured_cells(found), found.plan.collection])
    for run in bench.classifiers():
        card = run.card
        rows.append(["classifier", run.name, run.state, f"{len(card['classes'])} classes", card["collection"]["name"]])
    print_rows(["kind", "name", "state", "measured", "collection"], rows, arguments)


def _print(classification: Classification, arguments: argparse.Namespace) -> None:
    print_comparison(classification, report.EXPORTS, arguments, lambda: _table(classification))


def _table(classification: Classification) -> str:
    failed = [f"{row.title}, fold {row.fold + 1}: {row.error}" for row in classification.rows() if row.error]
    lines = [[one.title, one.condition.title, *one.figures] for one in classification.table()]
    return "\n\n".join(
        filter(None, [text_table(_HEADER, lines), "\n".join(failed), f"Classification: {classification.name}"])
    )


def _apply(bench: Workbench, arguments: argparse.Namespace) -> None:
    """Predict labels with a classifier: a table of the least confident, all of them as CSV or JSON."""
    if not arguments.collection:
        raise BadParameter("collection", "--apply", "given", "nothing")
    words = {"name": arguments.apply, "collection": arguments.collection, "every": arguments.all}
    bench.run("apply", progress_line(), **words)
    found = bench.predictions(arguments.apply, arguments.collection)
    assert found is not None
    print_predictions(found, arguments)


def _ask(bench: Workbench, arguments: argparse.Namespace) -> None:
    """What a classifier predicts for one picture, one text, or both."""
    data = read_bytes(Path(arguments.picture).expanduser().resolve()) if arguments.picture else None
    predicted = bench.judge(bench.classifier(arguments.ask), data, arguments.words)
    header = ["from", "label", "confidence"]
    rows = [[side, *pair] for side in ("fused", "picture", "text") for pair in predicted[side] or ()]
    words = ", ".join(f"{word} {share:.2f}" for word, share in predicted["words"] or ())
    print_results(
        arguments,
        table=lambda: text_table(header, rows) + (f"\n\nAttention: {words}" if words else ""),
        data=lambda: predicted,
        csv=lambda: csv_text(header, rows),
    )
