"""k-means: groups around their means."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import pairwise_distances
from engine.grouping.clusterer import GROUPS, Clusterer, Matrix, too_few
from engine.grouping.numbers import CANDIDATES, best_number, chosen_by, sampled, tried

_PASSES = 4  # over all vectors, where clusters only have to be small
_LARGE = 10_000  # vectors beyond which mini-batches are good enough


class KMeans(Clusterer):
    """Lloyd's k-means from k-means++ starts (scikit-learn); mini-batches for more than 10,000 vectors.

    With cosine, the vectors have length 1 (spherical k-means, except that the means are not normalised).
    Source: Lloyd, "Least squares quantization in PCM", 1982; Sculley, "Web-scale k-means clustering", 2010.
    """

    name = "kmeans"
    title = "k-means"
    summary = "A given number of compact groups of similar size; every picture belongs to one."
    settings = (GROUPS,)
    rank = 10

    def _cluster(self, vectors: Matrix) -> NDArray[Any]:
        groups = self.chosen["groups"] or self._number(vectors)
        labels = fitted(vectors, groups, self.seed).labels_
        there = len(np.unique(labels))
        if there < groups:
            self.notes.append(too_few(there))
        return np.asarray(labels)

    def _number(self, vectors: Matrix) -> int:
        sample = vectors[sampled(len(vectors), self.seed)]
        apart = pairwise_distances(sample, "euclidean")
        self.curve = tried(lambda k: fitted(sample, k, self.seed, starts=1).labels_, apart, CANDIDATES)
        number = best_number(self.curve)
        self.notes.append(f"k-means: {number} groups, chosen by {chosen_by(self.curve)}.")
        return number


def fitted(vectors: Matrix, groups: int, seed: int, starts: int = 4) -> Any:
    """A fitted k-means of scikit-learn: `labels_` (n,) and `cluster_centers_` (groups, d)."""
    from sklearn.cluster import KMeans as Lloyd
    from sklearn.cluster import MiniBatchKMeans

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer distinct vectors than groups: a note says so
        if len(vectors) > _LARGE:
            return MiniBatchKMeans(groups, batch_size=4096, n_init=3, random_state=seed).fit(vectors)
        return Lloyd(groups, n_init=starts, random_state=seed).fit(vectors)


def fine(vectors: Matrix, groups: int, seed: int) -> Any:
    """Like `fitted`, for thousands of small clusters: a few passes from randomly drawn vectors."""
    from sklearn.cluster import MiniBatchKMeans

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rough = MiniBatchKMeans(groups, init="random", batch_size=8192, n_init=1, max_iter=_PASSES, random_state=seed)
        return rough.fit(vectors)
