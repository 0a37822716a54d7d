"""The training loop: decoded pictures in, a run with its best and its last weights out.

Everything random is a function of (seed, purpose, epoch, batch), and everything that moves is in a checkpoint: the
weights, Adam's moments, the schedule's state and the position. Nothing else decides how a training goes on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import suppress

import torch

from engine.core.device import Device, keep_freed_memory
from engine.core.errors import BenzerError, Diverged, OutOfMemory, Stopped, StorageFull
from engine.core.progress import Reporter
from engine.runs.epochs import Watch, strip
from engine.runs.run import Run
from engine.training.checkpoint import Checkpoints, Position
from engine.training.config import TrainingConfig
from engine.training.objectives.body import Weights
from engine.training.pictures import CHECK, NOISE, Data, Rows, batches, stream
from engine.training.schedules import schedule
from engine.training.setup import LoopSettings, Setup, of_pictures
from engine.training.tensorboard import TensorBoard

_SETTLED_EVERY = {"cpu": 1, "cuda": 16}  # steps after which the loss is looked at; each look waits for the card


def train(
    config: TrainingConfig,
    data: Data,
    run: Run,
    reporter: Reporter,
    device: Device,
    first: Weights | None = None,
) -> Run:
    """Train as `config` says, from the run's checkpoint where it has one; best and last weights are in the run.

    Args:
        first: weights to begin with, where they are not drawn by the seed.

    Raises:
        BadParameter: too few pictures, or of another size. Diverged: the loss became NaN or infinite. OutOfMemory: not
        even half a batch fits. StorageFull: the disk refused. Stopped: a person asked.
        All but the first leave the best weights so far in the run; it can be continued, save where it diverged.
    """
    return carried_out(Training(config, data.checked(config), run, reporter, device, first))


def carried_out(training: Training) -> Run:
    """Train to the end and note how that came; returns and raises as `train` does."""
    keep_freed_memory()
    run = training.run
    try:
        training.whole()
    except (Stopped, KeyboardInterrupt):
        run.end("stopped", training.at.epoch)
        raise
    except BenzerError as error:
        run.end("failed", training.at.epoch, error=str(error), diverged=isinstance(error, Diverged))
        raise
    except (RuntimeError, MemoryError) as error:
        if not _out_of_memory(error):
            raise
        short = OutOfMemory("Memory ran out outside the batches.", way_out="Try smaller pictures or a smaller model.")
        run.end("failed", training.at.epoch, error=str(short))
        raise short from error
    finally:
        training.close()
    run.end("done", training.at.epoch)
    return run


class Training:
    """A network on its way: what is trained, on what, how far it is, and where that is written."""

    config: LoopSettings

    def __init__(
        self,
        config: TrainingConfig,
        data: Data,
        run: Run,
        reporter: Reporter,
        device: Device,
        first: Weights | None = None,
    ) -> None:
        self._begin_with(config, of_pictures(config, data, device, first), run, reporter, device)

    @classmethod
    def on(cls, config: LoopSettings, material: Setup, run: Run, reporter: Reporter, device: Device) -> Training:
        """A training on anything else than pictures."""
        training = cls.__new__(cls)
        training._begin_with(config, material, run, reporter, device)
        return training

    def _begin_with(self, config: LoopSettings, material: Setup, run: Run, reporter: Reporter, device: Device) -> None:
        self.config, self.run, self.reporter = config, run, reporter
        self.objective, self.pictures, self.ids = material.objective, material.source, material.ids
        groups = material.groups or [{"params": list(self.objective.network.parameters()), "share": 1.0}]
        self.optimizer = torch.optim.Adam(groups, lr=config.rate, fused=True)
        self.schedule = schedule(config.schedule, config.rate, config.epochs, config.options)
        self.learning, self.held_out = material.learning, material.held_out
        self.probe, self.shown, self.watched = material.probe, material.shown, material.watched
        self.checkpoints, self.watch = Checkpoints(run.folder), Watch(run.folder / "watch")
        self.at, self.open, self.learned = Position(), False, material.learned
        self.figures: Mapping[str, float] = {}  # of how the running epoch began
        self.settled_every, self.unsettled = _SETTLED_EVERY[device.name], list[tuple[torch.Tensor, int]]()

    @property
    def goes_on(self) -> bool:
        patient = not self.config.patience or self.at.bad < self.config.patience
        return self.at.epoch < self.config.epochs and patient

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return math.ceil(len(self.learning) / self.config.batch)

    def whole(self) -> None:
        """Train from where it stands to the end; a checkpoint is there afterwards, and after a stop."""
        try:
            self.begin()
            while self.goes_on:
                self.end_epoch(self.one_epoch())
        except Stopped:  # not an interrupt, which may come in the middle of a step: the last checkpoint stands then
            self.checkpoint()
            raise
        self.checkpoint()
        with suppress(StorageFull):  # only a matter of space
            self.checkpoints.store.forget_former()

    def begin(self) -> None:
        """Go back to the last checkpoint, or note how the untrained network does."""
        found = self.checkpoints.restore(self.objective.network, self.optimizer, self.schedule)
        self.run.rewind(found.epoch if found else -1)
        if found:
            self._go_on_from(found)
        self.board, self.open = TensorBoard(self.run.folder / "tensorboard", found.epoch if found else None), True
        if not (self.at.epoch or self.at.step or self.run.events()):
            if self.watched:
                self._show_probe()
            seen = self.look(0)
            if self.learned and "validation" in seen:
                self.keep_if_best(0, seen["validation"], seen)
            self.note({"epoch": 0, **seen})

    def _go_on_from(self, found: Position) -> None:
        self.at = found
        if not self.goes_on and self.run.prolonged_after == found.epoch:
            found.bad = 0  # who goes on after an early stop is patient anew
        self.run.note(kind="continued", epoch_begun=found.epoch)
        if found.parts > 1 and not any(note["kind"] == "halved" for note in self.run.notes()):
            self._note_halved()  # gone over again since, but not undone

    def one_epoch(self) -> float:
        """What is left of this epoch, in its order; its mean training loss."""
        at, config = self.at, self.config
        began, before = time.monotonic(), at.seconds
        order = self.begin_epoch()
        self.objective.network.train()
        for step in range(at.step, self.steps):
            for group in self.optimizer.param_groups:
                group["lr"] = group["share"] * self.schedule.rate(at.epoch + step / self.steps)
            rows = order[step * config.batch : (step + 1) * config.batch]
            self.step(rows)
            at.step, at.seconds = step + 1, before + time.monotonic() - began
            self.tell()
            if self.checkpoints.due:
                self.checkpoint()
        self.settle()
        return at.total / at.seen

    def begin_epoch(self) -> Rows:
        """The rows of this epoch in the order in which they are learned from."""
        begun = self.objective.begin_epoch(self.at.epoch, self.pictures, self.learning, self.reporter.stop_if_asked)
        for weight in begun.fresh:
            self.optimizer.state.pop(weight, None)
        self.figures = begun.figures
        return begun.order

    def step(self, rows: Rows) -> None:
        """One step of Adam on a batch; where the memory does not hold it, on its two halves one after the other."""
        value = None
        while value is None:
            try:
                value = self._gradients(rows)
            except (RuntimeError, MemoryError) as error:
                if not _out_of_memory(error):
                    raise
                self._halve(error)
        self.optimizer.step()
        self.unsettled.append((value, len(rows)))
        if len(self.unsettled) >= self.settled_every:
            self.settle()

    def _gradients(self, rows: Rows) -> torch.Tensor:
        """Put the gradient of the mean loss of these rows into the weights; that loss."""
        self.optimizer.zero_grad(set_to_none=True)
        values = []
        for part, some in enumerate(batches(rows, math.ceil(len(rows) / self.at.parts))):
            random = stream(self.config.seed, NOISE, self.at.epoch, self.at.step, part)
            value = self.objective.loss(self.pictures.take(some), random, some) * (len(some) / len(rows))
            value.backward()
            values.append(value.detach())
        return torch.stack(values).sum()

    def _halve(self, error: Exception) -> None:
        if self.at.parts > 1:
            raise OutOfMemory(
                f"Not even half a batch of {self.config.batch} pictures fits into memory.",
                way_out=f"Try a batch of {max(1, self.config.batch // 4)}, smaller pictures, or a smaller model.",
            ) from error
        self.at.parts = 2
        self._note_halved()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _note_halved(self) -> None:
        self.run.note(kind="halved", epoch_begun=self.at.epoch + 1, batch=self.config.batch)

    def settle(self) -> None:
        """Add the losses of the last steps up; Diverged when one of them is no number."""
        for value, count in self.unsettled:
            loss = value.item()
            if not math.isfinite(loss):
                raise self.diverged()
            self.at.total += loss * count
            self.at.seen += count
        self.unsettled.clear()

    def tell(self) -> None:
        """Report how far the training is; Stopped when a person asked for it."""
        at, config, total = self.at, self.config, self.config.epochs * len(self.learning)
        done = at.epoch * len(self.learning) + min(at.step * config.batch, len(self.learning))
        note = f"epoch {at.epoch + 1} of {config.epochs}"
        if at.seen:
            note += f" · loss {at.total / at.seen:.5f}"
        if at.parts > 1:
            note += " · memory ran short: batches are split into two halves"
        self.reporter.update("Training", done, total, note=note)

    def end_epoch(self, train_loss: float) -> None:
        """Measure what the epoch brought, keep the weights where they are the best so far, and note all of it."""
        at = self.at
        rate = self.schedule.rate(at.epoch + (self.steps - 1) / self.steps)  # that of the last batch
        seen = {"train": train_loss, **self.look(at.epoch + 1), **self.figures}
        judged = seen.get("validation", train_loss)
        if not (math.isfinite(judged) and self.finite):
            raise self.diverged()
        speed = len(self.learning) / max(at.seconds, 1e-9)
        self.schedule.observe(judged)
        best = self.keep_if_best(at.epoch + 1, judged, seen)
        event = {"epoch": at.epoch + 1, **seen, "rate": rate}
        self.note(event | {"images_per_second": round(speed, 2), "seconds": round(at.seconds, 2), "best": best})
        self.at = Position(at.epoch + 1, best=at.best, bad=at.bad, parts=at.parts)
        if self.checkpoints.due:
            self.checkpoint()

    @property
    def finite(self) -> bool:
        """Whether every weight is a number: the last step may have spoilt them, and only held-out pictures tell."""
        return all(bool(weights.isfinite().all()) for weights in self.objective.network.parameters())

    def keep_if_best(self, epoch: int, loss: float, seen: dict[str, float]) -> bool:
        """Make the weights the run's when what the config names is better than ever before."""
        value = -seen["retrieval"] if self.config.keep == "retrieval" else loss
        if self.config.keep != "last" and self.at.best is not None and value >= self.at.best:
            self.at.bad += 1
            return False
        self.at.best, self.at.bad = value, 0
        named = {"train": "train_loss", "validation": "validation_loss", "retrieval": "retrieval"}
        facts = {title: seen[name] for name, title in named.items() if name in seen}
        self.run.keep(self.objective.weights(), best_epoch=epoch, **facts)
        return True

    @torch.no_grad()
    def look(self, epoch: int) -> dict[str, float]:
        """The losses on the held-out pictures and the retrieval of the probe; shows both to whoever watches."""
        self.objective.network.eval()
        found, neighbours = self.measured(), None
        if self.probe:
            found["retrieval"], near = self.probe.ask(self.objective, self.pictures, self.config.seed)
            ids = self.ids[self.probe.rows]
            neighbours = ids[near]
            neighbours[near < 0] = -1
        if self.watched:
            drawn = self.objective.reconstructed(self.pictures.take(self.shown))
            self.watch.note(epoch, neighbours, b"" if drawn is None else strip(drawn))
        return found

    def measured(self) -> dict[str, float]:
        """The mean losses on the held-out pictures, without altering them; none where none are held out."""
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
        """Store all that is needed to go on from here."""
        self.settle()
        self.checkpoints.save(self.objective.network, self.optimizer, self.schedule, self.at)

    def close(self) -> None:
        if self.open:
            self.board.close()

    def diverged(self) -> Diverged:
        done = self.at.epoch
        kept = f"the best checkpoint up to epoch {done} is kept" if done else "there is no checkpoint to keep"
        message = f"Training diverged: the loss became NaN or infinite in epoch {done + 1}; {kept}."
        return Diverged(message, way_out=f"Try a lower learning rate, such as {self.config.rate / 10:g}.")


def _out_of_memory(error: Exception) -> bool:
    words = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in words or "allocate memory" in words
