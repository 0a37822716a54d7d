"""The figures of each single query of a measured search, whose means a comparison shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.metrics import (
    average_precision,
    hit_at_k,
    knn_label,
    map_at_r,
    ndcg_at_k,
    precision_at_k,
    r_precision,
)

Ids = NDArray[np.int64]
Right = NDArray[np.bool_]

HITS = (1, 5, 10)  # results among which one with the label of the query is enough
FIGURES = (
    "precision", "map", "map_at_k", "hit_1", "hit_5", "hit_10", "r_precision", "map_at_r", "ndcg", "knn",
)  # fmt: skip


@dataclass(frozen=True)
class SingleQueries:
    """The figures and the results of each query.

    Attributes:
        ids: (q,) of the queries, ascending. answers: (q, k) ids of the results, −1 for a missing one.
        figures: (q,) values by their name, some of FIGURES; all from 0 to 1.
    """

    ids: Ids
    answers: Ids
    figures: Mapping[str, NDArray[np.float64]]

    @property
    def means(self) -> dict[str, float]:
        """The mean of each figure over the queries."""
        return {name: float(values.mean()) for name, values in self.figures.items()}


def figures_of_results(right: Right, found: Ids, codes: Ids, others: Ids, k: int) -> dict[str, NDArray[np.float64]]:
    """The figures of the k results that a search returns, each (q,).

    Args:
        right: (q, k) whether each result has the label of the query. found: (q, k) the labels of the results as
            numbers, −1 for a missing result. codes: (q,) those of the queries. others: (q,) how many other pictures
            carry it.
    """
    figures = {
        "precision": precision_at_k(right, k),
        "map_at_k": average_precision(right, np.minimum(others, k)),
        "ndcg": ndcg_at_k(right, others, k),
        "knn": (knn_label(found) == codes).astype(np.float64),
    }
    return figures | {f"hit_{n}": hit_at_k(right, n) for n in HITS if n <= k}


def figures_of_ranking(right: Right, others: Ids) -> dict[str, NDArray[np.float64]]:
    """The figures of a whole ranking, each (q,); (q, n) relevance of its first ranks, (q,) as in `figures_of_results`.

    No query can find more than n; where more pictures carry its label, R is n.
    """
    exist = np.minimum(others, right.shape[1])
    figures = {
        "map": average_precision(right, exist),
        "r_precision": r_precision(right, exist),
        "map_at_r": map_at_r(right, exist),
    }
    return figures | {f"hit_{n}": hit_at_k(right, n) for n in HITS if n <= right.shape[1]}
