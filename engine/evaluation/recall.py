"""Recall: how many of the true nearest neighbours a search method finds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter
from engine.indexes.index import Index, Neighbours, Vectors

COMPUTED_UP_TO = 50_000  # vectors; beyond, recall is estimated on a sample
_TIE = 1e-6  # relative difference below which distances are equal, in single precision
_SAMPLE = 200
_SEED = 0


def recall_at_k(neighbours: Neighbours, truth: Neighbours) -> NDArray[np.float64]:
    """The share of each query's true neighbours that was found, (q,), with ties treated fairly.

    Distances count, not ids: a result is correct if it is no farther than the last true neighbour, so any choice among
    equally near vectors is correct. 1 if there are no true neighbours.

    Raises:
        BadParameter: the two answers differ in shape.
    """
    right, wanted = right_places(neighbours, truth).sum(axis=1), (truth.ids >= 0).sum(axis=1)
    return np.where(wanted > 0, np.minimum(right, wanted) / np.maximum(wanted, 1), 1.0)


def right_places(neighbours: Neighbours, truth: Neighbours) -> NDArray[np.bool_]:
    """(q, k): whether each result is no farther than the last true neighbour; raises as `recall_at_k`."""
    if neighbours.ids.shape != truth.ids.shape:
        raise BadParameter(
            "shape", "the found neighbours", f"{truth.ids.shape}, as the true ones", neighbours.ids.shape
        )
    there = truth.ids >= 0
    last = np.max(np.where(there, truth.distances, -np.inf), axis=1, initial=-np.inf)
    slack = last + _TIE * np.maximum(1.0, np.abs(np.where(there.any(axis=1), last, 0)))
    right: NDArray[np.bool_] = (neighbours.ids >= 0) & (neighbours.distances <= slack[:, None])
    return right


def estimated_recall(index: Index, exact: Index, vectors: Vectors, k: int, *, sample: int = _SAMPLE) -> float:
    """The mean recall@k over at most `sample` rows of `vectors` as queries: an estimate, to be labelled as one.

    Args:
        vectors: (n, d), the indexed vectors; finding itself does not count.
    """
    rng = np.random.default_rng(_SEED)
    rows = np.sort(rng.choice(len(vectors), min(sample, len(vectors)), replace=False))
    queries = np.ascontiguousarray(vectors[rows], dtype=np.float32)
    shares = recall_at_k(index.search(queries, k + 1), exact.search(queries, k + 1))
    # One of the k + 1 is the vector itself, which every method finds: it is removed from both sides of the ratio.
    return max(0.0, (float(shares.mean()) * (k + 1) - 1) / k)
