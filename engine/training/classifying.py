"""The objective of a classifier: name the class of a thing from vectors of its picture and its text.

The vectors stay as they are; what learns is a head of a few layers, so a training takes seconds. Each training also
teaches a head for the picture alone and one for the text alone, which the fusion does not touch (see `models.fusion`).
A late fusion is two trainings, one for each side and each with the best of its own epochs, put together.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from engine.encoders.device import Device
from engine.errors import BadParameter, BenzerError, Stopped
from engine.home import Home
from engine.jobs import Reporter
from engine.training.body import seeded
from engine.training.config import _number, _whole
from engine.training.features import Features, Things
from engine.training.loop import Training, carried_out
from engine.training.material import Material
from engine.training.objective import Epoch
from engine.training.pictures import Rows, shuffled
from engine.training.runs import Run, create
from engine.training.schedules import schedule
from models.fusion import FUSIONS, Fusion, Pair, best_share

SIDES = ("picture", "text")
_SETTLED_ON = 4096  # things that tell the means and sizes of vectors


@dataclass(frozen=True)
class ClassifierConfig:
    """A training of one classifier. Its values are checked when it is made.

    Attributes:
        fusion: picture, text, early, intermediate or late.
        missing: the share of things whose picture, and of those whose text, is left out while learning (modality
            drop-out), never both; it teaches what to do where one is missing.
        dropout: the share of the hidden values that are left out. validation: of every class, to choose the epoch and
            the weight of a late fusion by.
        rate, schedule, options, epochs, batch, seed, patience: as of `TrainingConfig`. name: of the run.
    """

    fusion: str = "late"
    missing: float = 0.0
    dropout: float = 0.2
    epochs: int = 30
    batch: int = 32
    rate: float = 0.001
    schedule: str = "none"
    options: Mapping[str, float] = field(default_factory=dict)
    validation: float = 0.1
    patience: int = 8
    seed: int = 0
    name: str = ""

    def __post_init__(self) -> None:
        if self.fusion not in FUSIONS:
            raise BadParameter("fusion", "the training", "one of " + ", ".join(FUSIONS), self.fusion)
        _number("share of missing ones", self.missing, 0.0, 0.45)
        _number("dropout", self.dropout, 0.0, 0.9)
        _whole("epochs", self.epochs, 1, 10_000)
        _whole("batch", self.batch, 1, 4096)
        _number("rate", self.rate, 1e-8, 1000)
        _number("validation share", self.validation, 0.0, 0.5)
        _whole("patience", self.patience, 0, 10_000)
        _whole("seed", self.seed, 0, 2**31 - 1)
        schedule(self.schedule, self.rate, self.epochs, self.options)

    @property
    def keep(self) -> str:
        """The weights that are kept: those of the least loss on what is held out."""
        return "loss" if self.validation else "last"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"options": dict(self.options)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClassifierConfig:
        """The config of `as_dict`; BadParameter for a key it does not have."""
        unknown = sorted(set(values) - set(cls.__dataclass_fields__))
        if unknown:
            raise BadParameter("setting", "the training", "one of " + ", ".join(cls.__dataclass_fields__), unknown[0])
        return cls(**values)


class Classifying:
    """A classifier as an objective of the training loop (see `objective.Objective`); batches are `Pair`s."""

    def __init__(self, config: ClassifierConfig, things: Things, learning: Rows, device: Device) -> None:
        self.config = config
        network = Fusion(things.spec(config.fusion, config.dropout)).initialise(config.seed)
        self.network = network.to(device.name)
        few = learning[:: -(-len(learning) // _SETTLED_ON)]
        self.network.settle(Features(things, device.name).take(few))
        self.codes = torch.from_numpy(things.codes).to(device.name)

    def weights(self) -> dict[str, Tensor]:
        return self.network.state_dict()

    def begin_epoch(self, number: int, pictures: Any, learning: Rows, check: Callable[[], None]) -> Epoch:
        """Every row once, in an order of this epoch's own."""
        return Epoch(shuffled(learning, self.config.seed, number))

    def loss(self, pictures: Pair, generator: torch.Generator, rows: Rows) -> Tensor:
        """Mean cross entropy of the fusion, with some pictures and some texts left out where that is asked for.

        Its gradient is also that of the two heads that see one side alone.
        """
        if self.config.missing:
            drawn = torch.rand(len(rows), generator=generator).to(self.codes.device)
            no_picture, no_text = drawn < self.config.missing, drawn > 1 - self.config.missing
            pictures = pictures.without(picture=no_picture & pictures.has_text, text=no_text & pictures.has_picture)
        with seeded(generator):
            said, codes = self.network.opinions(pictures), self._codes(rows)
        alone = [functional.cross_entropy(one, codes) for one in said[:2] if one is not None and one is not said.fused]
        learned_beside = sum(loss - loss.detach() for loss in alone)  # a gradient, and nothing in the loss told
        return functional.cross_entropy(said.fused, codes) + learned_beside

    def measures(self, pictures: Pair, generator: torch.Generator, rows: Rows) -> dict[str, Tensor]:
        """The loss that is trained on, and the share of things whose class is named rightly: "accuracy"."""
        said, codes = self.network(pictures), self._codes(rows)
        right = (said.argmax(1) == codes).float().mean()
        return {"loss": functional.cross_entropy(said, codes), "accuracy": right}

    def vectors(self, pictures: Pair) -> Tensor:
        """(n, h) what the class is told from."""
        return self.network.hidden(pictures)

    def reconstructed(self, pictures: Any) -> None:
        """Nothing: there is no decoder."""

    def _codes(self, rows: Rows) -> Tensor:
        return self.codes[torch.from_numpy(rows).to(self.codes.device)]


