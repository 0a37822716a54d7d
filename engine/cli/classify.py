"""The command about classes: classify."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from engine.classification import report
from engine.classification.corruptions import USUAL
from engine.classification.fine_tuning import price
from engine.classification.plan import ClassificationPlan
from engine.classification.results import Classification
from engine.classification.task import fine_tuned, items_of_a_plan
from engine.cli.printing import csv_file, html_file, print_rows, progress_line, write_csv, write_html
from engine.collections.reading.safely import read_bytes
from engine.core.errors import BadParameter
from engine.core.tables import text_table
from engine.workbench.workbench import Workbench

_LISTS = ("fusion", "labels", "conditions")
_OF_A_PLAN = (*_LISTS, "encoder", "embedding", "text", "folds", "each", "label_column", "seed", "title")
_OF_A_TRAINING = ("epochs", "batch", "rate", "missing", "patience", "fine_tune", "encoder_rate")
_TUNED_EPOCHS = 5  # each takes long, and few are enough for an encoder that knows much already
_HEADER = ["model", "condition", "folds", "accuracy", "±", "macro F1", "±", "ECE", "log loss", "s a fold"]


def command_classify(arguments: argparse.Namespace) -> None:
    """Tell classes by picture, by text and by both, in a cross validation; keep a classifier, apply it, ask it."""
    bench = Workbench()
    if arguments.csv:
        csv_file(arguments.csv)
    if arguments.html:
        html_file(arguments.html)
    if arguments.list:
        _print_list(bench, arguments.json)
    elif arguments.ask:
        _ask(bench, arguments)
    elif arguments.apply:
        _apply(bench, arguments)
    else:
        _measure(bench, arguments)


def _measure(bench: Workbench, arguments: argparse.Namespace) -> None:
    found = _asked(bench, arguments)
    if not arguments.show:
        _warn_of_the_time(bench, found)
        bench.run("classification", progress_line(), name=found.name)
    _print(found, arguments)
    if arguments.keep:
        done = bench.run("classifier", progress_line(), name=found.name, fusion=arguments.keep)
        words = f"--apply {done['classifier']} --collection {found.plan.collection}"
        print(f"The classifier {done['classifier']} is kept. Use it: python -m engine classify {words}")


def _asked(bench: Workbench, arguments: argparse.Namespace) -> Classification:
    """The classification that is to be shown or gone on with, or a new one; BadParameter where both are meant."""
    name = arguments.show or arguments.resume
    if not name:
        return bench.plan_classification(_plan(bench, arguments))
    given = [word for word in (*_OF_A_PLAN, *_OF_A_TRAINING, "collection") if getattr(arguments, word) is not None]
    if given:
        wanted = "given alone: a classification keeps the plan it began with"
        raise BadParameter("name", "a classification", wanted, f"--{given[0].replace('_', '-')}")
    return bench.classification(name)


def _plan(bench: Workbench, arguments: argparse.Namespace) -> ClassificationPlan:
    if not arguments.collection:
        raise BadParameter("collection", "a classification", "given (or --show or --resume with a name)", "nothing")
    bench.collection(arguments.collection)
    picture, text = bench.default_encoders(arguments.collection)
    lists = {name: _split(value) for name in _LISTS if (value := getattr(arguments, name)) is not None}
    if lists.get("conditions") == ("usual",):
        lists["conditions"] = USUAL
    given: dict[str, Any] = {
        "fusions": lists.get("fusion"),
        "labels": lists.get("labels"),
        "conditions": lists.get("conditions"),
    }
    given |= {"embedding": arguments.embedding, "folds": arguments.folds, "each": arguments.each}
    given |= {"column": arguments.label_column, "seed": arguments.seed}
    settings = {name: value for name in _OF_A_TRAINING if (value := getattr(arguments, name)) is not None}
    if settings.get("fine_tune", "none") != "none":
        settings.setdefault("epochs", _TUNED_EPOCHS)
    return ClassificationPlan(
        arguments.title or f"Classify {arguments.collection}",
        arguments.collection,
        arguments.encoder or picture,
        arguments.text or text,
        settings=settings,
        **{name: value for name, value in given.items() if value is not None},
    )


def _warn_of_the_time(bench: Workbench, found: Classification) -> None:
    """Say how long it takes where encoders learn, measured on this computer; nothing where all is measured."""
    plan = found.plan
    if fine_tuned(plan) and sum(not row.error for row in found.rows()) < len(plan.cells()):
        things = items_of_a_plan(bench.collection(plan.collection), plan)
        print(price(plan, things, bench.fine_tuning_speed(plan)).sentence(), file=sys.stderr)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _print_list(bench: Workbench, as_json: bool) -> None:
    jobs = bench.jobs()
    rows: list[list[Any]] = []
    for found in bench.classifications():
        cells = f"{sum(not row.error for row in found.rows())} of {len(found.plan.cells())}"
        rows.append(["classification", found.name, found.state(jobs), cells, found.plan.collection])
    for run in bench.classifiers():
        card = run.card
        rows.append(["classifier", run.name, run.state, f"{len(card['classes'])} classes", card["collection"]["name"]])
    print_rows(["kind", "name", "state", "measured", "collection"], rows, as_json)


def _print(found: Classification, arguments: argparse.Namespace) -> None:
    table = found.table()
    failed = [f"{row.title}, fold {row.fold + 1}: {row.error}" for row in found.rows() if row.error]
    if arguments.csv:
        write_csv(arguments.csv, report.to_csv(found))
    elif arguments.html:
        write_html(arguments.html, report.to_html(found))
    elif arguments.json:
        rows = [row.as_dict() for row in found.rows()]
        body = {"name": found.name, "plan": found.plan.as_dict(), "rows": rows}
        print(json.dumps(body, ensure_ascii=False, indent=2))
    else:
        lines = [[one.title, one.condition.title, *one.figures] for one in table]
        print(
            "\n\n".join(filter(None, [text_table(_HEADER, lines), "\n".join(failed), f"Classification: {found.name}"]))
        )


def _apply(bench: Workbench, arguments: argparse.Namespace) -> None:
    """Let a classifier name what has no label; a table of the least sure, all of them as CSV or JSON."""
    from dataclasses import asdict

    if not arguments.collection:
        raise BadParameter("collection", "--apply", "given", "nothing")
    words = {"name": arguments.apply, "collection": arguments.collection, "every": arguments.all}
    bench.run("apply", progress_line(), **words)
    found = bench.guesses(arguments.apply, arguments.collection)
    assert found is not None
    if arguments.csv:
        write_csv(arguments.csv, found.to_csv())
    elif arguments.json:
        print(json.dumps([asdict(one) for one in found.guesses], ensure_ascii=False, indent=2))
    else:
        shown = [[one.id, one.name, one.label, one.said, one.sure] for one in found.guesses[:20]]
        print(text_table(["id", "image", "label now", "said", "probability"], shown))
        print(f"\n{len(found.guesses):,} in all, the least sure first; --csv FILE writes them.")


def _ask(bench: Workbench, arguments: argparse.Namespace) -> None:
    """What a classifier says of one picture, one text, or both."""
    data = read_bytes(Path(arguments.picture).expanduser()) if arguments.picture else None
    said = bench.judge(bench.classifier(arguments.ask), data, arguments.words)
    if arguments.json:
        print(json.dumps(said, ensure_ascii=False, indent=2))
        return
    rows = [[side, *pair] for side in ("fused", "picture", "text") for pair in said[side] or ()]
    print(text_table(["says", "class", "probability"], rows))
    if said["words"]:
        print("\nLooked at: " + ", ".join(f"{word} {share:.2f}" for word, share in said["words"]))


def classify_flags(sub: argparse.ArgumentParser) -> None:
    """The words of `classify`."""
    sub.add_argument("--collection", help="a labelled collection with texts (with --apply: any)")
    sub.add_argument("--fusion", help="picture, text, early, intermediate, late, with commas (default: all)")
    sub.add_argument("--encoder", help="of pictures, as in a recipe: mobilenet-v2, model-4@default (default: the best)")
    sub.add_argument("--embedding", help="flatten, max, avg, gem (default: avg)")
    sub.add_argument("--text", help="of texts: tf-idf, all-minilm-l6-v2, bert-base-uncased, sentence-transformers/NAME")
    sub.add_argument("--labels", help="only these, with commas (default: all)")
    sub.add_argument("--label-column", help="classes from this column of the table that the collection came from")
    sub.add_argument("--each", type=int, help="draw so many things of every label (default: all)")
    sub.add_argument("--conditions", help='what else is asked: usual, or as in "picture=blur-4,text=drop-50"')
    sub.add_argument("--missing", type=float, help="leave so many pictures and texts out while learning (default: 0)")
    sub.add_argument("--rate", type=float, help="learning rate (default: 0.001)")
    sub.add_argument(
        "--fine-tune",
        choices=["none", "picture", "text", "both"],
        help="train these encoders too; takes many times longer (default: none)",
    )
    sub.add_argument("--encoder-rate", type=float, help="--fine-tune: learning rate of the encoders (default: 0.00003)")
    for word, text in (
        ("folds", "of the cross validation (default: 5)"),
        ("epochs", "how many times over the things (default: 30; with --fine-tune 5)"),
        ("batch", "things a step (default: 32)"),
        ("patience", "stop after so many epochs without a better one (default: 8; 0: never)"),
        ("seed", "start of the random numbers (default: 0)"),
    ):
        sub.add_argument(f"--{word}", type=int, help=text)
    sub.add_argument("--title", help="the classification's title; its name is made from it")
    sub.add_argument("--list", action="store_true", help="list classifications and classifiers")
    sub.add_argument("--show", metavar="NAME", help="print what is measured")
    sub.add_argument("--resume", metavar="NAME", help="go on with it")
    sub.add_argument("--keep", metavar="FUSION", help="then train this one on all labelled things and keep it")
    sub.add_argument("--apply", metavar="CLASSIFIER", help="name the class of what has no label in a --collection")
    sub.add_argument("--all", action="store_true", help="--apply: of what has a label as well")
    sub.add_argument("--ask", metavar="CLASSIFIER", help="say what --picture FILE and --words TEXT are")
    sub.add_argument("--picture", metavar="FILE", help="--ask: a picture's file")
    sub.add_argument("--words", metavar="TEXT", help="--ask: a text")
    output = sub.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON")
    output.add_argument("--csv", metavar="FILE", help="write CSV to this file")
    output.add_argument("--html", metavar="FILE", help="write the results as one page of HTML")
