"""The quality of groups: against labels, if the pictures have any, and without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import Matrix, pairwise_distances
from engine.grouping.numbers import sampled

Truth = Sequence[str] | NDArray[np.int64]  # labels, or numbers that stand for them

_SAMPLE = 2000  # images used for the silhouette
_DRAWS, _MANY = 10, 20_000  # random groupings; among many images one draw is as good as their mean


def purity(labels: NDArray[Any], truth: Truth) -> float:
    """The share of images that carry the majority label of their group (Manning et al., 2008, chapter 16)."""
    table = _contingency(labels, truth)
    return float(table.max(axis=1).sum() / table.sum())


def nmi(labels: NDArray[Any], truth: Truth) -> float:
    """Mutual information normalised by the arithmetic mean of both entropies (Strehl and Ghosh, 2002)."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(truth, labels))


def ami(labels: NDArray[Any], truth: Truth) -> float:
    """Mutual information above that of random groups of those sizes: 0 by chance, 1 identical (Vinh et al., 2010)."""
    from sklearn.metrics import adjusted_mutual_info_score

    return float(adjusted_mutual_info_score(truth, labels))


def ari(labels: NDArray[Any], truth: Truth) -> float:
    """The adjusted Rand index: 0 for random groups, 1 for identical ones (Hubert and Arabie, 1985)."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(truth, labels))


def silhouette(labels: NDArray[Any], space: Matrix, metric: str, seed: int = 0) -> float | None:
    """The mean silhouette of up to 2,000 grouped images; None for fewer than two groups or only singletons."""
    from sklearn.metrics import silhouette_score

    grouped = np.flatnonzero(labels >= 0)
    rows = grouped[sampled(len(grouped), seed, _SAMPLE)]
    if not 1 < len(np.unique(labels[rows])) < len(rows):
        return None
    apart = pairwise_distances(np.asarray(space[rows]), metric)
    return float(silhouette_score(apart, labels[rows], metric="precomputed"))


def quality(labels: NDArray[Any], truth: Sequence[str], space: Matrix, metric: str) -> dict[str, float]:
    """Purity, NMI, AMI and ARI over the images with a label ("" is none), and the silhouette, where defined.

    The first four count ungrouped images as one group of their own; the silhouette ignores them.
    """
    known, names = _numbered(truth)
    found: dict[str, float] = {}
    if len(np.unique(names)) > 1:
        found = {"purity": purity(labels[known], names), "nmi": nmi(labels[known], names)}
        found["ami"] = ami(labels[known], names)
        found["ari"] = ari(labels[known], names)
    by_itself = silhouette(labels, space, metric)
    return found if by_itself is None else found | {"silhouette": by_itself}


def chance(labels: NDArray[Any], truth: Sequence[str], seed: int = 0) -> dict[str, float]:
    """Purity, NMI, AMI and ARI of random groups of the same sizes, the mean of a few draws; {} without labels.

    Source: Vinh, Epps and Bailey, "Information theoretic measures for clusterings comparison", 2010.
    """
    known, names = _numbered(truth)
    if len(np.unique(names)) < 2:
        return {}
    rng, own = np.random.default_rng(seed), np.asarray(labels)[known]
    drawn = [rng.permutation(own) for _ in range(_DRAWS if len(own) <= _MANY else 1)]
    measures = {"purity": purity, "nmi": nmi, "ami": ami, "ari": ari}
    return {name: float(np.mean([of(groups, names) for groups in drawn])) for name, of in measures.items()}


def _numbered(truth: Sequence[str]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """(n,) which pictures have a label, and a number for the label of each of these: numbers are compared faster."""
    places = {label: place for place, label in enumerate(dict.fromkeys(truth))}
    known = np.array([bool(label) for label in truth], dtype=bool)
    return known, np.array([places[label] for label in truth if label], dtype=np.int64)


def _contingency(labels: NDArray[Any], truth: Truth) -> NDArray[np.int64]:
    groups, rows = np.unique(labels, return_inverse=True)
    names, columns = np.unique(np.asarray(truth), return_inverse=True)
    table = np.zeros((len(groups), len(names)), dtype=np.int64)
    np.add.at(table, (rows, columns), 1)
    return table
