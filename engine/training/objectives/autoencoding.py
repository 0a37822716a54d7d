"""The objective of an autoencoder: reconstruct the picture and, optionally, recognise augmented views of it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.core.device import Device
from engine.training.augment import augmented, noisy
from engine.training.config import TrainingConfig
from engine.training.losses import loss, mse, ssim
from engine.training.objective import Epoch
from engine.training.objectives.contrast import view
from engine.training.pictures import Pictures, Rows, shuffled
from engine.training.view_losses.nt_xent import nt_xent
from models.autoencoder import Autoencoder


class Autoencoding:
    """Models 1–4 as an objective of the training loop (see `objective.Objective`)."""

    def __init__(self, config: TrainingConfig, device: Device) -> None:
        self.config, self.device = config, device
        network = Autoencoder(config.model).initialise(config.seed)
        self.network: Autoencoder = network.to(device.name, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._between = loss(config.loss).between

    def weights(self) -> dict[str, Tensor]:
        return self.network.state_dict()

    def begin_epoch(self, number: int, pictures: Pictures, learning: Rows, check: Callable[[], None]) -> Epoch:
        """Every row once, in this epoch's own order."""
        return Epoch(shuffled(learning, self.config.seed, number))

    def loss(self, pictures: Tensor, generator: torch.Generator, rows: Rows) -> Tensor:
        """Mean reconstruction loss of the augmented pictures, plus the contrastive loss over their views."""
        targets = augmented(pictures, self.config, generator)
        if not self.config.contrast:
            return self._loss(noisy(targets, self.config.noise, generator), targets)
        inputs, targets = self._views(pictures, targets, generator)
        return self._loss(noisy(inputs, self.config.noise, generator), targets)

    def measures(self, pictures: Tensor, generator: torch.Generator, rows: Rows) -> dict[str, Tensor]:
        """The training loss, and both reconstruction losses of the unaugmented pictures: "mse" and "ssim"."""
        drawn = self.reconstructed(pictures)
        found = {"mse": mse(drawn, pictures), "ssim": ssim(drawn, pictures)}
        found["loss"] = found["mse"] + found["ssim"] if self.config.loss == "mix" else found[self.config.loss]
        if self.config.contrast:
            found["loss"] = self._loss(*self._views(pictures, pictures, generator))
        return found

    def vectors(self, pictures: Tensor) -> Tensor:
        """(n, C) global max pool of the latents."""
        with self._precision():
            latents: Tensor = self.network.encoder(pictures)
        return latents.float().amax((2, 3))

    def reconstructed(self, pictures: Tensor) -> Tensor:
        with self._precision():
            drawn: Tensor = self.network(pictures)
        return drawn.float()

    def _loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        # With two views of each picture `inputs` is twice as long as `targets`; only the first half is decoded.
        with self._precision():
            latents = self.network.encoder(inputs)
            outputs = self.network.decode(latents[: len(targets)])
        value = self._between(outputs.float(), targets)
        if self.config.contrast:
            value = value + self.config.contrast * nt_xent(latents.amax((2, 3)), self.config.temperature)
        return value

    def _views(self, pictures: Tensor, first: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """(inputs, targets): both views of every picture, concatenated, and the first views."""
        side = self.config.views or self.config.size
        targets = view(first, side, generator, self.config.surroundings)
        inputs = torch.cat([targets, view(pictures, side, generator, self.config.surroundings)])
        return inputs.contiguous(memory_format=torch.channels_last), targets

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.name, dtype=self.device.dtype, enabled=self.device.reduced)
