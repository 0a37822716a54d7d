"""Objectives over views of pictures: one file each; `view_losses()` discovers them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

from engine.core.discovery import implementations
from engine.training.view_loss import ViewLoss


@cache
def view_losses() -> dict[str, type[ViewLoss]]:
    """Every objective over views by its name, in the order of lists."""
    found = implementations(sys.modules[__name__], ViewLoss)
    return dict(sorted(found.items(), key=lambda item: (item[1].rank, item[0])))


def learns_labels(config: Mapping[str, Any]) -> bool:
    """Whether a training with this config learns from the labels of its collection."""
    known = view_losses().get(str(config.get("objective")))
    return known is not None and known.learns_labels
