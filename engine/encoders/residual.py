"""Small residual networks as encoders, with weights trained on the user's own pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

import engine.runs.listing as runs
from engine.core.device import Device, device
from engine.core.errors import BadParameter, Corrupt, NotFound, NotTrained
from engine.core.home import Home
from engine.encoders.backbone import fold_batch_norm
from engine.encoders.encoder import Encoder, EncoderChoice, EncoderInfo
from engine.encoders.networks.table import is_counter
from engine.runs.run import Run
from models.specs import RESIDUAL, ResidualSpec

if TYPE_CHECKING:
    from torch import Tensor

    from models.residual import ResidualNetwork

_VERSION = "1"  # changes whenever the vectors would
_EMBEDDING = "avg-sqrt"  # what it was trained to compare are averages
_TO_TRAIN = "Pictures unlike photographs: learns from yours, without labels, in minutes."


class ResidualEncoder(Encoder):
    """A small residual network: the mean of the latents of a picture and of its mirror image.

    In bfloat16 if the hardware supports it, channels_last, with batch normalisation folded into the convolutions.
    """

    name = "residual"
    rank = 14

    def __init__(self, name: str, run: Run) -> None:
        self.device: Device = device()
        spec, size, card = RESIDUAL[name], int(run.config["size"]), run.card
        network = fold_batch_norm(network_with(spec, run.load(), run.name))
        self.network = network.to(self.device.name, self.device.dtype)
        self.info = EncoderInfo(
            name=name,
            weights=run.name,
            title=_title(spec, run),
            input_size=size,
            spatial=spec.latent_size(size) > 1,
            fingerprint=f"{run.digest[:32]}-{self.device.precision}-{_VERSION}",
            source=str(card.get("title", "")),
            licence=str(card.get("licence", "as the pictures it was trained on")),
            sha256=run.digest,
            precision=self.device.precision,
        )

    @classmethod
    def choices(cls, home: Home) -> list[EncoderChoice]:
        """Each network with its runs, newest first; a network without any is marked as untrained."""
        trained = [run for run in runs.runs(home) if run.ready and run.network in RESIDUAL]
        lines = []
        for name, spec in RESIDUAL.items():
            own = [_choice(spec, run) for run in trained if run.network == name]
            lines += own or [_untrained(name, spec)]
        return lines

    @classmethod
    def open(cls, name: str, weights: str, home: Home) -> Self:
        if name not in RESIDUAL:
            raise NotFound(f"There is no encoder {name!r}.")
        title = RESIDUAL[name].title
        if not weights:
            way_out = "Run: python -m engine train --collection NAME --objective contrastive"
            raise NotTrained(f"{title} has not been trained yet.", way_out=way_out)
        run = runs.run(home, weights)
        if run.encoder != name:
            raise BadParameter("weights", title, "those of one of its own runs", f"{weights}, a run of {run.encoder}")
        return cls(name, run)

    def encode(self, images: Tensor) -> Tensor:
        import torch

        with torch.inference_mode():
            batch = images.to(self.device.name, self.device.dtype, memory_format=torch.channels_last)
            latents, mirrored = self.network(batch), self.network(batch.flip(3))
            both: Tensor = (latents.float() + mirrored.float().flip(3)) / 2
            return both.to(images.device)


def network_with(spec: ResidualSpec, stored: dict[str, Tensor], run: str) -> ResidualNetwork:
    """The network with a run's weights; BadParameter if they belong to another architecture."""
    import torch

    from models.residual import ResidualNetwork

    with torch.device("meta"):
        network = ResidualNetwork(spec)
    wanted = {name: value for name, value in network.state_dict().items() if not is_counter(name)}
    for name, value in wanted.items():
        if name not in stored or stored[name].shape != value.shape:
            raise BadParameter("weights", spec.title, f"made for it ({name})", f"those of the run {run}")
        if not stored[name].isfinite().all():
            raise Corrupt(f"The weights of the run {run!r} hold values that are not numbers.")
    counters = {name: torch.zeros((), dtype=torch.int64) for name in network.state_dict() if is_counter(name)}
    network.load_state_dict({name: stored[name] for name in wanted} | counters, assign=True)
    return network.to(memory_format=torch.channels_last).eval().requires_grad_(False)


def _choice(spec: ResidualSpec, run: Run) -> EncoderChoice:
    learned = run.card.get("collection", {}).get("title") or "its own collection"
    how = "from its labels" if run.learned_labels else "without labels"
    return replace(
        _untrained(run.network, spec),
        weights=run.name,
        title=_title(spec, run),
        help=f"{run.card.get('title', '')} at {run.config['size']} pixels, {how}.",
        ready=True,
        trained_on=run.trained_on,
        learned_labels=run.learned_labels,
        good_for=f"Pictures like those of “{learned}”, which it was trained on.",
    )


def _untrained(name: str, spec: ResidualSpec) -> EncoderChoice:
    help = f"A small network that learns from your pictures alone ({spec.features} features). Not trained yet."
    title = f"{spec.title} · not trained yet"
    return EncoderChoice(name, "", title, help, ready=False, embedding=_EMBEDDING, good_for=_TO_TRAIN)


def _title(spec: ResidualSpec, run: Run) -> str:
    return f"{spec.title} · {run.title}"
