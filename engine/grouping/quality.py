"""How good groups are: against labels, where the pictures have some, and by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import Matrix, among
from engine.grouping.numbers import sampled

_SAMPLE = 2000  # images whose distances the silhouette looks at


def purity(labels: NDArray[Any], truth: Sequence[str]) -> float:
    """The share of images that carry the commonest label of their group (Manning et al., 2008, chapter 16)."""
    table = _contingency(labels, truth)
    return float(table.max(axis=1).sum() / table.sum())


def nmi(labels: NDArray[Any], truth: Sequence[str]) -> float:
    """Normalised mutual information, by the arithmetic mean of both entropies (Strehl and Ghosh, 2002)."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(truth, labels))


def ari(labels: NDArray[Any], truth: Sequence[str]) -> float:
    """The Rand index adjusted for chance: 0 for groups at random, 1 for equal ones (Hubert and Arabie, 1985)."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(truth, labels))


def silhouette(labels: NDArray[Any], space: Matrix, metric: str, seed: int = 0) -> float | None:
    """The mean silhouette of up to 2,000 grouped images; None where fewer than two groups or only single ones are."""
    from sklearn.metrics import silhouette_score

    grouped = np.flatnonzero(labels >= 0)
    rows = grouped[sampled(len(grouped), seed, _SAMPLE)]
    if not 1 < len(np.unique(labels[rows])) < len(rows):
        return None
    apart = among(np.asarray(space[rows]), metric)
    return float(silhouette_score(apart, labels[rows], metric="precomputed"))


def quality(labels: NDArray[Any], truth: Sequence[str], space: Matrix, metric: str) -> dict[str, float]:
    """Purity, NMI and ARI over the images that have a label ("" has none), and the silhouette; what is known of it.

    Images that belong to no group count as one group of their own in the first three, and not in the silhouette.
    """
    known = np.array([bool(label) for label in truth])
    found: dict[str, float] = {}
    if known.any() and len(set(truth) - {""}) > 1:
        names = [label for label in truth if label]
        found = {"purity": purity(labels[known], names), "nmi": nmi(labels[known], names)}
        found["ari"] = ari(labels[known], names)
    by_itself = silhouette(labels, space, metric)
    return found if by_itself is None else found | {"silhouette": by_itself}


def _contingency(labels: NDArray[Any], truth: Sequence[str]) -> NDArray[np.int64]:
    groups, rows = np.unique(labels, return_inverse=True)
    names, columns = np.unique(np.asarray(truth), return_inverse=True)
    table = np.zeros((len(groups), len(names)), dtype=np.int64)
    np.add.at(table, (rows, columns), 1)
    return table
