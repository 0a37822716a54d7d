"""Multidimensional scaling: points whose distances approximate those of the vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.settings import Setting
from engine.grouping.projection import Matrix, Projection, fewer


class MDS(Projection):
    """Metric multidimensional scaling by majorisation (SMACOF, scikit-learn), started from the principal components.

    Source: Borg and Groenen, "Modern Multidimensional Scaling", 2005.
    """

    name = "mds"
    title = "MDS"
    summary = "Preserves all distances as well as possible; for up to 2,000 pictures."
    rank = 30
    most = 2000  # every iteration visits every pair
    settings = (Setting("dimensions", "Dimensions", "Values per vector after the reduction.", 1, 50, 2),)

    def _project(self, vectors: Matrix) -> NDArray[Any]:
        from sklearn.decomposition import PCA
        from sklearn.manifold import smacof
        from sklearn.metrics import pairwise_distances

        wanted = fewer(self.chosen["dimensions"], vectors, 2)
        start = PCA(wanted, random_state=self.seed).fit_transform(vectors)
        apart = pairwise_distances(vectors.astype(np.float64))
        np.fill_diagonal(apart, 0.0)
        points, _ = smacof((apart + apart.T) / 2, n_components=wanted, init=start, n_init=1, max_iter=300)
        return np.asarray(points)
