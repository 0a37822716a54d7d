"""Training as a job: one at a time, from a plain dictionary of arguments."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.collections.collection import Collection
from engine.core.home import Home, home_of
from engine.core.progress import Reporter
from engine.encoders.networks.table import backbone
from engine.encoders.networks.weights import load
from engine.jobs.queue import turn
from engine.runs import listing as runs
from engine.training import TrainingConfig, continue_run, rate_finder, train_run
from engine.training.config import with_defaults
from engine.training.train import training_data

if TYPE_CHECKING:
    from torch import Tensor


TRAINING = "training"  # the queue slot of trainings: one at a time


def train(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Train a network on a collection (`collection`, `config`), or continue a run (`run`, optionally `epochs`).

    Without a config it learns from the pictures alone, as the page and the command line do by default.
    """
    home = home_of(arguments)
    pretrained = partial(_pretrained, home)
    with turn(home.jobs, TRAINING, reporter):
        if "run" in arguments:
            run = runs.run(home, arguments["run"])
            collection = Collection.open(home, run.card["collection"]["name"])
            return {"run": continue_run(run, collection, reporter, arguments.get("epochs"), pretrained).name}
        collection = Collection.open(home, arguments["collection"])
        return {"run": train_run(home, _config(arguments, collection), collection, reporter, pretrained).name}


def find_rate(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Try learning rates for a training on a collection (`collection`, `config`); what `RateCurve` holds."""
    home = home_of(arguments)
    with turn(home.jobs, TRAINING, reporter):
        collection = Collection.open(home, arguments["collection"])
        config = _config(arguments, collection)
        data = training_data(config, collection, reporter)
        first = _pretrained(home, config.network) if config.start == "pretrained" else None
        return rate_finder.find_rate(config, data, reporter, first).as_dict()


def _config(arguments: Mapping[str, Any], collection: Collection) -> TrainingConfig:
    return TrainingConfig.from_dict(arguments.get("config") or with_defaults({}, len(collection)))


def _pretrained(home: Home, network: str) -> Mapping[str, Tensor]:
    return load(home, backbone(network))[1]
