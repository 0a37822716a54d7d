"""Leave-one-out retrieval: every labelled image is the query once, and is excluded from its own results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.core.distances import checked_vectors
from engine.core.distances import metric as known_metric
from engine.core.errors import BadParameter
from engine.core.recipe import MAX_K
from engine.core.settings import check_whole
from engine.evaluation.metrics import average_precision, precision_at_k
from engine.evaluation.ranking import distances_to_all
from engine.evaluation.statistics.proportion import mean_share_interval

_THING = "an evaluation"
_BLOCK_BYTES = 64 * 2**20  # of distances in memory at once


@dataclass(frozen=True)
class Scores:
    """Scores with every image as the query.

    Attributes:
        precision: mean precision@k. interval: its 95 % bootstrap interval. map: mean average precision.
        chance: the precision of random results. per_class: label to mean precision@k.
        queries: (q,) rows of the queries. precisions: (q,) precision@k of each.
    """

    k: int
    precision: float
    interval: tuple[float, float]
    map: float
    chance: float
    per_class: dict[str, float]
    queries: NDArray[np.int64]
    precisions: NDArray[np.float64]


def evaluate(vectors: ArrayLike, labels: Iterable[object], metric: str = "cosine", k: int = 8) -> Scores:
    """How well (n, d) vectors find those of the same label; where a label is "", None or NaN, the image is ignored.

    An image whose label is unique is never a query, as it has nothing to find. Memory stays bounded: distances are
    computed for blocks of queries.

    Raises:
        BadParameter: no such metric, wrong shapes or values, or fewer than two images that share a label.
    """
    metric = known_metric(metric).name
    check_whole("k", _THING, k, 1, MAX_K)
    every, names = checked_vectors(vectors, "the vectors"), _names(labels)
    if len(every) != len(names):
        raise BadParameter("vectors", _THING, f"({len(names)}, d), one for each label", every.shape)
    kept = np.flatnonzero(names != "")
    matrix, (kinds, codes) = np.asarray(every[kept]), np.unique(names[kept], return_inverse=True)
    sizes = np.bincount(codes, minlength=len(kinds))
    queries = np.flatnonzero(sizes[codes] > 1)
    if not k < max(len(kept), 2) or not len(queries):
        raise BadParameter("images", _THING, f"more than {k} with labels, and some label shared", len(kept))
    precisions, averages = _ask(matrix, codes, queries, sizes, metric, k)
    by_kind = {str(kind): precisions[codes[queries] == code] for code, kind in enumerate(kinds)}
    return Scores(
        k=k,
        precision=float(precisions.mean()),
        interval=mean_share_interval(precisions),
        map=float(averages.mean()),
        chance=float(((sizes[codes[queries]] - 1) / (len(kept) - 1)).mean()),
        per_class={kind: float(values.mean()) for kind, values in by_kind.items() if len(values)},
        queries=kept[queries],
        precisions=precisions,
    )


def _names(labels: Iterable[object]) -> NDArray[np.str_]:
    """The labels as texts, "" where there is none."""
    if isinstance(labels, str | bytes | Mapping) or not isinstance(labels, Iterable):
        raise BadParameter("labels", _THING, "one for each vector", labels)
    return np.array(["" if one is None or one != one else str(one) for one in labels], dtype=str)


def _ask(
    matrix: NDArray[np.float32],
    codes: NDArray[np.int64],
    queries: NDArray[np.int64],
    sizes: NDArray[np.int64],
    name: str,
    k: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(q,) precision@k and (q,) average precision."""
    precisions, averages = [], []
    step = max(1, _BLOCK_BYTES // (4 * len(matrix)))
    for start in range(0, len(queries), step):
        rows = queries[start : start + step]
        relevant = _ranked_relevance(distances_to_all(matrix[rows], matrix, name), codes, rows)
        precisions.append(precision_at_k(relevant, k))
        averages.append(average_precision(relevant, sizes[codes[rows]] - 1))
    return np.concatenate(precisions), np.concatenate(averages)


def _ranked_relevance(
    distances: NDArray[np.float32], codes: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(q, n) distances to (q, n − 1): whether each result, nearest first, without the query, has the query's label."""
    distances[np.arange(len(rows)), rows] = np.inf  # the query itself goes last and is cut off
    order = np.argsort(distances, axis=1, kind="stable")[:, :-1]
    relevant: NDArray[np.bool_] = codes[order] == codes[rows][:, None]
    return relevant
