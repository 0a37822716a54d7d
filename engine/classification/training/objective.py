"""The objective of a classifier: name the class of a thing from vectors of its picture and its text.

The vectors stay as they are; what learns is a head of a few layers, so a training takes seconds. Where the encoders
are to learn as well, `tuning.py` puts them before the head. Each training also teaches a head for the picture alone
and one for the text alone, which the fusion does not touch (see `models.fusion`). A late fusion is two trainings, one
for each side and each with the best of its own epochs, put together.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.core.device import Device
from engine.core.errors import BadParameter, BenzerError, Stopped
from engine.core.home import Home
from engine.encoders.examples.examples import Features, Things
from engine.jobs.job import Reporter, Within
from engine.runs.run import Run, create
from engine.training.config import _number, _switch, _whole
from engine.training.loop import Training, carried_out
from engine.training.objective import Epoch
from engine.training.objectives.body import seeded
from engine.training.pictures import Rows, batches, shuffled
from engine.training.schedules import schedule
from engine.training.setup import Material
from models.fusion import FUSIONS, Fusion, Pair, best_share
from models.tunable import parted

if TYPE_CHECKING:
    from engine.classification.training.fine_tuned import Tunable

SIDES = ("picture", "text")
FINE_TUNED = {"none": (), "picture": ("picture",), "text": ("text",), "both": SIDES}  # which encoders learn
_SETTLED_ON = 4096  # things that tell the means and sizes of vectors
_HEAD_EPOCHS, _HEAD_PATIENCE = 30, 8  # of the head alone, before its encoders learn


@dataclass(frozen=True)
class ClassifierConfig:
    """A training of one classifier. Its values are checked when it is made.

    Attributes:
        fusion: picture, text, early, intermediate or late.
        missing: the share of things whose picture, and of those whose text, is left out while learning (modality
            drop-out), never both; it teaches what to do where one is missing.
        dropout: the share of the hidden values that are left out. validation: of every class, to choose the epoch and
            the weight of a late fusion by.
        fine_tune: the encoders that learn with the head, a name of FINE_TUNED; encoder_rate: where they begin to
            learn at, moved by the schedule as `rate` is. augment: whether pictures are mirrored and cut at random for
            an encoder that learns.
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
    fine_tune: str = "none"
    encoder_rate: float = 0.00003
    augment: bool = True
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
        if self.fine_tune not in FINE_TUNED:
            raise BadParameter("fine-tuning", "the training", "one of " + ", ".join(FINE_TUNED), self.fine_tune)
        _number("rate of the encoders", self.encoder_rate, 1e-8, 1000)
        _switch("augment", self.augment)
        schedule(self.schedule, self.rate, self.epochs, self.options)

    @property
    def keep(self) -> str:
        """The weights that are kept: those of the least loss on what is held out."""
        return "loss" if self.validation else "last"

    @property
    def tuned(self) -> tuple[str, ...]:
        """The sides whose encoders learn: those wanted that the fusion looks at."""
        return tuple(side for side in FINE_TUNED[self.fine_tune] if self.fusion not in SIDES or side == self.fusion)

    @property
    def before(self) -> ClassifierConfig:
        """The training of the head alone that comes before one in which encoders learn, over vectors as they are.

        It is all of the training where only encoders learn that the fusion does not look at: their few epochs would
        leave the head unfinished.
        """
        if self.fine_tune == "none":
            return self
        alone = {"fine_tune": "none", "epochs": _HEAD_EPOCHS, "patience": _HEAD_PATIENCE}
        return replace(self, **alone, schedule="none", options={})  # type: ignore[arg-type]

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
        head = Fusion(things.spec(config.fusion, config.dropout)).initialise(config.seed)
        self.head = head.to(device.name)
        self.network: nn.Module = self.head
        self.source: Any = Features(things, device.name)
        few = learning[:: -(-len(learning) // _SETTLED_ON)]
        self.head.settle(Features(things, device.name).take(few))
        self.codes = torch.from_numpy(things.codes).to(device.name)

    @property
    def groups(self) -> list[dict[str, Any]]:
        """Groups of weights for the optimizer, each with its share of the rate."""
        return [{"params": list(self.network.parameters()), "share": 1.0}]

    def weights(self) -> dict[str, Tensor]:
        return self.head.state_dict()

    def restore(self, weights: Mapping[str, Tensor]) -> None:
        """Take what `weights` gave."""
        self.head.load_state_dict(weights)

    def pair(self, batch: Any) -> Pair:
        """What the head sees of a batch of the source."""
        found: Pair = batch
        return found

    def begin_epoch(self, number: int, pictures: Any, learning: Rows, check: Callable[[], None]) -> Epoch:
        """Every row once, in an order of this epoch's own."""
        return Epoch(shuffled(learning, self.config.seed, number))

    def loss(self, pictures: Any, generator: torch.Generator, rows: Rows) -> Tensor:
        """Mean cross entropy of the fusion, with some pictures and some texts left out where that is asked for.

        Its gradient is also that of the two heads that see one side alone.
        """
        pair = self.pair(pictures)
        if self.config.missing:
            drawn = torch.rand(len(rows), generator=generator).to(self.codes.device)
            no_picture, no_text = drawn < self.config.missing, drawn > 1 - self.config.missing
            pair = pair.without(picture=no_picture & pair.has_text, text=no_text & pair.has_picture)
        with seeded(generator):
            said, codes = self.head.opinions(pair), self._codes(rows)
        alone = [functional.cross_entropy(one, codes) for one in said[:2] if one is not None and one is not said.fused]
        learned_beside = sum(loss - loss.detach() for loss in alone)  # a gradient, and nothing in the loss told
        return functional.cross_entropy(said.fused, codes) + learned_beside

    def measures(self, pictures: Any, generator: torch.Generator, rows: Rows) -> dict[str, Tensor]:
        """The loss that is trained on, and the share of things whose class is named rightly: "accuracy"."""
        said, codes = self.head(self.pair(pictures)), self._codes(rows)
        right = (said.argmax(1) == codes).float().mean()
        return {"loss": functional.cross_entropy(said, codes), "accuracy": right}

    def vectors(self, pictures: Any) -> Tensor:
        """(n, h) what the class is told from."""
        return self.head.hidden(self.pair(pictures))

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
    tunable: Tunable | None = None,
) -> Fusion:
    """Train a classifier from the run's checkpoint where it has one; the head with its best weights.

    A run that is done is not trained again. The weight of a late fusion is chosen on what is held out. The weights of
    encoders that learned are in the run, beside the head's (see `models.tunable.parted`).

    Args:
        tunable: the encoders that may learn, with what they see of the things; None where none does.

    Raises:
        Diverged, OutOfMemory, StorageFull, Stopped: as in `loop.train`. BadParameter: nothing to learn from.
    """
    if not len(learning):
        raise BadParameter("number of things to learn from", "a classification", "at least 1", 0)
    things.checked()
    work = _Work(config, things, learning, held_out, reporter, device, tunable)
    return work.two_sides(run) if config.fusion == "late" else work.trained(run).head


@dataclass(frozen=True)
class _Work:
    """What a classifier is trained with; `trained` and `two_sides` do it as a run."""

    config: ClassifierConfig
    things: Things
    learning: Rows
    held_out: Rows
    reporter: Reporter
    device: Device
    tunable: Tunable | None

    def trained(self, run: Run) -> Classifying:
        """The objective with its best weights."""
        objective, config = self._objective(), self.config if self.config.tuned else self.config.before
        if run.state != "done":
            none = self.learning[:0]
            rows = (self.learning, self.held_out, None, none)
            material = Material(objective, objective.source, self.things.ids, *rows, groups=objective.groups)
            material = replace(material, learned=bool(self.config.tuned))
            with run.training(job=_job(self.reporter)):
                with _end_noted(run):
                    self._first_the_head(objective, run)
                carried_out(Training.on(config, material, run, self.reporter, self.device))
            shutil.rmtree(run.folder / "parts", ignore_errors=True)
        objective.restore(run.load())
        objective.network.eval()
        return objective

    def two_sides(self, run: Run) -> Fusion:
        """A late fusion: the model of each side, a run of its own inside of `run`, and the text's weight."""
        spec = self.things.spec(self.config.fusion, self.config.dropout)
        network = Fusion(spec).to(self.device.name).eval()
        if run.state != "done":
            with run.training(job=_job(self.reporter)), _end_noted(run):
                runs = [_part(run, name, replace(self.config, fusion=name)) for name in SIDES]
                sides = [replace(self, config=ClassifierConfig.from_dict(side.config)).trained(side) for side in runs]
                weights = {name: value for side in sides for name, value in side.weights().items()}
                network.load_state_dict(parted(network.state_dict() | weights)[0])
                share = self._best_share(network, sides)
                network.weight.fill_(share)
                epochs = _tell_both(run, runs)
                best = max(side.card["best_epoch"] for side in runs)
                run.keep(weights | network.state_dict(), share=share, best_epoch=best)
                run.end("done", epochs)
            shutil.rmtree(run.folder / "parts", ignore_errors=True)
        network.load_state_dict(parted(run.load())[0])
        return network

    def _first_the_head(self, objective: Classifying, run: Run) -> None:
        """Where encoders are to learn, begin with a head that has learned alone: one drawn by chance would bend them.

        Source: Kumar et al., "Fine-tuning can distort pretrained features and underperform out-of-distribution", 2022.
        """
        if self.config.tuned:
            part = _part(run, "head", self.config.before)
            within = Within(self.reporter, "the head alone first")
            alone = replace(self, config=self.config.before, reporter=within).trained(part)
            objective.head.load_state_dict(alone.head.state_dict())

    def _objective(self) -> Classifying:
        if not self.config.tuned:
            return Classifying(self.config, self.things, self.learning, self.device)
        from engine.classification.training.fine_tuned import FineTuning

        if self.tunable is None:
            raise BadParameter("fine-tuning", "the training", "none: there are no encoders that can learn", "another")
        return FineTuning(self.config, self.things, self.learning, self.device, self.tunable)

    @torch.inference_mode()
    def _best_share(self, network: Fusion, sides: Sequence[Classifying]) -> float:
        """The text's weight that is best on the held-out things that have both sides; a half where there are none."""
        things, rows = self.things, self.held_out
        both = rows[things.has_picture[rows] & things.has_text[rows]]
        if not len(both):
            return 0.5
        said: list[list[Tensor]] = [[], []]
        for some in batches(both, self.config.batch):
            for place, side in enumerate(sides):  # each sees its own vectors, which its training may have changed
                one = network.opinions(side.pair(side.source.take(some)))[place]
                assert one is not None
                said[place].append(one.cpu())
        picture, text = (torch.cat(parts) for parts in said)
        return best_share(picture, text, torch.from_numpy(things.codes[both]))


def _part(run: Run, name: str, config: ClassifierConfig) -> Run:
    """The run of a training that another one is made of; one that was cut off is taken up again."""
    root = run.folder / "parts"
    if (root / name / "run.json").exists():
        return Run(root / name)
    return create(Home(root), name, config.as_dict(), {}, root)


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
