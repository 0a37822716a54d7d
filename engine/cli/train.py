"""The commands about training: train, runs."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from engine.cli.flags import Commands, only, output_flags, refuse, stored_flags
from engine.cli.printing import check_files, confirmed, delete, json_text, print_rows, progress_line
from engine.core.device import PRECISIONS
from engine.core.errors import BadParameter, Stopped
from engine.core.humanize import count_of, file_size
from engine.core.progress import Progress
from engine.encoders.portable import export_encoder
from engine.runs.listing import check_free
from engine.runs.run import Run
from engine.runs.state import free, free_all, state_bytes
from engine.training.compared import MOST, ComparedRuns
from engine.training.config import (
    FINE_TUNING,
    OBJECTIVES,
    ORIGINAL_STUDY,
    STARTS,
    TrainingConfig,
    loss_title,
    with_defaults,
)
from engine.training.judged import Judged
from engine.training.losses import LOSSES
from engine.training.rate_finder import worth_trying
from engine.training.schedules import SCHEDULES
from engine.training.seeds import figures_over_seeds, several
from engine.training.stepping import OPTIMIZERS
from engine.training.view_losses import view_losses
from engine.workbench.workbench import Workbench
from models.specs import SPECS

_SETTINGS = set(TrainingConfig.__dataclass_fields__) - {"options", "settings"}
_KINDS = view_losses()
_OF_VIEWS = "; ".join(f"{name}: {kind.title}" + ", learns labels" * kind.learns_labels for name, kind in _KINDS.items())
_OBJECTIVES = f"from views of the pictures: {_OF_VIEWS}. autoencoding: reconstruct; deepcluster: cluster pseudo-labels"
_NO_NUMBER = {"limit": "all", "views": "the image size"}
_DEFAULTS = {objective: with_defaults({"objective": objective}) for objective in OBJECTIVES}

_SWITCHES = {
    "flip": "mirror half of the pictures",
    "crop": "crop each picture at random",
    "colour": "vary brightness, contrast and saturation",
    "keep-state": "keep the optimizer's state, to continue the finished run exactly",
}
_NUMBERS: dict[str, tuple[type, str]] = {
    "rate": (float, "learning rate"),
    "batch": (int, "batch size"),
    "epochs": (int, "passes over the pictures"),
    "size": (int, "image size in pixels"),
    "seed": (int, "random seed"),
    "limit": (int, "max. pictures"),
    "validation": (float, "validation share"),
    "noise": (float, "standard deviation of the noise on the input"),
    "contrast": (float, "weight of the contrastive loss (SimCLR, NT-Xent); 0 only reconstructs"),
    "views": (int, "size of the augmented views in pixels"),
    "temperature": (float, "temperature of the contrastive loss"),
    "surroundings": (float, "share of views (autoencoding, deepcluster) with another picture's surroundings"),
    "crops": (int, "small views beside the two full ones (multi-crop)"),
    "weight-decay": (float, "weight decay"),
    "momentum": (float, "momentum of sgd and rmsprop"),
    "warmup": (float, "epochs in which the learning rate rises to that of the schedule"),
    "clip": (float, "clip the gradient to this norm, 0: never"),
    "patience": (int, "early-stopping patience in epochs, 0: never"),
    "probe": (int, "pictures that retrieval is measured with after each epoch, 0: none"),
}


def register(commands: Commands) -> None:
    _train_flags(commands.add("train", command_train, job="train"))
    sub = commands.add("runs", command_runs)
    which = stored_flags(sub, "run", resume=False)
    free = "delete the training state of this run, or of all finished runs; weights and curves are kept"
    compared = f"compare 2 to {MOST} runs on one collection: settings that differ, precision@8, paired tests"
    which.add_argument("--compare", metavar="NAME", nargs="+", help=compared)
    exported = "export a run's encoder for other programs, as .onnx or .safetensors"
    which.add_argument("--export", metavar=("NAME", "FILE"), nargs=2, help=exported)
    sub.add_argument("--replace", action="store_true", help="with --export: replace files of these names")
    which.add_argument("--free", metavar="NAME", nargs="?", const="", help=free)
    output_flags(sub)


def _train_flags(sub: argparse.ArgumentParser) -> None:
    """The settings of TrainingConfig, under the same names."""
    _flags_of_what_learns(sub)
    _flags_of_the_loss(sub)
    for switch, text in _SWITCHES.items():
        sub.add_argument(f"--{switch}", action="store_true", help=text)
    for name, (kind, text) in _NUMBERS.items():
        sub.add_argument(f"--{name}", type=kind, help=f"{text} (default: {_default(name)})")
    sub.add_argument("--seeds", type=int, help="train this many times, each with the next seed (default: 1)")
    tried = "learning-rate range test: about sixty steps at rising rates, instead of training"
    sub.add_argument("--find-rate", action="store_true", help=tried)
    sub.add_argument("--json", action="store_true", help="print one JSON object per epoch")
    epochs, size = ORIGINAL_STUDY["epochs"], ORIGINAL_STUDY["size"]
    study = f"Settings of the original study: --epochs {epochs} --size {size} --contrast 0"
    sub.epilog = f"{study}. To improve {FINE_TUNING['network']} on these pictures: --start pretrained"


def _flags_of_what_learns(sub: argparse.ArgumentParser) -> None:
    """Which pictures, which network, and under which name."""
    sub.add_argument("--collection", help="the collection to train on")
    sub.add_argument("--model", type=int, help=f"{', '.join(map(str, SPECS))} (default: {TrainingConfig.model})")
    sub.add_argument("--objective", help=f"{_OBJECTIVES} (default: {OBJECTIVES[0]}; autoencoding with --model)")
    small, other = (_DEFAULTS[objective]["network"] for objective in (OBJECTIVES[0], "deepcluster"))
    sub.add_argument("--network", help=f"network instead of a model (default: {small}; deepcluster: {other})")
    sub.add_argument("--start", help=f"of a ready-made network: {' or '.join(STARTS)} weights (default: {STARTS[0]})")
    clusters = f"deepcluster: number of clusters (default: {TrainingConfig.clusters})"
    sub.add_argument("--clusters", type=int, help=clusters)
    sub.add_argument("--resume", metavar="NAME", help="continue this run; with --epochs: train it for this many in all")
    sub.add_argument("--name", help="the run's name (default: made from model and collection)")


def _flags_of_the_loss(sub: argparse.ArgumentParser) -> None:
    """What is minimised, by which steps, and which weights are kept."""
    sub.add_argument("--loss", help=f"{', '.join(LOSSES)} (default: {TrainingConfig.loss})")
    schedules = f"{', '.join(SCHEDULES)} (default: {_default('schedule')})"
    sub.add_argument("--schedule", help=f"learning-rate schedule: {schedules}")
    options = "; ".join(f"{name}: {', '.join(o.name for o in s.options)}" for name, s in SCHEDULES.items() if s.options)
    sub.add_argument("--option", action="append", metavar="NAME=NUMBER", help=f"setting of the schedule ({options})")
    kinds = {name: kind.settings for name, kind in _KINDS.items() if kind.settings}
    own = "; ".join(f"{name}: {', '.join(one.name for one in settings)}" for name, settings in kinds.items())
    sub.add_argument("--setting", action="append", metavar="NAME=VALUE", help=f"setting of the objective ({own})")
    kept = "best checkpoint by loss, retrieval or recognition (altered copy found), or the last (default: loss; "
    kept += "from views: recognition; from labels: retrieval; deepcluster: last)"
    sub.add_argument("--keep", help=kept)
    sub.add_argument("--optimizer", help=f"{', '.join(OPTIMIZERS)} (default: {TrainingConfig.optimizer})")
    precisions = " or ".join(PRECISIONS)
    sub.add_argument("--precision", help=f"of the network's products, {precisions} (default: what suits the computer)")


def _default(name: str) -> str:
    """The default of a setting as the help says it, by objective where they differ."""
    name = name.replace("-", "_")
    usual = getattr(TrainingConfig, name)
    values = {objective: _value_text(name, config.get(name, usual)) for objective, config in _DEFAULTS.items()}
    if len(set(values.values())) == 1 or name == "contrast":
        return values["autoencoding"]
    of_views = [{values[one] for one in _KINDS if _KINDS[one].learns_labels == learned} for learned in (False, True)]
    if all(len(found) == 1 for found in of_views):
        first, second = (found.pop() for found in of_views)
        short = {"from views": first, "from labels": second} if first != second else {"from views": first}
        values = {**short, **{name: value for name, value in values.items() if name not in _KINDS}}
    return ", ".join(f"{objective} {value}" for objective, value in values.items())


def _value_text(name: str, value: Any) -> str:
    return _NO_NUMBER[name] if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def command_train(arguments: argparse.Namespace) -> None:
    """Train a model or a ready-made network on a collection, or continue an interrupted run."""
    asked = _asked(arguments)
    if arguments.find_rate:
        return _print_rates(asked, arguments)
    hear = _print_event if arguments.json else _epoch_line if sys.stdout.isatty() else None
    if "run" in asked:
        _warn_of_lost_state(Workbench().training_run(asked["run"]), asked["epochs"])
    each = _each_seed(asked, arguments)
    if "config" in asked:
        print(Workbench().training_disk(asked["collection"], asked["config"]).sentence(), file=sys.stderr)
    trained = []
    for one in each:
        with _stopping_gently(progress_line()) as listen:
            done = Workbench().run("train", listen, hear, **one)
        run = Workbench().training_run(done["run"])
        print(json.dumps({"kind": "done", **done}) if arguments.json else _trained(run), flush=True)
        trained.append(done["run"])
    if len(trained) > 1:
        _print_seeds([Workbench().training_run(name) for name in trained], arguments)


def _trained(run: Run) -> str:
    kept = run.card.get("best_epoch")
    which = "no epoch was better than the weights it began with" if kept == 0 else f"with the weights of epoch {kept}"
    return f"Trained: {run.name}, {which}. Search with --encoder {run.encoder} --weights {run.name}."


def _each_seed(asked: dict[str, Any], arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The arguments of each training: one, or one for each seed; NameTaken before any of them has begun."""
    if arguments.seeds is None:
        return [asked]
    configs = several(asked["config"], arguments.seeds)
    for name in filter(None, (config.get("name") for config in configs)):
        check_free(Workbench().home, name)
    return [{**asked, "config": config} for config in configs]


