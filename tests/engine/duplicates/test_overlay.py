"""Laying one picture on another by their features."""

from __future__ import annotations

import numpy as np
import pytest

from engine.duplicates.overlay import Overlay, part
from engine.duplicates.prints import Look


@pytest.mark.parametrize(("own", "its"), [(0, 0), (0, 9), (9, 0)])
def test_a_picture_without_features_lies_on_none(own: int, its: int) -> None:
    """A blank one beside a textured one."""
    look = Look(np.zeros((64, 64), np.uint8), 1.0)
    features = [(np.zeros((count, 2), np.float32), np.zeros((count, 32), np.uint8)) for count in (own, its)]
    assert part(look, look, *features) == Overlay(0.0)
