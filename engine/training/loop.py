"""The training loop: decoded pictures in, a run with its best weights out.

Everything random is a function of (seed, epoch, batch), and everything that moves is in `Training`: the weights, Adam's
moments, the schedule's state and the number of finished epochs. Nothing else decides how a training goes on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.encoders.device import Device, keep_freed_memory
from engine.errors import BadParameter, Diverged, Stopped
from engine.jobs import Reporter
from engine.training.config import LEAST_IMAGES, TrainingConfig
from engine.training.contrast import nt_xent, view
from engine.training.losses import loss
from engine.training.runs import Run
from engine.training.schedules import schedule
from models.autoencoder import Autoencoder

_ORDER, _SPLIT, _NOISE, _CHECK = 1, 2, 3, 4  # what a random stream is for


def train(config: TrainingConfig, pixels: NDArray[np.uint8], run: Run, reporter: Reporter, device: Device) -> Run:
    """Train on (n, s, s, 3) uint8 pictures and keep the weights with the lowest validation loss in `run`.

    Raises:
        BadParameter: too few pictures, or of another size. Diverged: the loss became NaN or infinite.
        Stopped: a person asked. The last two leave the best weights so far in the run.
    """
    keep_freed_memory()
    pictures = Pictures(checked_pixels(pixels, config), device)
    learning, held_out = split(len(pixels), config)
    training = Training(config, device)
    work = Work(run, reporter, done=0, total=config.epochs * len(learning))
    try:
        for epoch in range(config.epochs):
            began = time.monotonic()
            train_loss = training.one_epoch(epoch, pictures, learning, work)
            seconds = time.monotonic() - began
            validation = training.validate(pictures, held_out, work) if len(held_out) else train_loss
            training.end_epoch(epoch, validation)
            best = training.keep_if_best(run, epoch, train_loss, validation)
            run.note(epoch=epoch + 1, train=train_loss, validation=validation, best=best,
                     rate=training.rate, images_per_second=round(len(learning) / seconds, 2))  # fmt: skip
    except (Stopped, Diverged, KeyboardInterrupt) as error:
        run.end("failed" if isinstance(error, Diverged) else "stopped", epochs_done=training.epochs_done)
        raise
    run.end("done", epochs_done=training.epochs_done)
    return run


@dataclass
class Work:
    """Who is told how far the training is."""

    run: Run
    reporter: Reporter
    done: int
    total: int

    def advance(self, images: int, epoch: int, epochs: int, loss: float) -> None:
        self.done += images
        self.reporter.update("Training", self.done, self.total, note=f"epoch {epoch + 1} of {epochs} · loss {loss:.5f}")


class Training:
    """A network on its way: weights, optimizer, schedule, and how many epochs are done."""

    def __init__(self, config: TrainingConfig, device: Device) -> None:
        self.config, self.device = config, device
        network = Autoencoder(config.model).initialise(config.seed)
        self.network = network.to(device.name, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=config.rate, fused=True)
        self.schedule = schedule(config.schedule, config.rate, config.epochs, config.options)
        self.loss = loss(config.loss).between
        self.epochs_done = 0
        self.best = math.inf

    @property
    def rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def one_epoch(self, epoch: int, pictures: Pictures, rows: NDArray[np.int64], work: Work) -> float:
        """One pass over the rows in the order of this epoch; the mean training loss."""
        config = self.config
        total, steps = 0.0, math.ceil(len(rows) / config.batch)
        self.network.train()
        for step, batch in enumerate(batches(shuffled(rows, config.seed, epoch), config.batch)):
            self.optimizer.param_groups[0]["lr"] = self.schedule.rate(epoch + step / steps)
            value = self.step(pictures.take(batch), _generator(config.seed, _NOISE, epoch, step))
            if not math.isfinite(value):
                raise self.diverged(epoch)
            total += value * len(batch)
            work.advance(len(batch), epoch, config.epochs, value)
        return total / len(rows)

    def step(self, originals: Tensor, generator: torch.Generator) -> float:
        """One step of Adam on a batch; the loss before it."""
        value = self.objective(*augmented(originals, self.config, generator))
        self.optimizer.zero_grad(set_to_none=True)
        value.backward()
        self.optimizer.step()
        return value.item()

    def objective(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of reconstructing `targets`, and where it is asked for of telling which views belong together."""
        count = len(targets)  # with two views of each picture, `inputs` is twice as long and the first half is decoded
        with torch.autocast(self.device.name, dtype=self.device.dtype, enabled=self.device.reduced):
            latents = self.network.encoder(inputs)
            outputs = self.network.decode(latents[:count])
        value = self.loss(outputs.float(), targets)
        if self.config.contrast:
            value = value + self.config.contrast * nt_xent(latents.amax((2, 3)))
        return value

    @torch.no_grad()
    def validate(self, pictures: Pictures, rows: NDArray[np.int64], work: Work) -> float:
        """The mean loss on the held-out rows, without noise; views, where there are any, are the same every time."""
        self.network.eval()
        total, plain = 0.0, replace(self.config, noise=0.0, flip=False)
        for step, batch in enumerate(batches(rows, self.config.batch)):
            generator = _generator(self.config.seed, _CHECK, step)
            total += self.objective(*augmented(pictures.take(batch), plain, generator)).item() * len(batch)
            work.reporter.stop_if_asked()
        return total / len(rows)

    def end_epoch(self, epoch: int, validation: float) -> None:
        """Tell the schedule; an epoch without a finite loss does not count."""
        if not math.isfinite(validation):
            raise self.diverged(epoch)
        self.schedule.observe(validation)
        self.epochs_done = epoch + 1

    def keep_if_best(self, run: Run, epoch: int, train_loss: float, validation: float) -> bool:
        """Store the weights when the validation loss is the lowest so far."""
        if validation >= self.best:
            return False
        self.best = validation
        run.keep(self.network.state_dict(), best_epoch=epoch + 1, train_loss=train_loss, validation_loss=validation)
        return True

    def diverged(self, epoch: int) -> Diverged:
        done = self.epochs_done
        kept = f"the best weights up to epoch {done} are kept" if done else "there is nothing to keep"
        message = f"The loss stopped being a number in epoch {epoch + 1}; {kept}."
        return Diverged(message, way_out=f"Try a lower learning rate, such as {self.config.rate / 10:g}.")


