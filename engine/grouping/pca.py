"""Principal components: the directions in which the vectors differ most."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.settings import Setting
from engine.grouping.projection import Matrix, Projection, fewer

_EXACT = 4096  # values per vector up to which all components are computed for a share of the variance
_MOST = 512  # components computed for a share of the variance of longer vectors


class PCA(Projection):
    """Principal component analysis by number of components or by share of variance (scikit-learn).

    Source: Pearson, "On lines and planes of closest fit to systems of points in space", 1901.
    """

    name = "pca"
    title = "PCA"
    summary = "Keeps the directions of largest variance; distances are nearly preserved."
    rank = 0
    settings = (
        Setting("dimensions", "Dimensions", "Values per vector; empty: by share of variance.", 1, 1024),
        Setting("share", "Share of variance", "Share of the variance to keep.", 0.01, 0.999, 0.9, whole=False),
    )

    def _project(self, vectors: Matrix) -> NDArray[Any]:
        from sklearn.decomposition import PCA as Components

        wanted = self.chosen["dimensions"]
        if wanted:
            components = fewer(wanted, vectors, wanted)
            return np.asarray(Components(components, random_state=self.seed).fit_transform(vectors))
        return self._by_share(vectors)

    def _by_share(self, vectors: Matrix) -> NDArray[Any]:
        from sklearn.decomposition import PCA as Components

        share, most = self.chosen["share"], min(vectors.shape[1], len(vectors) - 1)
        some = most if min(vectors.shape) <= _EXACT else _MOST
        solver = "auto" if some == most else "randomized"
        fitted = Components(some, svd_solver=solver, random_state=self.seed)
        points = fitted.fit_transform(vectors)
        reached = np.cumsum(fitted.explained_variance_ratio_)
        kept = min(int(np.searchsorted(reached, share)) + 1, some)
        self.notes.append(f"PCA: {kept} dimensions keep {100 * reached[kept - 1]:.3g} % of the variance.")
        return np.asarray(points[:, :kept])
