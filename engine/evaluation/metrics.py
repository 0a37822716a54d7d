"""Ranking metrics, computed from the relevance of each rank."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter

Floats = NDArray[np.float64]


def precision_at_k(relevant: NDArray[np.bool_], k: int) -> Floats:
    """The share of relevant results among the first k; (q, n ≥ k) ranked relevance to (q,).

    Always divided by k, even if fewer are returned or exist: a missing result counts as wrong.
    """
    _check(relevant, k)
    hits: Floats = relevant[:, :k].sum(1) / k
    return hits


def average_precision(relevant: NDArray[np.bool_], exist: NDArray[np.int64]) -> Floats:
    """The sum of the precisions at each relevant rank over the number of relevant items; (q, n), (q,) to (q,).

    0 if there are no relevant items. Source: Manning, Raghavan, Schütze, "Introduction to Information Retrieval", 8.4.
    """
    _check(relevant, 1)
    precisions = relevant.cumsum(1) / np.arange(1, relevant.shape[1] + 1)
    summed = np.where(relevant, precisions, 0.0).sum(1)
    found: Floats = np.divide(summed, exist, out=np.zeros(len(summed)), where=exist > 0)
    return found


def bootstrap_interval(
    values: Floats, *, share: float = 0.95, rounds: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """The interval that contains the mean with the given probability, by resampling the values `rounds` times.

    Source: Efron, "Bootstrap methods", 1979 (percentile interval).
    """
    values = np.asarray(values, dtype=np.float64)
    if not len(values):
        raise BadParameter("number of values", "a bootstrap interval", "at least 1", 0)
    rng = np.random.default_rng(seed)
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(rounds)]
    low, high = np.quantile(means, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def _check(relevant: NDArray[np.bool_], k: int) -> None:
    if relevant.ndim != 2:
        raise BadParameter("shape of the ranking", "a metric", "(q, n)", relevant.shape)
    if not 1 <= k <= max(relevant.shape[1], 1):
        raise BadParameter("k", "a metric", f"a whole number from 1 to {relevant.shape[1]}", k)
