"""The encoder halves of the four autoencoders, with the weights of a trained run."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import engine.runs.listing as runs
from engine.core.device import Device, device
from engine.core.errors import BadParameter, Corrupt, NotFound, NotTrained
from engine.core.home import Home
from engine.encoders.encoder import COMPUTED, OWN, Encoder, EncoderChoice, EncoderInfo
from engine.encoders.pooling import pooling
from engine.runs.run import Run

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from models.autoencoder import Autoencoder
    from models.tunable import TrainableImageEncoder

_SHIPPED = "default"
_NAMES = {f"model-{number}": number for number in (1, 2, 3, 4)}
_SUMMARY = {
    1: "Five blocks of convolution and 2×2 max pooling; latent 512×7×7 at 224 pixels.",
    2: "Model 1 and a sixth block; latent 1024×3×3.",
    3: "Model 2 with learned halving instead of pooling; latent 1024×3×3.",
    4: "Model 2 with 3×3 max pooling; latent 1024×2×2.",
}
_TO_TRAIN = "Pictures unlike photographs: learns from yours, without labels."


class AutoencoderEncoder(Encoder):
    """Models 1–4: bfloat16 if the hardware supports it, channels_last, on the GPU if available.

    On a CPU, these convolutions already run at the speed of plain matrix products, so nothing is compiled or fused
    further: that would need a C++ compiler on the user's machine and gain about two percent.
    """

    name = "autoencoder"
    rank = 15
    learns = True

    def __init__(self, number: int, run: Run) -> None:
        self.device: Device = device()
        self.number = number
        config, card, digest = run.config, run.card, run.digest
        self._run = run
        network = network_with(number, run.load(), run.name)
        self.network = self._placed(network.encoder)
        self.info = EncoderInfo(
            name=f"model-{number}",
            weights=run.name,
            title=_title(run),
            input_size=int(config["size"]),
            spatial=network.spec.latent_size(int(config["size"])) > 1,
            fingerprint=f"{digest[:32]}-{self.device.precision}",
            source=str(card.get("title", "")),
            licence=str(card.get("licence", "as the pictures it was trained on")),
            sha256=digest,
            precision=self.device.precision,
        )

    @classmethod
    def choices(cls, home: Home) -> list[EncoderChoice]:
        """Each model with its runs, newest first; the shipped model leads, untrained models are marked as such."""
        trained = [run for run in runs.runs(home) if run.ready and not run.network]
        shipped = next((run.model for run in trained if run.name == "default"), None)
        order = sorted(_NAMES.values(), key=lambda number: number != shipped)
        lines = []
        for number in order:
            own = [_choice(run) for run in trained if run.model == number]
            lines += sorted(own, key=lambda c: c.weights != "default") or [_untrained(number)]
        return lines

    @classmethod
    def open(cls, name: str, weights: str, home: Home) -> Self:
        if name not in _NAMES:
            raise NotFound(f"There is no encoder {name!r}.")
        number = _NAMES[name]
        if not weights:
            raise NotTrained(
                f"Model {number} has not been trained yet.",
                way_out=f"Run: python -m engine train --collection NAME --model {number}",
            )
        run = runs.run(home, weights)
        if run.encoder != name:
            found = f"{weights}, a run of {run.network or f'Model {run.model}'}"
            raise BadParameter("weights", f"Model {number}", "those of one of its own runs", found)
        return cls(number, run)

    def trainable(self, home: Home, embedding: str) -> TrainableImageEncoder:
        from models.tunable import TrainableImageEncoder

        weights = runs.run(home, self.info.weights).load()
        network = network_with(self.number, weights, self.info.weights).encoder
        return TrainableImageEncoder(network, _through, pooling(embedding, self.info.spatial))

    def with_weights(self, weights: dict[str, Tensor]) -> Encoder:
        other = copy.copy(self)
        other._decoder = None  # what there is belongs to the former weights
        stored = {f"encoder.{name}": value for name, value in weights.items()}
        other.network = self._placed(network_with(self.number, stored, self.info.weights).encoder)
        return other

    def _placed(self, network: Module) -> Module:
        import torch

        return network.to(self.device.name, self.device.dtype).to(memory_format=torch.channels_last)

    def encode(self, images: Tensor) -> Tensor:
        import torch

        with torch.inference_mode():
            batch = images.to(self.device.name, self.device.dtype, memory_format=torch.channels_last)
            latents: Tensor = self.network(batch)
            return latents.float().to(images.device)

    @cached_property
    def _decoder(self) -> Autoencoder | None:
        return _decoder_of(self.number, self._run.load())

    @property
    def decodes(self) -> bool:
        return self._decoder is not None

    def decode(self, latents: Tensor) -> Tensor:
        import torch

        if self._decoder is None:
            return super().decode(latents)
        with torch.inference_mode():
            pictures: Tensor = self._decoder.decode(latents.float().cpu())
            return pictures.to(latents.device)


def _through(network: Any, images: Tensor) -> Tensor:
    latents: Tensor = network(images)
    return latents


def _empty(number: int) -> Autoencoder:
    """The network without memory for its weights."""
    import torch

    from models.autoencoder import Autoencoder

    with torch.device("meta"):
        return Autoencoder(number)


def network_with(number: int, stored: dict[str, Tensor], run: str) -> Autoencoder:
    """The network, its encoder half with a run's weights; BadParameter if they belong to another architecture."""
    network = _empty(number)
    wanted = {f"encoder.{key}": value for key, value in network.encoder.state_dict().items()}
    for key, value in wanted.items():
        if key not in stored or stored[key].shape != value.shape:
            raise _foreign(number, run, key, stored.get(key), value)
        if not stored[key].isfinite().all():
            raise Corrupt(f"The weights of the run {run!r} hold values that are not numbers.")
    weights = {key.removeprefix("encoder."): stored[key] for key in wanted}
    network.encoder.load_state_dict(weights, assign=True)
    return network.eval().requires_grad_(False)


