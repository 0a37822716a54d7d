"""What people call the settings of a training, and how their values are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.training.schedules import SCHEDULES

_OPTIONS = {option.name: option.title for kind in SCHEDULES.values() for option in kind.options}
SETTINGS = {
    "rate": "Learning rate",
    "size": "Input size",
    "options": "Schedule settings",
    "validation": "Validation share",
    "limit": "Max. pictures",
    "contrast": "Weight of the contrastive loss",
    "views": "View size",
    "surroundings": "Surroundings from other pictures",
    "crops": "Small views",
    "warmup": "Warm-up (epochs)",
    "clip": "Gradient clipping",
    "settings": "Settings of the objective",
    "weight_decay": "Weight decay",
    "recognition": "Altered copy found",
    "keep": "Checkpoint to keep",
    "clusters": "Clusters",
    "start": "Initial weights",
    "patience": "Early-stopping patience",
    "probe": "Probe pictures (retrieval)",
    "keep_state": "Kept what continuing needs",
    "retrieval": "Retrieval with the kept weights",
    "images": "Pictures",
    "made": "Date",
    "train_loss": "Training loss",
    "precision_at_8": "Precision@8",
    "precision_at_8_interval": "95 % interval",
}


_OF_RECONSTRUCTION = {"loss", "contrast", "noise", "flip", "crop", "colour"}


def heeded(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a training heeds: "Model 4" and "Loss mse" say nothing of a ResNet that learns from views."""
    clusters, network = config.get("objective") == "deepcluster", config.get("network")
    ignored = {"model" if network else "start"} | (set() if clusters else {"clusters"})
    if config.get("objective", "autoencoding") != "autoencoding":
        ignored |= _OF_RECONSTRUCTION
    if network and not clusters:
        ignored.add("surroundings")
    return {name: value for name, value in config.items() if name not in ignored}


def setting(name: str) -> str:
    """What people call a setting, or a fact of a card."""
    return SETTINGS.get(name) or _OPTIONS.get(name) or name.replace("_", " ").capitalize()


def shown(value: Any) -> str:
    """A value of a setting or of a card, for display."""
    if isinstance(value, dict):
        named = value.get("title") or ", ".join(f"{key} {shown(part)}" for key, part in value.items())
        return str(named)
    if isinstance(value, list):
        return " to ".join(map(shown, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value in (None, ""):
        return "–"
    return f"{value:.5g}" if isinstance(value, float) else str(value)