def train_classifier(
    config: ClassifierConfig,
    things: Things,
    learning: Rows,
    held_out: Rows,
    run: Run,
    reporter: Reporter,
    device: Device,
) -> Fusion:
    """Train a classifier from the run's checkpoint where it has one; the network with its best weights.

    A run that is done is not trained again. The weight of a late fusion is chosen on what is held out.

    Raises:
        Diverged, OutOfMemory, StorageFull, Stopped: as in `loop.train`. BadParameter: nothing to learn from.
    """
    if not len(learning):
        raise BadParameter("number of things to learn from", "a classification", "at least 1", 0)
    things.checked()
    if config.fusion == "late":
        return _two_sides(config, things, learning, held_out, run, reporter, device)
    objective = Classifying(config, things, learning, device)
    if run.state != "done":
        none = learning[:0]
        source = Features(things, device.name)
        material = Material(objective, source, things.ids, learning, held_out, None, none)
        with run.training(job=_job(reporter)):
            carried_out(Training.on(config, material, run, reporter, device))
    objective.network.load_state_dict(run.load())
    return objective.network.eval()


def _two_sides(
    config: ClassifierConfig,
    things: Things,
    learning: Rows,
    held_out: Rows,
    run: Run,
    reporter: Reporter,
    device: Device,
) -> Fusion:
    """A late fusion: the model of each side, trained as a run of its own inside of `run`, and the text's weight."""
    network = Fusion(things.spec(config.fusion, config.dropout)).to(device.name).eval()
    if run.state != "done":
        with run.training(job=_job(reporter)), _end_noted(run):
            sides = [_side(run, replace(config, fusion=name)) for name in SIDES]
            for side in sides:
                own = ClassifierConfig.from_dict(side.config)
                alone = train_classifier(own, things, learning, held_out, side, reporter, device)
                network.load_state_dict(alone.state_dict(), strict=False)
            share = _best_share(network, things, held_out, device)
            network.weight.fill_(share)
            epochs = _tell_both(run, sides)
            run.keep(network.state_dict(), share=share, best_epoch=max(side.card["best_epoch"] for side in sides))
            run.end("done", epochs)
        shutil.rmtree(run.folder / "sides", ignore_errors=True)
    network.load_state_dict(run.load())
    return network


def _side(run: Run, config: ClassifierConfig) -> Run:
    """The run of one side; one that was cut off is taken up again."""
    root = run.folder / "sides"
    if (root / config.fusion / "run.json").exists():
        return Run(root / config.fusion)
    return create(Home(root), config.fusion, config.as_dict(), {}, root)


def _tell_both(run: Run, sides: Sequence[Run]) -> int:
    """Note the mean of both sides' losses for each epoch that both went through; how many these are."""
    run.rewind(-1)
    pairs = list(zip(*(side.events() for side in sides), strict=False))
    for pair in pairs:
        names = [name for name in ("train", "validation") if all(name in event for event in pair)]
        means = {name: sum(event[name] for event in pair) / len(pair) for name in names}
        run.note(epoch=pair[0]["epoch"], seconds=sum(event.get("seconds", 0.0) for event in pair), **means)
    return len(pairs) - 1


@contextmanager
def _end_noted(run: Run) -> Iterator[None]:
    """Note how a run that others are part of was cut off."""
    try:
        yield
    except (Stopped, KeyboardInterrupt):
        run.end("stopped")
        raise
    except BenzerError as error:
        run.end("failed", error=str(error))
        raise


def _job(reporter: Reporter) -> str:
    return reporter.folder.name if reporter.folder else ""


@torch.inference_mode()
def _best_share(network: Fusion, things: Things, held_out: Rows, device: Device) -> float:
    """The text's weight that is best on the held-out things that have both sides; a half where there are none."""
    both = held_out[things.has_picture[held_out] & things.has_text[held_out]]
    if not len(both):
        return 0.5
    said = network.opinions(Features(things, device.name).take(both))
    assert said.picture is not None
    assert said.text is not None
    return best_share(said.picture.cpu(), said.text.cpu(), torch.from_numpy(things.codes[both]))
