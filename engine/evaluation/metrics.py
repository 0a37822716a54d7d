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
    summed = np.where(relevant, _precisions(relevant), 0.0).sum(1)
    found: Floats = np.divide(summed, exist, out=np.zeros(len(summed)), where=exist > 0)
    return found


def hit_at_k(relevant: NDArray[np.bool_], k: int) -> Floats:
    """Whether any of the first k results is relevant, 1 or 0; (q, n ≥ k) ranked relevance to (q,).

    Its mean is what metric learning calls recall@k. Source: Jégou, Douze and Schmid, "Product quantization for nearest
    neighbor search", 2011.
    """
    _check(relevant, k)
    return np.asarray(relevant[:, :k].any(1), dtype=np.float64)


def r_precision(relevant: NDArray[np.bool_], exist: NDArray[np.int64]) -> Floats:
    """The share of relevant results among the first R, with R the number of relevant items; (q, n), (q,) to (q,).

    0 if there are no relevant items; ranks beyond n count as wrong. Source: Musgrave, Belongie and Lim, "A metric
    learning reality check", 2020, 3.2.
    """
    return _over_first(relevant.astype(np.float64), relevant, exist)


def map_at_r(relevant: NDArray[np.bool_], exist: NDArray[np.int64]) -> Floats:
    """The precisions at the relevant ranks among the first R, over R; (q, n), (q,) to (q,). Their mean is MAP@R.

    0 if there are no relevant items; ranks beyond n count as wrong. Source: Musgrave, Belongie and Lim, "A metric
    learning reality check", 2020, 3.2.
    """
    return _over_first(np.where(relevant, _precisions(relevant), 0.0), relevant, exist)


def ndcg_at_k(relevant: NDArray[np.bool_], exist: NDArray[np.int64], k: int) -> Floats:
    """The normalised discounted cumulative gain of the first k results; (q, n ≥ k), (q,) to (q,).

    0 if there are no relevant items. Source: Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR
    techniques", 2002, with the discount log₂(rank + 1) and a gain of 1.
    """
    _check(relevant, k)
    gains = 1 / np.log2(np.arange(2, k + 2))
    best = np.concatenate([[0.0], gains.cumsum()])[np.minimum(exist, k)]
    found: Floats = np.divide(relevant[:, :k] @ gains, best, out=np.zeros(len(relevant)), where=best > 0)
    return found


def knn_label(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The most frequent label among the results, of equally frequent ones that of the nearest; (q, k) to (q,).

    Args:
        codes: the labels of the results, nearest first; −1 is a missing result and has no vote.
    """
    votes = np.where(codes < 0, -1, 0)
    for place in range(codes.shape[1]):
        votes += (codes == codes[:, place, None]) & (codes >= 0)
    return np.asarray(np.take_along_axis(codes, votes.argmax(axis=1)[:, None], 1)[:, 0])


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


def _precisions(relevant: NDArray[np.bool_]) -> Floats:
    """(q, n) the precision at each rank."""
    found: Floats = relevant.cumsum(1) / np.arange(1, relevant.shape[1] + 1)
    return found


def _over_first(values: Floats, relevant: NDArray[np.bool_], exist: NDArray[np.int64]) -> Floats:
    """The sum of the values of the first R ranks over R, 0 for R = 0."""
    _check(relevant, 1)
    first = np.arange(relevant.shape[1]) < np.asarray(exist)[:, None]
    summed = np.where(first, values, 0.0).sum(1)
    found: Floats = np.divide(summed, exist, out=np.zeros(len(summed)), where=np.asarray(exist) > 0)
    return found


def _check(relevant: NDArray[np.bool_], k: int) -> None:
    if relevant.ndim != 2:
        raise BadParameter("shape of the ranking", "a metric", "(q, n)", relevant.shape)
    if not 1 <= k <= max(relevant.shape[1], 1):
        raise BadParameter("k", "a metric", f"a whole number from 1 to {relevant.shape[1]}", k)
