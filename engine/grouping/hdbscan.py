"""HDBSCAN: dense regions become groups, of any shape and number; the rest is noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.settings import Setting
from engine.grouping.clusterer import Clusterer, Matrix

_LONG = 60  # values a vector beyond which nearly all distances are alike
_MANY = 5000  # images beyond which distances between long vectors would take hours
_KEPT = 50  # principal components that replace long vectors in that case


class HDBSCAN(Clusterer):
    """Hierarchical density-based clustering (scikit-learn).

    Source: Campello, Moulavi and Sander, "Density-based clustering based on hierarchical density estimates", 2013.
    """

    name = "hdbscan"
    title = "HDBSCAN"
    summary = "Finds the groups and their number automatically; pictures that fit nowhere stay ungrouped."
    settings = (
        Setting(
            "size",
            "Smallest group",
            "Pictures per group, at least (min_cluster_size); empty: 1 %, at least 5.",
            2,
            100_000,
        ),
        Setting(
            "samples", "Neighbours", "Size of a dense place (min_samples); more leaves more ungrouped.", 1, 1000, 5
        ),
    )
    rank = 20
    by_sample = True

    def _cluster(self, vectors: Matrix) -> NDArray[Any]:
        from sklearn.cluster import HDBSCAN as Density

        count, vectors = len(vectors), self._shortened(vectors)
        wanted = round((self.chosen["size"] or 0) * self.share)
        size = min(max(2, wanted) if self.chosen["size"] else max(5, count // 100), max(2, count // 2))
        samples = min(self.chosen["samples"], count - 1)
        algorithm = "ball_tree" if vectors.shape[1] > _LONG else "kd_tree"  # the others fill an n × n matrix
        fitted = Density(min_cluster_size=size, min_samples=samples, algorithm=algorithm, n_jobs=-1, copy=True)
        labels = np.asarray(fitted.fit_predict(vectors))
        self.notes.append(f"HDBSCAN: groups of at least {round(size / self.share):,} pictures.")
        return labels

    def _shortened(self, vectors: Matrix) -> Matrix:
        if vectors.shape[1] <= _LONG:
            return vectors
        self.notes.append("HDBSCAN finds few groups in this many dimensions; reduce them first, for example with UMAP.")
        if len(vectors) <= _MANY:
            return vectors
        from sklearn.decomposition import PCA

        self.notes.append(f"The {vectors.shape[1]:,} values of each vector were reduced to {_KEPT} by PCA.")
        return np.asarray(PCA(_KEPT, random_state=self.seed).fit_transform(vectors))
