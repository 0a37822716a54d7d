"""What an objective without a decoder trains: Model 1–4, a ready-made or a small network, pictures to latents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Self

import torch
from torch import Tensor, nn

from engine.encoders.networks.table import backbone, is_counter
from engine.training.config import TrainingConfig
from models.autoencoder import Autoencoder
from models.residual import ResidualNetwork
from models.specs import RESIDUAL

Weights = Mapping[str, Tensor]


class Body(nn.Module):
    """A network from (n, 3, s, s) pictures in [0, 1] to (n, d) vectors: its latents, pooled per channel."""

    features: int  # d

    def vectors(self, pictures: Tensor) -> Tensor:
        """(n, d) as its encoder gives them."""
        found: Tensor = self(pictures)
        return found

    def weights(self) -> dict[str, Tensor]:
        """The encoder's weights, under the names in which encoders store them."""
        raise NotImplementedError


class ModelBody(Body):
    """The encoder of Model 1–4, max pooled; its decoder is left out."""

    def __init__(self, config: TrainingConfig) -> None:
        super().__init__()
        whole = Autoencoder(config.model).initialise(config.seed)
        self.encoder, self.features = whole.encoder, whole.spec.blocks[-1]

    def forward(self, pictures: Tensor) -> Tensor:
        latents: Tensor = self.encoder(pictures)
        return latents.amax((2, 3))

    def weights(self) -> dict[str, Tensor]:
        return {f"encoder.{name}": value for name, value in self.encoder.state_dict().items()}


class NetworkBody(Body):
    """A ready-made network up to its averaged features, with random or given weights."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: TrainingConfig, first: Weights | None) -> None:
        super().__init__()
        self.backbone = backbone(config.network)
        self.features = self.backbone.features
        self.network, self.settled = self.backbone.fresh(config.seed), config.start == "pretrained"
        if first is not None:
            self.network.load_state_dict(self.network.state_dict() | dict(first))
        for name, values in (("mean", self.backbone.mean), ("std", self.backbone.std)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def train(self, mode: bool = True) -> Self:
        """Keep the batch statistics of given weights: those of a few augmented views would spoil them."""
        super().train(mode)
        for part in self.modules():
            if self.settled and isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.eval()
        return self

    def forward(self, pictures: Tensor) -> Tensor:
        return self.backbone.tap(self.network, (pictures - self.mean) / self.std).mean((2, 3))

    def weights(self) -> dict[str, Tensor]:
        return {name: value for name, value in self.network.state_dict().items() if not is_counter(name)}


class ResidualBody(Body):
    """A small residual network, its latents averaged over their places."""

    def __init__(self, config: TrainingConfig) -> None:
        super().__init__()
        self.network = ResidualNetwork(RESIDUAL[config.network]).initialise(config.seed)
        self.features = self.network.spec.features

    def forward(self, pictures: Tensor) -> Tensor:
        latents: Tensor = self.network(pictures)
        return latents.mean((2, 3))

    def vectors(self, pictures: Tensor) -> Tensor:
        """The mean of the picture's vector and that of its mirror image."""
        return (self(pictures) + self(pictures.flip(3))) / 2

    def weights(self) -> dict[str, Tensor]:
        return {name: value for name, value in self.network.state_dict().items() if not is_counter(name)}


def body(config: TrainingConfig, first: Weights | None = None) -> Body:
    """The initial network of a config: with the given weights, else with weights drawn with the seed."""
    if config.network in RESIDUAL:
        return ResidualBody(config)
    return NetworkBody(config, first) if config.network else ModelBody(config)


@contextmanager
def seeded(generator: torch.Generator) -> Iterator[None]:
    """Make layers that draw random numbers (dropout, stochastic depth) use this stream inside the context only."""
    cards = torch.cuda.device_count()
    with torch.random.fork_rng(devices=range(cards)):
        seed = int(torch.randint(2**62, (), generator=generator))
        torch.default_generator.manual_seed(seed)  # torch.manual_seed takes 2 ms: it records the stack for later GPUs
        if cards:
            torch.cuda.manual_seed_all(seed)
        yield
