"""timm networks by name, if timm is installed: `timm-resnet18.a1_in1k`, `timm-vit_tiny_patch16_224` …

Nothing is downloaded for them. Their weights come from an imported file, or from the cache of the Hugging Face hub,
where files are named by their sha256, which is verified.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from engine.core.errors import BadParameter, MissingPackage, NotFound, NoWeights, checksum_mismatch
from engine.core.home import Home
from engine.core.storage import file_digest
from engine.encoders.backbone import BackboneEncoder, backbone_info
from engine.encoders.encoder import PHOTOGRAPHS, EncoderChoice
from engine.encoders.networks import weights as pretrained
from engine.encoders.networks.table import Backbone

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


PREFIX = "timm-"
_NAME = re.compile(re.escape(PREFIX) + r"[a-z0-9][a-z0-9_]*(\.[a-z0-9_]+)?")
_DIGEST = re.compile("[0-9a-f]{64}")
_FILES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class TimmNetwork(Backbone):
    """A timm network; `hub` is the repository of its weights on the Hugging Face hub."""

    hub: str = ""

    def build(self) -> Module:
        """The network with random weights: some of its other state is only created by initialisation."""
        return _built(self.builder)


class TimmEncoder(BackboneEncoder):
    """timm networks up to their features; patch-based networks give a single vector, pooled by timm."""

    name = "timm"
    rank = 12

    @classmethod
    def choices(cls, home: Home) -> list[EncoderChoice]:
        """The networks with weights on this computer."""
        return [_choice(name) for name in with_weights(home)]

    @classmethod
    def unlisted(cls, name: str, home: Home) -> list[EncoderChoice]:
        if not _NAME.fullmatch(name) or (_installed() and not _exists(name.removeprefix(PREFIX))):
            return []
        return [_choice(name, ready=name in with_weights(home))]

    @classmethod
    def open(cls, name: str, weights: str, home: Home) -> Self:
        if weights:
            raise BadParameter("weights", f"the encoder {name}", "left out: it has only its own", weights)
        network = timm_network(name)
        if not pretrained.ready(home, network):
            pretrained.add(home, network, _cached(network))
        card, tensors = pretrained.load(home, network)
        return cls(network, backbone_info(network, card.sha256, card.source, card.licence), tensors)


def with_weights(home: Home) -> list[str]:
    """The names of the timm networks with weights on this computer."""
    return sorted(path.stem for path in home.pretrained.glob(f"{PREFIX}*.json") if _NAME.fullmatch(path.stem))


@cache
def timm_network(name: str) -> TimmNetwork:
    """The network of that name.

    Raises:
        MissingPackage: timm is not installed. NotFound: timm has no network of that name.
    """
    import torch

    model = name.removeprefix(PREFIX)
    if not _installed():
        raise MissingPackage(f"The network {name}", "timm")
    if not _NAME.fullmatch(name) or not _exists(model):
        raise NotFound(f"timm has no network {model!r}.")
    built: Any = _built(model)
    facts = built.pretrained_cfg
    size = int(facts["input_size"][-1])
    with torch.inference_mode():
        latents = _tap(built, torch.zeros(1, 3, size, size))
    weights = sum(weight.numel() for weight in built.parameters())
    return TimmNetwork(
        name, f"{model} (timm)", model, latents.shape[1], 0.0, "", (4 * weights >> 20) + 1,
        size=size, mean=tuple(facts["mean"]), std=tuple(facts["std"]), tap=_tap, spatial=latents.shape[-1] > 1,
        head=_heads(facts.get("classifier")), licence=str(facts.get("license") or "as timm says"), folded=False,
        hub=str(facts.get("hf_hub_id") or ""),
    )  # fmt: skip


def _built(model: str) -> Module:
    import timm

    network: Module = timm.create_model(model, pretrained=False, num_classes=0)
    return network.eval().requires_grad_(False)


def _tap(network: Any, images: Tensor) -> Tensor:
    """A feature map (n, C, h, w), from either memory layout; else the pooled vector (n, C, 1, 1)."""
    found: Tensor = network.forward_features(images)
    if found.ndim == 4:
        channels_last = found.shape[1] != network.num_features and found.shape[-1] == network.num_features
        return found.permute(0, 3, 1, 2) if channels_last else found
    pooled: Tensor = network.forward_head(found, pre_logits=True)
    return pooled[:, :, None, None]


def _heads(classifier: str | Iterable[str] | None) -> tuple[str, ...]:
    names = [classifier] if isinstance(classifier, str) else list(classifier or ["head"])
    return tuple(f"{name}." for name in names)


def _cached(network: TimmNetwork) -> Path:
    """The network's file in the hub's cache, after its sha256 is verified.

    Raises:
        NoWeights: the file is absent. Corrupt: its hash differs from its name.
    """
    folder = _hub_cache() / ("models--" + network.hub.replace("/", "--")) / "snapshots"
    found = (path for name in _FILES for path in sorted(folder.glob(f"*/{name}")))
    path = next((path for path in found if _DIGEST.fullmatch(path.resolve().name)), None)
    if path is None:
        source = f" from https://huggingface.co/{network.hub}" if network.hub else ""
        raise NoWeights(
            f"The weights of {network.title} are not on this computer yet.",
            way_out=f"Take {_FILES[0]}{source}, then: python -m engine weights add {network.name} FILE",
        )
    if file_digest(path) != path.resolve().name:
        raise checksum_mismatch(path)
    return path


def _hub_cache() -> Path:
    own = os.environ.get("HF_HUB_CACHE")
    return Path(own) if own else Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser() / "hub"


def _installed() -> bool:
    return find_spec("timm") is not None


def _exists(model: str) -> bool:
    import timm

    architecture, _, tag = model.partition(".")
    return bool(timm.is_model(architecture)) and (not tag or bool(timm.is_model_pretrained(model)))


def _choice(name: str, ready: bool = True) -> EncoderChoice:
    title = f"{name.removeprefix(PREFIX)} (timm)" + ("" if ready else " · not downloaded")
    help = "A network of the timm library, with the weights you added."
    return EncoderChoice(name, "", title, help, ready=ready, rare=not ready, shelf=PHOTOGRAPHS, good_for=help)
