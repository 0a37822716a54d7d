"""What named classes are worth: accuracy, F1, confusion, and whether probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Probabilities = NDArray[np.float64]

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Answers that are about as sure: from `low` to `high`; how many, how sure on average, how many of them right."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def confusion(true: Codes, said: Codes, classes: int) -> NDArray[np.int64]:
    """(c, c) how often each class (row) was called each (column)."""
    counted = np.bincount(true * classes + said, minlength=classes * classes)
    return counted.reshape(classes, classes).astype(np.int64)


def confused(classes: Sequence[str], counts: NDArray[np.int64]) -> list[tuple[int, str, str]]:
    """(how often, is, was called) of every wrong cell of a confusion matrix that has any, the most frequent first."""
    wrong = counts - np.diag(np.diag(counts))
    pairs = [(int(wrong[own, said]), classes[own], classes[said]) for own, said in np.argwhere(wrong > 0).tolist()]
    return sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))


def accuracy(counts: NDArray[np.int64]) -> float:
    """The share of right answers, from a confusion matrix; 0 where there is none."""
    return float(np.trace(counts) / max(counts.sum(), 1))


def per_class(counts: NDArray[np.int64]) -> list[tuple[float, float, float, int]]:
    """(precision, recall, F1, how many there are) of each class, from a confusion matrix; 0 where undefined."""
    right, said, there = np.diag(counts), counts.sum(0), counts.sum(1)
    found = []
    for hits, called, own in zip(right.tolist(), said.tolist(), there.tolist(), strict=True):
        precision, recall = hits / max(called, 1), hits / max(own, 1)
        found.append((precision, recall, 2 * hits / max(called + own, 1), own))
    return found


def macro_f1(counts: NDArray[np.int64]) -> float:
    """The mean F1 of the classes that are there or were named."""
    scores = [f1 for (_, _, f1, own), said in zip(per_class(counts), counts.sum(0), strict=True) if own or said]
    return float(np.mean(scores)) if scores else 0.0


def log_loss(true: Codes, probabilities: Probabilities) -> float:
    """The mean cross entropy in nats."""
    own = probabilities[np.arange(len(true)), true]
    return float(-np.log(np.maximum(own, 1e-12)).mean()) if len(true) else 0.0


def reliability(true: Codes, probabilities: Probabilities, bins: int = BINS) -> list[Bin]:
    """Answers by how sure they are, in equally wide bins; bins without any are left out."""
    sure, right = probabilities.max(1), probabilities.argmax(1) == true
    place = np.minimum((sure * bins).astype(np.int64), bins - 1)
    return [
        Bin(number / bins, (number + 1) / bins, int(own.sum()), float(sure[own].mean()), float(right[own].mean()))
        for number in range(bins)
        if (own := place == number).any()
    ]


def calibration_error(found: list[Bin]) -> float:
    """The expected calibration error: how far sureness and accuracy are apart, the mean over the answers.

    Source: Guo et al., "On calibration of modern neural networks", 2017.
    """
    total = sum(one.count for one in found)
    return sum(one.count * abs(one.confidence - one.accuracy) for one in found) / max(total, 1)