def _print_seeds(trained: list[Run], arguments: argparse.Namespace) -> None:
    """What the kept weights of the runs reach, as mean ± standard deviation over the seeds."""
    found = figures_over_seeds(trained)
    if arguments.json:
        return _print_event({"kind": "seeds", "seeds": len(trained), **found})
    for name, (mean, deviation) in found.items():
        print(f"{name} {mean:.3f} ± {deviation:.3f} over {len(trained)} seeds")


def _print_rates(asked: dict[str, Any], arguments: argparse.Namespace) -> None:
    """The losses at rising learning rates, and the rate at which they fell fastest."""
    refuse(arguments, ("seeds",), "train --find-rate", "the rates are tried with one seed")
    with _stopping_gently(progress_line()) as listen:
        found = Workbench().run("rate", listen, **asked)
    if arguments.json:
        return _print_event({"kind": "rates", **found})
    for rate, loss in zip(found["rates"], found["smoothed"], strict=True):
        print(f"{rate:.2e}  {loss:.5f}")
    best, lowest = found["suggested"], found["lowest"]
    falls = f"The loss falls fastest at --rate {best:g}" if best else "The loss falls at none of the rates tried"
    print(f"{falls}; it is lowest at {lowest:g}." if lowest else f"{falls}.")
    if best and lowest:
        low, high = worth_trying(best, lowest)
        print(f"Each step sees other pictures, so this is a hint: try rates from {low:g} to {high:g}.")


