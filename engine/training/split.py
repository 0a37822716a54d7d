"""Which pictures a training uses, which of them it learns from, and which are held out: all drawn with the seed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.training.config import TrainingConfig

_SPLIT, _MIXED = 2, 7  # what a random stream is for; the other purposes are in `pictures.py`


def chosen_rows(count: int, config: TrainingConfig) -> NDArray[np.int64]:
    """The rows to train on: all, or `limit` drawn with the seed."""
    if config.limit is None or config.limit >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng([config.seed, 0]).permutation(count)[: config.limit])


def split(count: int, config: TrainingConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(training rows, validation rows), drawn with the seed, each ascending (fast on a memory map)."""
    drawn = np.random.default_rng([config.seed, _SPLIT]).permutation(count)
    held_out = math.ceil(count * config.validation)
    return np.sort(drawn[held_out:]), np.sort(drawn[:held_out])


def rows_of(labels: Sequence[str], config: TrainingConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(training rows, validation rows) of pictures with these labels; labelled ones alone where labels are learned.

    Then the validation rows are in a random order: a loss over a batch of one folder alone would say nothing.
    """
    learning, held_out = split(len(labels), config)
    if not config.learns_labels:
        return learning, held_out
    there = np.asarray(labels, dtype=str) != ""
    mixed = np.random.default_rng([config.seed, _SPLIT, _MIXED]).permutation(held_out[there[held_out]])
    return learning[there[learning]], mixed


def learned_labels(labels: Sequence[str], config: TrainingConfig) -> list[str]:
    """The labels of the pictures that a training learns from, of those of all its pictures."""
    return [labels[row] for row in rows_of(labels, config)[0]]
