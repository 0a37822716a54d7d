"""The commands about training: train, runs."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from engine.cli.printing import print_rows, progress_line
from engine.core.errors import BadParameter, Stopped
from engine.core.progress import Progress
from engine.workbench.workbench import Workbench

_NOT_SETTINGS = {"run", "command", "collection", "json", "resume", "option"}


def command_train(arguments: argparse.Namespace) -> None:
    """Train one of the four models or a ready-made network on a collection, or go on with a run that was cut off."""
    hear = _print_event if arguments.json else _epoch_line if sys.stdout.isatty() else None
    with _stopping_gently(progress_line()) as listen:
        done = Workbench().run("train", listen, hear, **_asked(arguments))
    print(json.dumps({"kind": "done", **done} if arguments.json else done))


def _asked(arguments: argparse.Namespace) -> dict[str, Any]:
    """The arguments of the work `train`; BadParameter where both or neither of a new and an old run are meant."""
    given = {k: v for k, v in vars(arguments).items() if v is not None and v is not False and k not in _NOT_SETTINGS}
    if arguments.resume:
        more = sorted(set(given) - {"epochs"}) + (["collection"] if arguments.collection else [])
        if more:
            wanted = "given with --epochs only: a run keeps the settings it began with"
            raise BadParameter("run", "--resume", wanted, f"--{more[0]}")
        return {"run": arguments.resume, "epochs": arguments.epochs}
    if not arguments.collection or not (arguments.model or arguments.network):
        wanted = "given (or a network instead of a model), or --resume with a run's name"
        raise BadParameter("collection and model", "a training", wanted, "neither")
    if arguments.option:
        given["options"] = dict(map(_option, arguments.option))
    return {"collection": arguments.collection, "config": given}


def _option(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise BadParameter("option", "the schedule", "written as name=number, such as t_0=5", text) from None


@contextmanager
def _stopping_gently(
    listen: Callable[[Progress], None] | None,
) -> Iterator[Callable[[Progress], None]]:
    """A listener through which Ctrl-C stops after the batch that is being worked on, so that nothing of it is lost."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:  # the second time at once
            raise KeyboardInterrupt
        asked = True

    def gently(progress: Progress) -> None:
        if listen:
            listen(progress)
        if asked:
            raise Stopped

    former = signal.signal(signal.SIGINT, ask)
    try:
        yield gently
    finally:
        signal.signal(signal.SIGINT, former)


def _print_event(event: dict[str, Any]) -> None:
    print(json.dumps(event, ensure_ascii=False), flush=True)


def _epoch_line(event: dict[str, Any]) -> None:
    words = [f"epoch {event['epoch']}"]
    named = {"train": "loss", "validation": "validation", "retrieval": "retrieval", "nmi": "NMI with the epoch before",
             "label_nmi": "with the labels"}  # fmt: skip
    for key, title in named.items():
        if event.get(key) is not None:
            words.append(f"{title} {event[key]:{'.5f' if key in ('train', 'validation') else '.3f'}}")
    print("\r\x1b[K" + " · ".join(words) + (" · best so far" if event.get("best") else ""), flush=True)


def command_runs(arguments: argparse.Namespace) -> None:
    """List the training runs, newest first."""
    rows = []
    for run in Workbench().runs():
        card = run.card
        collection = card.get("collection", {}).get("name", "")
        loss, retrieval = card.get("validation_loss"), card.get("retrieval")
        epochs = f"{run.epochs_done} of {run.config.get('epochs', '?')}"
        rows.append([run.name, run.state, run.encoder, collection, epochs, loss, retrieval])
    print_rows(["run", "state", "model", "collection", "epochs", "loss", "retrieval"], rows, arguments.json)


def train_flags(sub: argparse.ArgumentParser) -> None:
    """The words of `train`: the settings of TrainingConfig, under the same names."""
    sub.add_argument("--collection", help="the collection to learn from")
    sub.add_argument("--model", type=int, help="1, 2, 3 or 4")
    sub.add_argument("--objective", help="autoencoding, or deepcluster: tell its own groups apart (default: the first)")
    sub.add_argument("--network", help="deepcluster: a ready-made network instead of a model, e.g. resnet-18")
    sub.add_argument("--start", help="deepcluster: begin with random or pretrained weights (default: random)")
    sub.add_argument("--clusters", type=int, help="deepcluster: how many groups it makes of the pictures (default: 24)")
    sub.add_argument("--resume", metavar="RUN", help="go on with this run; with --epochs train so many in all")
    sub.add_argument("--name", help="the run's name (default: made from model and collection)")
    sub.add_argument("--loss", help="mse, ssim or mix (default: mse)")
    sub.add_argument("--schedule", help="none, cosine, warm-restarts, plateau or one-cycle (default: none)")
    sub.add_argument("--option", action="append", metavar="NAME=NUMBER", help="a number of the schedule, e.g. t_0=5")
    sub.add_argument(
        "--keep", help="keep the best loss, the best retrieval or the last (default: loss; deepcluster: last)"
    )
    for switch, text in (("flip", "mirror half of the images"), ("crop", "cut a part out of each image"),
                         ("colour", "vary brightness, contrast and saturation")):  # fmt: skip
        sub.add_argument(f"--{switch}", action="store_true", help=text)
    for word, kind, text in (
        ("rate", float, "learning rate (default: 0.001)"),
        ("batch", int, "images a step (default: 32)"),
        ("epochs", int, "how many times over the images (default: 40)"),
        ("size", int, "pixels a side (default: 224; 160 is about twice as fast)"),
        ("seed", int, "start of the random numbers (default: 0)"),
        ("limit", int, "use at most so many images"),
        ("validation", float, "share of the images kept to measure the loss on (default: 0.1)"),
        ("noise", float, "deviation of the noise on the input (default: 0)"),
        ("contrast", float, "weight of recognising altered views of a picture (default: 0, a plain autoencoder)"),
        ("views", int, "pixels a side of these views (default: the input size)"),
        ("patience", int, "stop after so many epochs without a better one (default: 0, never)"),
        ("probe", int, "images that retrieval is measured with after each epoch (default: 256; 0: none)"),
    ):
        sub.add_argument(f"--{word}", type=kind, help=text)
