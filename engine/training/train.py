"""From a collection to a trained run: the entry point of the command line and the pages."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.collections.pixels import decoded_pixels
from engine.core.device import Device, device
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders.networks.table import backbone
from engine.runs import listing as runs
from engine.runs.run import Run
from engine.training.config import LEAST_IMAGES, TrainingConfig
from engine.training.split import chosen_rows, learned_labels

_NAMED = 6  # labels on the card

if TYPE_CHECKING:
    from engine.training.objectives.body import Weights
    from engine.training.pictures import Data

    Pretrained = Callable[[str], Weights]  # the weights of a ready-made network by its name


def train_run(
    home: Home,
    config: TrainingConfig,
    collection: Collection,
    reporter: Reporter,
    pretrained: Pretrained | None = None,
) -> Run:
    """Train a network on a collection and store it as a run.

    Args:
        pretrained: gives the weights of a ready-made network by its name, for a training that starts from them.

    Raises:
        BadParameter: fewer images than a training needs. NameTaken: a run has that name.
        Diverged, OutOfMemory, StorageFull, Stopped: as in `loop.train`; the run then holds the best weights so far.
    """
    if len(collection) < LEAST_IMAGES:
        raise BadParameter("number of pictures", "a training", f"at least {LEAST_IMAGES}", len(collection))
    data = training_data(config, collection, reporter)
    first = pretrained(config.network) if pretrained and config.start == "pretrained" else None

    name = config.name or runs.fresh_name(home, f"{collection.name}-{config.encoder}")
    run = runs.create(home, name, config.as_dict(), card(config, collection, data, device(config.precision)))
    return _trained(run, config, data, reporter, first)


def continue_run(
    run: Run,
    collection: Collection,
    reporter: Reporter,
    epochs: int | None,
    pretrained: Pretrained | None = None,
) -> Run:
    """Continue a run from its last checkpoint, bit-identical to an uninterrupted training.

    Args:
        epochs: total number of epochs; None for the planned number.
        pretrained: as for `train_run`; used only if the training was interrupted before its first checkpoint.

    Raises:
        BadParameter: it is finished, diverged, is being trained, ships with the code, or the collection's images have
            changed.
        Corrupt: the checkpoint is damaged. Diverged, OutOfMemory, StorageFull, Stopped: as in `loop.train`.
    """
    if collection.fingerprint() != run.card["collection"]["fingerprint"]:
        raise _changed(run, "collection", "other pictures")
    if epochs is not None and run.can_prolong and (epochs != run.config["epochs"] or not run.can_continue):
        run.prolong(epochs)
    elif not run.can_continue:
        wanted, found = "one that was stopped or interrupted", f"{run.title}, which is {run.state}"
        raise BadParameter("run", "continuing", wanted, found, way_out=_instead(run))
    config = TrainingConfig.from_dict(run.config)
    data = training_data(config, collection, reporter)
    if len(data.ids) != run.card["images"]:
        raise _changed(run, "number of readable pictures", len(data.ids), former=f"{run.card['images']}, ")
    if config.learns_labels and run.card["labels"]["digest"] != labels_digest(data.ids, data.labels):
        raise _changed(run, "labels", "other labels")
    begun = (run.folder / "checkpoint" / "current.json").exists()  # the folder alone may hold an incomplete one
    first = pretrained(config.network) if pretrained and config.start == "pretrained" and not begun else None
    return _trained(run, config, data, reporter, first)


def _changed(run: Run, what: str, now: object, former: str = "") -> BadParameter:
    wanted = f"{former}as when the run {run.title} began"
    return BadParameter(what, "a continued training", wanted, now, way_out="Train a new run.")


def _instead(run: Run) -> str:
    """What to do instead with a run that cannot be continued."""
    if run.alive:
        return "Wait until it has ended."
    if run.can_prolong:
        return "To continue a finished run, ask for more epochs."
    return "Train a new run" + ("." if run.shipped else " with a lower learning rate.")


def training_data(config: TrainingConfig, collection: Collection, reporter: Reporter) -> Data:
    """The decoded pictures to train on, with ids and labels: all, or `limit` drawn with the seed.

    Raises:
        BadParameter: too few are still readable. StorageFull: no space for decoded pictures.
    """
    reporter.update("Loading PyTorch", 0, 0)  # which takes seconds
    from engine.training.pictures import Data

    reporter.update("Reading pictures", 0, 0)
    ids, pixels = decoded_pixels(collection, config.size, reporter)
    reporter.update("Loading the network", 0, 0)
    images = collection.images()
    labels = dict(zip(images.ids.tolist(), images.labels, strict=True))
    rows = chosen_rows(len(pixels), config)
    names = tuple(labels.get(id, "") for id in ids[rows].tolist())
    return Data(pixels, ids[rows], names, rows if len(rows) < len(pixels) else None).checked(config)


def labels_digest(ids: NDArray[np.int64], labels: Sequence[str]) -> str:
    """A digest of which pictures have which labels."""
    pairs = zip(ids.tolist(), labels, strict=True)
    return hashlib.sha256("\n".join(f"{id} {label}" for id, label in pairs).encode()).hexdigest()


def card(config: TrainingConfig, collection: Collection, data: Data, device: Device) -> dict[str, Any]:
    """How the weights are trained, for display and for the record."""
    import torch

    return {
        "title": f"{config.title}, trained on {collection.title}",
        "made": time.strftime("%Y-%m-%d"),
        "collection": {"name": collection.name, "title": collection.title, "fingerprint": collection.fingerprint()},
        "images": len(data.ids),
        "device": device.title,
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        **_learned_from(config, data),
        **_begun_with(config),
    }


def _learned_from(config: TrainingConfig, data: Data) -> dict[str, Any]:
    """The method of a training on views, and what it learns of the labels."""
    if config.view_loss is None:
        return {}
    method = {"method": config.view_loss.title}
    if not config.learns_labels:
        return method
    kinds = sorted(set(learned_labels(data.labels, config)))
    named = ", ".join(kinds[:_NAMED]) + (" …" if len(kinds) > _NAMED else "")
    title = f"learned from: {len(kinds)} ({named})"
    return method | {"labels": {"title": title, "digest": labels_digest(data.ids, data.labels)}}


def _begun_with(config: TrainingConfig) -> dict[str, str]:
    """The source and licence to state if a training starts from third-party weights."""
    if config.start == "random":
        return {}

    return {"licence": f"{backbone(config.network).licence}; trained further on the pictures of the collection"}


def _trained(run: Run, config: TrainingConfig, data: Data, reporter: Reporter, first: Weights | None) -> Run:
    from engine.training.loop import train

    with run.training(job=reporter.folder.name if reporter.folder else ""):
        return train(config, data, run, reporter, device(config.precision), first)