def _warn_of_lost_state(run: Run, epochs: int | None) -> None:
    """Warn that a finished run cannot be continued exactly, as its state was not kept; not if it will be refused."""
    more = (epochs or 0) > run.epochs_done
    if more and run.ready and run.state == "done" and not state_bytes(run):
        kept = f"its kept weights (epoch {run.card.get('best_epoch', run.epochs_done)})"
        print(f"{run.title} continues from {kept} with a fresh optimizer: its state was not kept.", file=sys.stderr)


def _asked(arguments: argparse.Namespace) -> dict[str, Any]:
    """The arguments of the job `train`; BadParameter unless exactly one of a new and an old run is meant."""
    if arguments.resume:
        words = ("resume", "epochs", "json")
        only(arguments, words, "train --resume", "a run keeps the settings it began with")
        return {"run": arguments.resume, "epochs": arguments.epochs}
    given = {k: v for k, v in vars(arguments).items() if v is not None and v is not False and k in _SETTINGS}
    if arguments.option:
        given["options"] = dict(map(_option, arguments.option))
    if arguments.setting:
        given["settings"] = dict(map(_setting, arguments.setting))
    if not arguments.collection:
        raise BadParameter("collection", "a training", "given, or --resume with a run's name", "neither")
    pictures = len(Workbench().collection(arguments.collection))
    return {"collection": arguments.collection, "config": with_defaults(given, pictures)}


