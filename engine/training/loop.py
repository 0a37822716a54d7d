"""The training loop: decoded pictures in, a run with its best and its last weights out.

Everything random is a function of (seed, purpose, epoch, batch), and all mutable state is in a checkpoint: the
weights, the optimizer's moments, the schedule's state and the position. Nothing else affects how a training continues.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import suppress

import numpy as np
import torch

from engine.core.device import Device, keep_freed_memory
from engine.core.errors import BenzerError, Diverged, OutOfMemory, Stopped, StorageFull
from engine.core.memory import is_out_of_memory
from engine.core.progress import Reporter
from engine.runs.epochs import Watch, kept_event, strip
from engine.runs.run import Run
from engine.training.checkpoint import Checkpoints, Position
from engine.training.config import TrainingConfig
from engine.training.objectives.body import Weights
from engine.training.pictures import CHECK, NOISE, Data, Rows, batches, stream
from engine.training.probe import BY_COPIES
from engine.training.schedules import schedule
from engine.training.setup import LoopSettings, Setup, of_pictures
from engine.training.tensorboard import TensorBoard, small

_FLUSHED_EVERY = {"cpu": 1, "cuda": 16}  # steps between reads of the loss; each read waits for the GPU
_RETRIEVALS = ("retrieval", "recognition")  # of the probe: the higher, the better


def train(
    config: TrainingConfig,
    data: Data,
    run: Run,
    reporter: Reporter,
    device: Device,
    first: Weights | None = None,
) -> Run:
    """Train as `config` says, from the run's checkpoint if it has one; the run holds the best and the last weights.

    Args:
        first: initial weights, unless they are drawn with the seed.

    Raises:
        BadParameter: too few pictures, or of another size. Diverged: the loss became NaN or infinite. OutOfMemory: not
        even half a batch fits. StorageFull: the disk is full. Stopped: on request.
        All but the first leave the best weights so far in the run; it can be continued unless it diverged.
    """
    return run_to_end(Training.on_pictures(config, data.checked(config), run, reporter, device, first))


def run_to_end(training: Training) -> Run:
    """Train to the end and record the outcome; returns and raises as `train` does."""
    keep_freed_memory()
    run = training.run
    try:
        training.run_epochs()
    except (Stopped, KeyboardInterrupt):
        run.end("stopped", training.position.epoch)
        raise
    except BenzerError as error:
        run.end("failed", training.position.epoch, error=str(error), diverged=isinstance(error, Diverged))
        if isinstance(error, Diverged):  # nothing can go on from it
            training.discard_state()
        raise
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        short = OutOfMemory("Memory ran out outside the batches.", way_out="Try smaller pictures or a smaller model.")
        run.end("failed", training.position.epoch, error=str(short))
        raise short from error
    finally:
        training.close()
    run.end("done", training.position.epoch)
    return run


class Training:
    """A training in progress: the objective, its data, its position, and its run."""

    def __init__(self, config: LoopSettings, setup: Setup, run: Run, reporter: Reporter, device: Device) -> None:
        self.config, self.run, self.reporter = config, run, reporter
        self.objective, self.pictures, self.ids = setup.objective, setup.source, setup.ids
        groups = setup.groups or [{"params": list(self.objective.network.parameters()), "share": 1.0}]
        self.stepping, self.optimizer = setup.stepping, setup.stepping.make(groups, config.rate)
        self.schedule = schedule(config.schedule, config.rate, config.epochs, config.options)
        self.learning, self.held_out, self.learned = setup.learning, setup.held_out, setup.learned
        self.probe, self.shown, self.watched = setup.probe, setup.shown, setup.watched
        self.checkpoints, self.watch = Checkpoints(run.folder), Watch(run.folder / "watch")
        self.position, self.open, self.learns_labels = Position(), False, setup.learns_labels
        self.figures: Mapping[str, float] = {}  # measured at the start of the current epoch
        self.flushed_every, self.pending = _FLUSHED_EVERY[device.name], list[tuple[torch.Tensor, int]]()

    @classmethod
    def on_pictures(
        cls,
        config: TrainingConfig,
        data: Data,
        run: Run,
        reporter: Reporter,
        device: Device,
        first: Weights | None = None,
    ) -> Training:
        """A training on the pictures of a collection; `first` are initial weights, unless drawn with the seed."""
        return cls(config, of_pictures(config, data, device, first), run, reporter, device)

    @property
    def goes_on(self) -> bool:
        """Whether there are epochs left and patience has not run out."""
        patient = not self.config.patience or self.position.bad < self.config.patience
        return self.position.epoch < self.config.epochs and patient

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return math.ceil(len(self.learning) / self.config.batch)

    def rate(self, done: float) -> float:
        """The learning rate after `done` epochs, which may be a fraction."""
        return self.stepping.share(done) * self.schedule.rate(done)

    def run_epochs(self) -> None:
        """Train from the current position to the end, leaving a checkpoint, also after a stop."""
        try:
            self.begin()
            while self.goes_on:
                self.end_epoch(self.one_epoch())
        except Stopped:  # not an interrupt, which may come in the middle of a step: then the last checkpoint stays
            self.checkpoint()
            self.checkpoints.wait()
            raise
        with suppress(StorageFull):  # nothing depends on it
            self.show_in_tensorboard()
        if self.config.keep_state and self.checkpoints.whole:
            self.checkpoint()
            self.checkpoints.wait()
        else:
            with suppress(StorageFull):  # then the last checkpoint stays
                self.checkpoints.finish(self.schedule, self.position)

    def begin(self) -> None:
        """Restore the last checkpoint, or measure the untrained network."""
        restored = self.checkpoints.restore(self.objective.network, self.optimizer, self.schedule)
        self.run.rewind(restored.epoch if restored else -1)
        if restored:
            self._go_on_from(restored)
        self.board, self.open = TensorBoard(self.run.folder / "tensorboard", restored.epoch if restored else None), True
        if not (self.position.epoch or self.position.step or self.run.events()):
            self.reporter.update("Measuring the network before its first epoch", 0, 0)
            if self.watched:
                self._show_probe()
            if self.probe and self.learns_labels:
                seen = int(np.isin(self.probe.rows, self.learning).sum())
                self.run.note(kind="asked", seen=seen, pictures=len(self.probe.rows))
            measures = self.validate(0)
            if self.learned and self.judged_by in measures:
                self.keep_if_best(0, measures.get("validation", math.inf), measures)
            self.note({"epoch": 0, **measures})
        if self.goes_on:
            self.report("Beginning")  # the first batch may take long

    def _go_on_from(self, restored: Position) -> None:
        self.position = restored
        if not self.goes_on and self.run.prolonged_after == restored.epoch:
            restored.bad = 0  # after an early stop the patience starts over
        fresh = {} if self.checkpoints.whole or not self.goes_on else self._take_kept_weights()
        self.run.note(kind="continued", epoch_begun=restored.epoch, **fresh)
        if restored.parts > 1 and not any(note["kind"] == "halved" for note in self.run.notes()):
            self._note_halved()  # repeated since, but not undone

    @torch.no_grad()
    def _take_kept_weights(self) -> dict[str, int]:
        """Go on from the weights that the run has kept, with a fresh optimizer; of which epoch they are."""
        kept = self.run.load()
        for name, weight in self.objective.weights().items():
            weight.copy_(kept[name])
        self.checkpoints.whole = True
        return {"weights_of": int(self.run.card.get("best_epoch", 0))}

    def one_epoch(self) -> float:
        """Train on the rest of this epoch, in order; its mean training loss."""
        position, config = self.position, self.config
        began, before = time.monotonic(), position.seconds
        order = self.begin_epoch()
        self.objective.network.train()
        for step in range(position.step, self.steps):
            for group in self.optimizer.param_groups:
                group["lr"] = group["share"] * self.rate(position.epoch + step / self.steps)
            rows = order[step * config.batch : (step + 1) * config.batch]
            self.step(rows)
            position.step, position.seconds = step + 1, before + time.monotonic() - began
            self.report()
            if self.checkpoints.due:
                self.checkpoint()
        self.flush_losses()
        return position.total / position.seen

    def begin_epoch(self) -> Rows:
        """The rows of this epoch in training order."""
        begun = self.objective.begin_epoch(
            self.position.epoch, self.pictures, self.learning, self.reporter.stop_if_asked
        )
        for weight in begun.fresh:
            self.optimizer.state.pop(weight, None)
        self.figures = begun.figures
        return begun.order

    def step(self, rows: Rows) -> None:
        """One step on a batch; if memory runs out, its two halves are processed one after the other."""
        value = None
        while value is None:
            try:
                value = self._gradients(rows)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(error)
        self.stepping.clipped(self.objective.network.parameters())
        self.optimizer.step()
        self.pending.append((value, len(rows)))
        if len(self.pending) >= self.flushed_every:
            self.flush_losses()

    def _gradients(self, rows: Rows) -> torch.Tensor:
        """Accumulate the gradient of the mean loss of these rows; that loss."""
        self.optimizer.zero_grad(set_to_none=True)
        values = []
        for part, some in enumerate(batches(rows, math.ceil(len(rows) / self.position.parts))):
            random = stream(self.config.seed, NOISE, self.position.epoch, self.position.step, part)
            value = self.objective.loss(self.pictures.take(some), random, some) * (len(some) / len(rows))
            value.backward()
            values.append(value.detach())
        return torch.stack(values).sum()

    def _halve(self, error: Exception) -> None:
        if self.position.parts > 1:
            raise OutOfMemory(
                f"Not even half a batch of {self.config.batch} pictures fits into memory.",
                way_out=f"Try a batch of {max(1, self.config.batch // 4)}, smaller pictures, or a smaller model.",
            ) from error
        self.position.parts = 2
        self._note_halved()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _note_halved(self) -> None:
        self.run.note(kind="halved", epoch_begun=self.position.epoch + 1, batch=self.config.batch)

    def flush_losses(self) -> None:
        """Add up the losses of the last steps; Diverged if one is not finite."""
        for value, count in self.pending:
            loss = value.item()
            if not math.isfinite(loss):
                raise self.diverged()
            self.position.total += loss * count
            self.position.seen += count
        self.pending.clear()

    def report(self, stage: str = "Training") -> None:
        """Report progress; Stopped on request."""
        position, config, total = self.position, self.config, self.config.epochs * len(self.learning)
        done = position.epoch * len(self.learning) + min(position.step * config.batch, len(self.learning))
        note = f"epoch {position.epoch + 1} of {config.epochs}"
        if position.seen:
            note += f" · loss {position.total / position.seen:.5f}"
        if position.parts > 1:
            note += " · memory ran short: batches are split into two halves"
        self.reporter.update(stage, done, total, note=note)

    def end_epoch(self, train_loss: float) -> None:
        """Validate, keep the weights if they are the best so far, and log the epoch."""
        position = self.position
        rate = self.rate(position.epoch + (self.steps - 1) / self.steps)  # of the last batch
        measures = {"train": train_loss, **self.validate(position.epoch + 1), **self.figures}
        judged = measures.get("validation", train_loss)
        if not (math.isfinite(judged) and self.finite):
            raise self.diverged()
        speed = len(self.learning) / max(position.seconds, 1e-9)
        self.schedule.observe(judged)
        best = self.keep_if_best(position.epoch + 1, judged, measures)
        event = {"epoch": position.epoch + 1, **measures, "rate": rate}
        self.note(event | {"images_per_second": round(speed, 2), "seconds": round(position.seconds, 2), "best": best})
        self.position = Position(position.epoch + 1, best=position.best, bad=position.bad, parts=position.parts)
        if self.checkpoints.due:
            self.checkpoint()

    @property
    def finite(self) -> bool:
        """Whether every weight is finite: after the last step of an epoch no training loss would show it."""
        return all(bool(weights.isfinite().all()) for weights in self.objective.network.parameters())

    @property
    def judged_by(self) -> str:
        """The measure that decides which weights are the best."""
        return self.config.keep if self.config.keep in _RETRIEVALS else "validation"

    def keep_if_best(self, epoch: int, loss: float, measures: dict[str, float]) -> bool:
        """Store the weights in the run if they are the best so far by what the config names; whether they were."""
        value = loss if self.judged_by == "validation" else -measures[self.judged_by]
        if not self._improves(value):
            self.position.bad += 1
            return False
        self.position.best, self.position.bad = value, 0
        named = {"train": "train_loss", "validation": "validation_loss"} | {name: name for name in _RETRIEVALS}
        facts = {title: measures[name] for name, title in named.items() if name in measures}
        self.run.keep(self.objective.weights(), best_epoch=epoch, **facts)
        return True

    def _improves(self, value: float) -> bool:
        """Whether weights with that value, lower being better, replace those kept so far."""
        best = self.position.best
        if self.config.keep == "last" or best is None or value < best:
            return True
        # Of equally good weights the later ones have learned more, unless the earlier ones are ready-made.
        pretrained_kept = self.learned and self.run.card.get("best_epoch") == 0
        return value == best and self.config.keep == "recognition" and not pretrained_kept

    @torch.no_grad()
    def validate(self, epoch: int) -> dict[str, float]:
        """The losses on the held-out pictures and the retrieval of the probe; stores samples of both for display."""
        self.objective.network.eval()
        measures, neighbours = self.held_out_losses(), None
        if self.probe:
            measures["retrieval"], near = self.probe.ask(self.objective, self.pictures, self.config.seed)
            if self.probe.strong:
                measures["recognition"] = self._recognition(measures["retrieval"])
            neighbours = np.where(near < 0, -1, self.ids[self.probe.rows][near])
        if self.watched:
            drawn = self.objective.reconstructed(self.pictures.take(self.shown))
            self.watch.note(epoch, neighbours, b"" if drawn is None else strip(drawn))
        return measures

    def _recognition(self, retrieval: float) -> float:
        """The share of altered copies found, which without labels is what was asked already."""
        assert self.probe is not None
        if self.probe.measure == BY_COPIES:
            return retrieval
        return self.probe.copies_found(self.objective, self.pictures, self.config.seed)

    def held_out_losses(self) -> dict[str, float]:
        """The mean losses on the unaugmented held-out pictures; empty if none are held out."""
        sums: dict[str, float] = {}
        for number, rows in enumerate(batches(self.held_out, self.config.batch)):
            random = stream(self.config.seed, CHECK, number)
            for name, value in self.objective.measures(self.pictures.take(rows), random, rows).items():
                name = "validation" if name == "loss" else name
                sums[name] = sums.get(name, 0.0) + value.item() * len(rows) / len(self.held_out)
            self.reporter.stop_if_asked()
        return sums

    def _show_probe(self) -> None:
        rows = self.probe.rows if self.probe else self.shown
        measure, chance = (self.probe.measure, self.probe.chance) if self.probe else ("", 0.0)
        pictures = self.ids[self.shown].tolist()
        self.watch.begin(self.ids[rows], measure, chance, pictures, strip(self.pictures.take(self.shown)))

    def note(self, event: dict[str, float]) -> None:
        self.run.note(**event)
        self.reporter.event(kind="epoch", run=self.run.name, **event)
        self.board.note(event)

    def checkpoint(self) -> None:
        """Begin to store everything needed to resume from here."""
        self.flush_losses()
        self.checkpoints.save(self.objective.network, self.optimizer, self.schedule, self.position)

    @torch.no_grad()
    def show_in_tensorboard(self) -> None:
        """Add the settings with what the kept weights reached, and the vectors of the probe by the last ones."""
        kept = kept_event(self.run.events(), self.run.card.get("best_epoch"))
        self.board.describe(self.run.config, kept or {})
        if self.probe is None:
            return
        self.objective.network.eval()
        taken = (self.pictures.take(rows) for rows in batches(self.probe.rows, self.config.batch))
        vectors, pictures = zip(*((self.objective.vectors(part), small(part)) for part in taken), strict=True)
        labels = self.probe.names or ("",) * len(self.probe.rows)
        names = [f"{label} {id}".strip() for label, id in zip(labels, self.ids[self.probe.rows], strict=True)]
        self.board.project(self.position.epoch, torch.cat(vectors), names, torch.cat(pictures))

    def discard_state(self) -> None:
        """Delete what continuing would need."""
        self.checkpoints.close()
        self.checkpoints.store.discard()

    def close(self) -> None:
        self.checkpoints.close()
        if self.open:
            self.board.close()

    def diverged(self) -> Diverged:
        done = self.position.epoch
        kept = f"the best checkpoint up to epoch {done} is kept" if done else "there is no checkpoint to keep"
        message = f"Training diverged: the loss became NaN or infinite in epoch {done + 1}; {kept}."
        return Diverged(message, way_out=f"Try a lower learning rate, such as {self.config.rate / 10:g}.")
