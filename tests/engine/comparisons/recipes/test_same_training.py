"""Which finished runs a planned training may use."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from engine.comparisons.recipes.run import _same_training
from engine.training.config import TrainingConfig, with_defaults
from engine.training.train import labels_digest

IDS, LABELS = np.arange(40), ["a", "b"] * 20


def collection(labels: list[str]) -> Any:
    images = SimpleNamespace(ids=IDS, labels=labels)
    return SimpleNamespace(name="pile", fingerprint=lambda: "f", images=lambda: images)


def run_of(config: TrainingConfig) -> Any:
    labels = {"digest": labels_digest(IDS, LABELS)}
    card = {"collection": {"name": "pile", "fingerprint": "f"}, "images": len(IDS), "labels": labels}
    return SimpleNamespace(config=config.as_dict(), card=card, prolonged_after=None, shipped=False)


def test_a_run_that_learned_other_labels_is_another_training() -> None:
    config = TrainingConfig(**with_defaults({"objective": "supcon"}))
    assert _same_training(run_of(config), config, collection(LABELS))
    assert not _same_training(run_of(config), config, collection(LABELS[::-1]))


def test_without_learning_labels_they_do_not_matter() -> None:
    config = TrainingConfig(**with_defaults({}))
    assert _same_training(run_of(config), config, collection(LABELS[::-1]))