class Pictures:
    """Decoded pictures, handed out as float batches in channels_last; on a graphics card as a whole when they fit."""

    def __init__(self, pixels: NDArray[np.uint8], device: Device) -> None:
        self.device = device
        self.pixels = pixels
        self.resident: Tensor | None = None
        if device.name == "cuda" and pixels.nbytes < torch.cuda.mem_get_info()[0] // 2:
            self.resident = torch.from_numpy(np.ascontiguousarray(pixels)).to(device.name)

    def take(self, rows: NDArray[np.int64]) -> Tensor:
        """(b,) rows to (b, 3, s, s) float32 in [0, 1]."""
        if self.resident is not None:
            chosen = self.resident[torch.from_numpy(rows).to(self.device.name)]
        else:
            chosen = torch.from_numpy(self.pixels[rows]).to(self.device.name)
        return chosen.permute(0, 3, 1, 2).float().div_(255)  # (b, s, s, 3) in memory is channels_last


def augmented(originals: Tensor, config: TrainingConfig, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(inputs, targets) for a batch: mirrored, as two altered views, with noise, where the config asks for it."""
    targets = originals
    if config.flip:
        mirrored = (torch.rand(len(originals), generator=generator) < 0.5).to(originals.device)
        targets = torch.where(mirrored[:, None, None, None], originals.flip(3), originals)
    inputs = targets
    if config.contrast:
        side = config.views or config.size
        targets = view(targets, side, generator)
        inputs = torch.cat([targets, view(originals, side, generator)])
    if config.noise:
        noise = torch.randn(inputs.shape, generator=generator).to(inputs.device)
        inputs = (inputs + config.noise * noise).clamp(0, 1)
    return inputs.contiguous(memory_format=torch.channels_last), targets


def split(count: int, config: TrainingConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(training rows, validation rows), drawn by the seed, each in ascending order (kind to a memory map)."""
    drawn = np.random.default_rng([config.seed, _SPLIT]).permutation(count)
    held_out = math.ceil(count * config.validation)
    return np.sort(drawn[held_out:]), np.sort(drawn[:held_out])


def shuffled(rows: NDArray[np.int64], seed: int, epoch: int) -> NDArray[np.int64]:
    """The rows in the order of this epoch."""
    order: NDArray[np.int64] = np.random.default_rng([seed, _ORDER, epoch]).permutation(rows)
    return order


def batches(rows: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    """The rows in consecutive parts of `size`; the last may be smaller."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def checked_pixels(pixels: NDArray[np.uint8], config: TrainingConfig) -> NDArray[np.uint8]:
    """The pixels as they are, else BadParameter: the wrong size, or fewer than a training needs."""
    if pixels.ndim != 4 or pixels.shape[1:] != (config.size, config.size, 3):
        wanted = f"(n, {config.size}, {config.size}, 3)"
        raise BadParameter("shape of the pictures", "the training", wanted, pixels.shape)
    if len(pixels) < LEAST_IMAGES:
        raise BadParameter("number of images", "a training", f"at least {LEAST_IMAGES}", len(pixels))
    return pixels


def _generator(*parts: int) -> torch.Generator:
    """A stream of random numbers of its own for every purpose, epoch and batch."""
    seed = int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1))
    return torch.Generator().manual_seed(seed)
