"""Downloading the weights of a ready-made network as a job."""

from __future__ import annotations

from typing import Any

from engine.core.home import Home, home_of
from engine.core.progress import Reporter
from engine.encoders.combination import parts_of
from engine.encoders.fusion import NAME as FUSION
from engine.encoders.networks import weights as pretrained
from engine.encoders.networks.table import BACKBONES, backbone
from engine.jobs.queue import turn
from engine.runs.classifiers import classifier
from engine.texts.published import PUBLISHED, fetch_text_network, folder_of
from models.specs import RESIDUAL


def fetch(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Download the weights of a ready-made network: `network`, or the encoder of `recipe`."""
    home = home_of(arguments)
    name = network_of(arguments, home)
    if name in PUBLISHED:
        text = PUBLISHED[name]
        with turn(home.jobs, f"fetch-{text.name}", reporter):
            fetch_text_network(home, text, reporter)
            return {"network": text.name, "sha256": text.sha256}
    network = backbone(name)
    with turn(home.jobs, f"fetch-{network.name}", reporter):
        return {"network": network.name, "sha256": pretrained.fetch(home, network, reporter).sha256}


def network_of(arguments: dict[str, Any], home: Home) -> str:
    """The named network, or the part of the recipe's encoder whose weights are missing."""
    encoder = arguments.get("network") or arguments["recipe"]["encoder"]
    if encoder == FUSION:
        encoder = _missing_of(home, arguments["recipe"]["weights"])
    networks = [name for name, weights in parts_of(encoder, "") if not weights and name in BACKBONES]
    missing = (name for name in networks if not pretrained.ready(home, BACKBONES[name]))
    return str(next(missing, networks[0] if networks else encoder))


def title_of(network: str) -> str:
    """The displayed name of a network: "MobileNet-v2"."""
    known: Any = BACKBONES.get(network) or RESIDUAL.get(network) or PUBLISHED.get(network)
    return known.title if known else network


def _missing_of(home: Home, name: str) -> str:
    """A classifier's text encoder if its weights are missing, else its image encoder."""
    card = classifier(home, name).card
    text = PUBLISHED.get(card["text"] or "")
    if text is not None and folder_of(home, text) is None:
        return text.name
    return str(card["picture"]["encoder"]) if card["picture"] else text.name if text is not None else ""
