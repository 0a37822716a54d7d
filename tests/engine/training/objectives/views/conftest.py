"""Every objective over views on a narrow network and one thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from engine.training.config import with_defaults
from models.specs import RESIDUAL

NARROW = replace(RESIDUAL["small-resnet"], widths=(8, 8, 16, 16))
SMALL: dict[str, Any] = with_defaults({"size": 32, "batch": 8, "epochs": 2, "probe": 16})
KINDS: dict[str, dict[str, Any]] = {
    "contrastive": {},
    "crops": {"crops": 1},
    "vicreg": {"objective": "vicreg", "optimizer": "sgd", "rate": 0.01, "clip": 1.0},
    "supcon": {"objective": "supcon", "validation": 0.2, "optimizer": "nadam", "warmup": 1.5},
    "triplet": {"objective": "triplet", "settings": {"mining": "batch-hard"}, "optimizer": "rmsprop", "rate": 1e-4},
    "semi-hard": {"objective": "triplet", "optimizer": "radam"},
}


@pytest.fixture(autouse=True)
def small_and_repeatable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A narrow network on one thread."""
    monkeypatch.setitem(RESIDUAL, "small-resnet", NARROW)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
