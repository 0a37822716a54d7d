"""Hierarchical clustering: a tree of merges that can be cut at any height."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import pairwise_distances
from engine.core.errors import BadParameter
from engine.core.settings import Choice
from engine.grouping.clusterer import GROUPS, Clusterer, Matrix, too_few
from engine.grouping.kmeans import fine
from engine.grouping.numbers import best_number, chosen_by, sampled, tried
from engine.grouping.tree import Tree

LEAVES = 5000  # images up to which all pairwise distances are computed
MEDOIDS = 2000  # leaves of the tree of a larger collection
_ORDERED = 600  # leaves up to which the leaf order is optimised
_MOST_TRIED = 30


class Hierarchical(Clusterer):
    """Agglomerative clustering by SciPy's linkage; above 5,000 images over the medoids of 2,000 fine k-means clusters.

    With cosine and average, complete or single linkage, distances are 1 − cos; Ward's linkage is Euclidean by
    definition and takes the vectors at length 1.
    Source: Müllner, "Modern hierarchical, agglomerative clustering algorithms", 2011.
    """

    name = "hierarchical"
    title = "Hierarchical"
    summary = "A tree of ever larger groups that can be cut anywhere; no number of groups is needed in advance."
    settings = (
        Choice(
            "linkage",
            "Linkage",
            "How the distance between two groups is defined.",
            {
                "average": "average",
                "complete": "complete (furthest pair)",
                "ward": "Ward (least increase in variance)",
                "single": "single (nearest pair)",
            },
            "average",
        ),
        GROUPS,
    )
    rank = 0

    def check(self, count: int) -> None:
        """Raise BadParameter for more groups than a tree over `count` images has leaves."""
        super().check(count)
        groups = self.chosen["groups"]
        if groups and count > LEAVES and groups > MEDOIDS:
            raise BadParameter("groups", self.title, f"at most {MEDOIDS:,}, the leaves of so large a tree", groups)

    def _cluster(self, vectors: Matrix) -> NDArray[Any]:
        leaves, leaf_of = self._leaves(vectors)
        linkage = self.chosen["linkage"]
        apart = _distances(vectors[leaves], self.metric, linkage)
        self.tree = Tree(_merged(apart, linkage, ordered=len(apart) <= _ORDERED), leaves, leaf_of)
        return self.tree.cut(groups=self._different(vectors[leaves]) or self._number(apart))

    def _leaves(self, vectors: Matrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(leaves, leaf_of): the rows that represent the leaves, and the leaf of every row."""
        if len(vectors) <= LEAVES:
            every = np.arange(len(vectors))
            return every, every
        self.notes.append(
            f"The tree's leaves are the medoids of {MEDOIDS:,} small clusters of all {len(vectors):,} pictures."
        )
        return medoids(vectors, MEDOIDS, self.seed)

    def _different(self, vectors: Matrix) -> int | None:
        """The requested number of groups, at most the number of distinct vectors: equal ones stay together."""
        wanted: int | None = self.chosen["groups"]
        there = len(np.unique(vectors, axis=0)) if wanted else 0
        if wanted is None or there >= wanted:
            return wanted
        self.notes.append(too_few(there))
        return there

    def _number(self, apart: NDArray[np.float64]) -> int:
        tree, rows = self.tree, sampled(len(apart), self.seed)
        assert tree is not None
        within = apart[np.ix_(rows, rows)]
        candidates = range(2, min(_MOST_TRIED, len(rows) - 1) + 1)
        self.curve = tried(lambda k: tree.cut_leaves(groups=k)[rows], within, candidates)
        number = best_number(self.curve)
        self.notes.append(f"The tree is cut into {number} groups, chosen by {chosen_by(self.curve)}.")
        return number


def merges_of(vectors: Matrix, metric: str, linkage: str) -> NDArray[np.float64]:
    """(m − 1, 4) the merges of (m, d) vectors, of length 1 for cosine, in any order of the leaves."""
    return _merged(_distances(vectors, metric, linkage), linkage, ordered=False)


def _distances(vectors: Matrix, metric: str, linkage: str) -> NDArray[np.float64]:
    """(m, m) distances with a zero diagonal."""
    return pairwise_distances(vectors, "euclidean" if linkage == "ward" else metric).astype(np.float64)


def _merged(apart: NDArray[np.float64], linkage: str, *, ordered: bool) -> NDArray[np.float64]:
    from scipy.cluster.hierarchy import linkage as linked
    from scipy.spatial.distance import squareform

    return np.asarray(linked(squareform(apart, checks=False), linkage, optimal_ordering=ordered))


def medoids(vectors: Matrix, number: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(rows, of): the image nearest the centre of each of about `number` fine clusters, and every row's cluster."""
    found = fine(vectors, number, seed)
    used, of = np.unique(found.labels_, return_inverse=True)
    centres = found.cluster_centers_[used]
    gaps = np.linalg.norm(vectors - centres[of], axis=1)
    order = np.lexsort((gaps, of))
    first = np.searchsorted(of[order], np.arange(len(used)))
    return order[first].astype(np.int64), of.astype(np.int64)
