"""Training one classifier and storing it as a run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.classification.training.config import SIDES, ClassifierConfig
from engine.classification.training.fine_tuned import FineTunable, FineTuning
from engine.classification.training.objective import Classifying
from engine.core.device import Device
from engine.core.errors import BadParameter, BenzerError, Stopped
from engine.core.home import Home
from engine.core.progress import NestedReporter, Reporter
from engine.encoders.examples.examples import Examples
from engine.runs.listing import create
from engine.runs.run import Run
from engine.training.loop import Training, run_to_end
from engine.training.pictures import Rows, batches
from engine.training.setup import Setup
from models.fusion import Fusion, best_share, best_temperature
from models.tunable import parted


def train_classifier(
    config: ClassifierConfig,
    items: Examples,
    learning: Rows,
    held_out: Rows,
    run: Run,
    reporter: Reporter,
    device: Device,
    tunable: FineTunable | None = None,
) -> Fusion:
    """Train a classifier from the run's checkpoint where it has one; the head with its best weights.

    A run that is done is not trained again. The weight of a late fusion is chosen on what is held out. The weights of
    encoders that learned are in the run, beside the head's (see `models.tunable.parted`).

    Args:
        tunable: the encoders that may learn, with what they see of the items; None where none does.

    Raises:
        Diverged, OutOfMemory, StorageFull, Stopped: as in `loop.train`. BadParameter: nothing to learn from.
    """
    if not len(learning):
        raise BadParameter("number of training items", "a classification", "at least 1", 0)
    items.checked()
    work = ClassifierTraining(config, items, learning, held_out, reporter, device, tunable)
    return work.two_sides(run) if config.fusion == "late" else work.trained(run).head


@dataclass(frozen=True)
class ClassifierTraining:
    """What a classifier is trained with; `trained` and `two_sides` do it as a run."""

    config: ClassifierConfig
    items: Examples
    learning: Rows
    held_out: Rows
    reporter: Reporter
    device: Device
    tunable: FineTunable | None

    def trained(self, run: Run) -> Classifying:
        """The objective with its best weights."""
        objective, config = self._objective(), self.config if self.config.tuned else self.config.before
        if run.state != "done":
            none = self.learning[:0]
            rows = (self.learning, self.held_out, None, none)
            setup = Setup(objective, objective.source, self.items.ids, *rows, groups=objective.groups)
            setup = replace(setup, learned=bool(self.config.tuned))
            with run.training(job=_job(self.reporter)):
                with _end_noted(run):
                    self._first_the_head(objective, run)
                run_to_end(Training(config, setup, run, self.reporter, self.device))
            shutil.rmtree(run.folder / "parts", ignore_errors=True)
        objective.restore(run.load())
        objective.network.eval()
        return objective

    def two_sides(self, run: Run) -> Fusion:
        """A late fusion: the model of each side, a run of its own inside of `run`, and the text's weight."""
        spec = self.items.spec(self.config.fusion, self.config.dropout)
        network = Fusion(spec).to(self.device.name).eval()
        if run.state != "done":
            with run.training(job=_job(self.reporter)), _end_noted(run):
                runs = [_part(run, name, replace(self.config, fusion=name)) for name in SIDES]
                sides = [replace(self, config=ClassifierConfig.from_dict(side.config)).trained(side) for side in runs]
                weights = {name: value for side in sides for name, value in side.weights().items()}
                network.load_state_dict(parted(network.state_dict() | weights)[0])
                temperatures, share = self._mixed(network, sides)
                epochs = _tell_both(run, runs)
                best = max(side.card["best_epoch"] for side in runs)
                run.keep(weights | network.state_dict(), share=share, temperatures=temperatures, best_epoch=best)
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
            within = NestedReporter(self.reporter, "the head alone first")
            alone = replace(self, config=self.config.before, reporter=within).trained(part)
            objective.head.load_state_dict(alone.head.state_dict())

    def _objective(self) -> Classifying:
        if not self.config.tuned:
            return Classifying(self.config, self.items, self.learning, self.device)

        if self.tunable is None:
            raise BadParameter("fine-tuning", "the training", "none: there are no encoders that can learn", "another")
        return FineTuning(self.config, self.items, self.learning, self.device, self.tunable)

    def _mixed(self, network: Fusion, sides: Sequence[Classifying]) -> tuple[list[float], float]:
        """Calibrate both heads on the held-out items and set the text's weight to the best; these three numbers.

        One side that is surer of itself than it is right would outvote the other whatever their weights. Without
        held-out items the temperatures are 1 and the weight a half.
        """
        temperatures = []
        for side, has in zip(SIDES, (self.items.has_picture, self.items.has_text), strict=True):
            rows = self.held_out[has[self.held_out]]
            temperatures.append(self._temperature(network, sides, rows, side) if len(rows) else 1.0)
            network.cool(side, temperatures[-1])
        both = self.held_out[self.items.has_picture[self.held_out] & self.items.has_text[self.held_out]]
        share = best_share(*self._logits(network, sides, both), self._labels(both)) if len(both) else 0.5
        network.weight.fill_(share)
        return temperatures, share

    def _temperature(self, network: Fusion, sides: Sequence[Classifying], rows: Rows, side: str) -> float:
        return best_temperature(self._logits(network, sides, rows)[SIDES.index(side)], self._labels(rows))

    @torch.inference_mode()
    def _logits(self, network: Fusion, sides: Sequence[Classifying], rows: Rows) -> tuple[Tensor, Tensor]:
        """(n, c) logits of both heads for at least one item; each head sees the vectors that its training made."""
        predicted: list[list[Tensor]] = [[], []]
        for some in batches(rows, self.config.batch):
            for place, side in enumerate(sides):
                one = network.predictions(side.pair(side.source.take(some)))[place]
                assert one is not None
                predicted[place].append(one.cpu())
        picture, text = (torch.cat(parts) for parts in predicted)
        return picture, text

    def _labels(self, rows: Rows) -> Tensor:
        return torch.from_numpy(self.items.codes[rows])


def _part(run: Run, name: str, config: ClassifierConfig) -> Run:
    """The run of a training that another one is made of; one that was interrupted is taken up again."""
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
    """Note how a run that others are part of was interrupted."""
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
