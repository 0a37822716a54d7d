"""Measures of predictions: accuracy, F1, confusion matrix, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Probabilities = NDArray[np.float64]

BINS = 10
_ROUNDS, _LEAST_ROUNDS, _DRAWN = 400, 40, 4_000_000  # of resampling, and predictions drawn in all of them


@dataclass(frozen=True)
class Bin:
    """Predictions with a confidence from `low` to `high`: their number, mean confidence, and accuracy."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def confusion(true: Codes, predicted: Codes, classes: int) -> NDArray[np.int64]:
    """(c, c) counts of true classes (rows) and predicted classes (columns)."""
    counted = np.bincount(true * classes + predicted, minlength=classes * classes)
    return counted.reshape(classes, classes).astype(np.int64)


def confused(classes: Sequence[str], counts: NDArray[np.int64]) -> list[tuple[int, str, str]]:
    """(count, true class, predicted class) of every confusion in a matrix, the most frequent first."""
    wrong = counts - np.diag(np.diag(counts))
    pairs = [
        (int(wrong[own, predicted]), classes[own], classes[predicted])
        for own, predicted in np.argwhere(wrong > 0).tolist()
    ]
    return sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))


def accuracy(counts: NDArray[np.int64]) -> float:
    """The share of correct predictions, from a confusion matrix; 0 for an empty one."""
    return float(np.trace(counts) / max(counts.sum(), 1))


def per_class(counts: NDArray[np.int64]) -> list[tuple[float, float, float, int]]:
    """(precision, recall, F1, support) of each class, from a confusion matrix; 0 where undefined."""
    right, predicted, there = np.diag(counts), counts.sum(0), counts.sum(1)
    found = []
    for hits, called, own in zip(right.tolist(), predicted.tolist(), there.tolist(), strict=True):
        precision, recall = hits / max(called, 1), hits / max(own, 1)
        found.append((precision, recall, 2 * hits / max(called + own, 1), own))
    return found


def macro_f1(counts: NDArray[np.int64]) -> float:
    """The mean F1 of the classes that occur as true or predicted class."""
    scores = [
        f1 for (_, _, f1, own), predicted in zip(per_class(counts), counts.sum(0), strict=True) if own or predicted
    ]
    return float(np.mean(scores)) if scores else 0.0


def log_loss(true: Codes, probabilities: Probabilities) -> float:
    """The mean cross entropy in nats."""
    own = probabilities[np.arange(len(true)), true]
    return float(-np.log(np.maximum(own, 1e-12)).mean()) if len(true) else 0.0


def brier(true: Codes, probabilities: Probabilities) -> float:
    """The mean squared distance of the probabilities to the true class, 0 to 2.

    Source: Brier, "Verification of forecasts expressed in terms of probability", 1950.
    """
    wanted = np.zeros_like(probabilities)
    wanted[np.arange(len(true)), true] = 1
    return float(((probabilities - wanted) ** 2).sum(1).mean()) if len(true) else 0.0


def equal_bins(confidence: Probabilities, right: Probabilities, bins: int = BINS) -> list[Bin]:
    """Predictions in bins of equal counts by confidence: (n,) confidences, and 1 for a correct prediction, else 0."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [
        Bin(
            float(confidence[part[0]]), float(confidence[part[-1]]), len(part), float(confidence[part].mean()),
            float(right[part].mean()),
        )
        for part in parts
    ]  # fmt: skip


@dataclass(frozen=True)
class Calibration:
    """The calibration of predictions: how far confidence and accuracy are apart.

    Attributes:
        error: the expected calibration error over bins of equal counts. interval: its 95 % bootstrap interval.
        by_chance: the 95 % quantile of the error of a perfectly calibrated model with equally many predictions.
    """

    error: float
    interval: tuple[float, float]
    by_chance: float


def calibration(confidence: Sequence[float], right: Sequence[float], *, seed: int = 0) -> Calibration:
    """The calibration of pooled predictions; the error of few predictions is above zero by chance alone.

    Source: Nixon et al., "Measuring calibration in deep learning", 2019 (bins of equal counts); Bröcker and Smith,
    "Increasing the reliability of reliability diagrams", 2007 (the error by chance).
    """
    sure, hits = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if not len(sure):
        return Calibration(0.0, (0.0, 0.0), 0.0)
    rng, rounds = np.random.default_rng(seed), max(_LEAST_ROUNDS, min(_ROUNDS, _DRAWN // len(sure)))
    drawn = rng.integers(0, len(sure), (rounds, len(sure)))
    again = [calibration_error(equal_bins(sure[rows], hits[rows])) for rows in drawn]
    chance = [
        calibration_error(equal_bins(sure, (rng.random(len(sure)) < sure).astype(np.float64))) for _ in range(rounds)
    ]
    low, high = (float(value) for value in np.quantile(again, (0.025, 0.975)))
    return Calibration(calibration_error(equal_bins(sure, hits)), (low, high), float(np.quantile(chance, 0.95)))


def reliability(true: Codes, probabilities: Probabilities, bins: int = BINS) -> list[Bin]:
    """Predictions by confidence, in equally wide bins; empty bins are left out."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == true
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    return [
        Bin(number / bins, (number + 1) / bins, int(own.sum()), float(confidence[own].mean()), float(right[own].mean()))
        for number in range(bins)
        if (own := place == number).any()
    ]


def calibration_error(bins: list[Bin]) -> float:
    """The expected calibration error: the gap between confidence and accuracy, averaged over the predictions.

    Source: Guo et al., "On calibration of modern neural networks", 2017.
    """
    total = sum(one.count for one in bins)
    return sum(one.count * abs(one.confidence - one.accuracy) for one in bins) / max(total, 1)