def _option(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise BadParameter("option", "the schedule", "written as name=number, such as t_0=5", text) from None


def _setting(text: str) -> tuple[str, float | str]:
    """A setting of the objective: a number, or the name of a choice."""
    name, _, value = text.partition("=")
    with suppress(ValueError):
        return name, float(value)
    return name, value


@contextmanager
def _stopping_gently(listen: Callable[[Progress], None] | None) -> Iterator[Callable[[Progress], None]]:
    """A progress listener that lets Ctrl-C stop the training after the current batch; a second Ctrl-C stops at once."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
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
    print(json_text(event, indent=None), flush=True)


def _epoch_line(event: dict[str, Any]) -> None:
    words = [f"epoch {event['epoch']}"]
    named = {"train": "loss", "validation": "validation", "retrieval": "retrieval", "nmi": "NMI with the epoch before",
             "label_nmi": "with the labels"}  # fmt: skip
    for key, title in named.items():
        if event.get(key) is not None:
            words.append(f"{title} {event[key]:{'.5f' if key in ('train', 'validation') else '.3f'}}")
    print("\r\x1b[K" + " · ".join(words) + (" · best so far" if event.get("best") else ""), flush=True)


def command_runs(arguments: argparse.Namespace) -> None:
    """List the training runs, newest first, or the epochs of one."""
    _check_words(arguments)
    check_files(arguments)
    if arguments.export:
        return _export(*arguments.export, replace=arguments.replace)
    if arguments.compare:
        return _print_compared(Workbench().compare_runs(arguments.compare), arguments)
    if arguments.free is not None:
        return _free(arguments.free, arguments)
    if arguments.delete:
        return delete(f"the run {arguments.delete}", Workbench().training_run(arguments.delete).remove, arguments)
    if arguments.show:
        return _print_epochs(Workbench().training_run(arguments.show), arguments)
    columns = ["run", "state", "model", "collection", "epochs", "loss", "validation loss", "measure", "retrieval"]
    print_rows(columns, [_listed(run) for run in Workbench().runs()], arguments)


def _check_words(arguments: argparse.Namespace) -> None:
    """DoesNotApply for words that would be ignored."""
    if arguments.export:
        only(arguments, ("export", "replace"), "runs --export", "it only exports")
    elif arguments.delete or arguments.free is not None:
        name = "delete" if arguments.delete else "free"
        only(arguments, (name,), f"runs --{name}", "it only deletes")
    else:
        refuse(arguments, ("replace",), "runs without --export", "no file is replaced")


def _listed(run: Run) -> list[object]:
    """A run as a row: what it is, and the figures of its kept weights, each after the name of what was measured."""
    card, config, probe = run.card, run.config, run.probe()
    collection = card.get("collection", {}).get("name", "")
    epochs = f"{run.epochs_done} of {config.get('epochs', '?')}"
    loss = [loss_title(config), card.get("validation_loss")]
    retrieval = [probe.measure if probe else "", card.get("retrieval")]
    return [run.name, run.state, run.encoder, collection, epochs, *loss, *retrieval]


def _print_compared(found: ComparedRuns, arguments: argparse.Namespace) -> None:
    """A column for each run: settings that differ, then figures; below, what is decided between each two."""
    rows = [[name, *map(str, values)] for name, values in found.settings]
    measure = next((one.measure for one in found.figures if one), "precision@8")
    rows += [[f"{measure} of the kept weights", *map(_kept, found.figures)]]
    rows += [["untrained", *(f"{one.untrained:.3f}" if one else "" for one in found.figures)]]
    print_rows(["", *(run.name for run in found.runs)], rows, arguments)
    if not (arguments.json or arguments.csv):
        print("\n" + "\n".join(found.sentences([run.name for run in found.runs])))


def _kept(one: Judged | None) -> str:
    return f"{one.kept:.3f} [{one.interval[0]:.3f}, {one.interval[1]:.3f}]" if one else ""


def _export(name: str, file: str, *, replace: bool) -> None:
    bench = Workbench()
    written = export_encoder(bench.home, bench.training_run(name), Path(file).expanduser(), replace=replace)
    print("Wrote " + ", ".join(str(path) for path in written) + ".")


def _free(name: str, arguments: argparse.Namespace) -> None:
    bench = Workbench()
    runs = [bench.training_run(name)] if name else [run for run, _ in bench.spare_states()]
    if not runs:
        return print("No finished run keeps the state for continuing.")
    which = f"the run {name}" if name else count_of(len(runs), "finished run")
    if confirmed(f"what only continuing {which} exactly needs", arguments):
        print(f"Freed {file_size(free(runs[0]) if name else free_all(runs))}.")


def _print_epochs(run: Run, arguments: argparse.Namespace) -> None:
    """What was measured after each epoch of a run."""
    events = run.events()
    columns = list(dict.fromkeys(name for event in events for name, value in event.items() if not _nested(value)))
    columns = [name for name in columns if name not in ("kind", "time")]
    rows = [["" if (value := event.get(name)) is None else value for name in columns] for event in events]
    print_rows(columns, rows, arguments)


def _nested(value: Any) -> bool:
    return isinstance(value, list | dict)