def _decoder_of(number: int, stored: dict[str, Tensor]) -> Autoencoder | None:
    """The network, its decoder half with a run's weights; None for a run that has none."""
    network = _empty(number)
    wanted = network.decoder.state_dict()
    weights = {key: stored[f"decoder.{key}"] for key in wanted if f"decoder.{key}" in stored}
    if any(key not in weights or weights[key].shape != value.shape for key, value in wanted.items()):
        return None
    network.decoder.load_state_dict(weights, assign=True)
    return network.eval().requires_grad_(False)


def _foreign(number: int, run: str, key: str, found: Any, wanted: Any) -> BadParameter:
    shape = "missing" if found is None else "×".join(map(str, found.shape))
    needed = "×".join(map(str, wanted.shape))
    return BadParameter(
        "weights", f"Model {number}", f"made for it ({key} of {needed})", f"the run {run}, where that is {shape}"
    )


def _choice(run: Run) -> EncoderChoice:
    title = _title(run)
    help = f"{_SUMMARY[run.model]} {run.card.get('title', '')} at {run.config['size']} pixels.".replace("  ", " ")
    shipped, learned = run.name == _SHIPPED, run.card.get("collection", {}).get("title") or "its own collection"
    return EncoderChoice(
        f"model-{run.model}", run.name, title, help, ready=True, trained_on=run.trained_on,
        learned_labels=run.learned_labels,
        shelf=COMPUTED if shipped else OWN, good_for=f"Pictures like those of “{learned}”, which it was trained on.",
    )  # fmt: skip


def _title(run: Run) -> str:
    """The model and the title of its run; the shipped run is titled by its training data."""
    if run.name != _SHIPPED:
        return f"Model {run.model} · {run.title}"
    return f"Model {run.model} (trained on {run.card.get('collection', {}).get('title', 'drawn pictures')})"


def _untrained(number: int) -> EncoderChoice:
    help = f"{_SUMMARY[number]} Not trained yet: train it on one of your collections first."
    title = f"Model {number} · not trained yet"
    return EncoderChoice(f"model-{number}", "", title, help, ready=False, good_for=_TO_TRAIN)
