"""The order of an epoch's pictures, such that every batch is full and labels are evenly mixed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from engine.training.pictures import Rows

TOGETHER = 4  # pictures of one label in a batch, so that each meets others of its own


def whole_batches(order: Rows, size: int) -> Rows:
    """The order with the first rows once more at its end, so that the last batch is as large as the others.

    Few views are easily told apart, and their statistics are noise. Fewer rows than one batch stay as they are.
    """
    missing = -len(order) % size if len(order) > size else 0
    return np.resize(order, len(order) + missing)


def in_rounds(labels: NDArray[np.int64], batch: int, random: np.random.Generator) -> NDArray[np.int64]:
    """(n,) positions, as many as there are (n,) labels: four of each label in turn, in rounds over all labels.

    Each label comes equally often, give or take four, however many pictures it has: those of small ones are repeated.
    With more labels than a batch has fours, a batch holds some of them; small batches hold at least two labels.
    Source: Hermans, Beyer and Leibe, "In defense of the triplet loss for person re-identification", 2017 (PK batches).
    """
    there = np.unique(labels)
    together = max(1, min(TOGETHER, batch // 2))
    turns = {label: _endless(np.flatnonzero(labels == label), random) for label in there}
    found: list[int] = []
    while len(found) < len(labels):
        for label in random.permutation(there):
            found += [next(turns[label]) for _ in range(together)]
    return np.array(found[: len(labels)], dtype=np.int64)


def _endless(members: NDArray[np.int64], random: np.random.Generator) -> Iterator[int]:
    """The members again and again, in another order each time."""
    while True:
        yield from random.permutation(members).tolist()
