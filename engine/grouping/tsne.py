"""t-SNE: a map on which neighbours stay neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.settings import Setting
from engine.grouping.projection import Matrix, Projection

_LONGEST = 50  # values per vector: longer ones are reduced first, as the authors do


class TSNE(Projection):
    """t-distributed stochastic neighbour embedding (Barnes–Hut, scikit-learn), started from the principal components.

    Source: van der Maaten and Hinton, "Visualizing data using t-SNE", 2008.
    """

    name = "tsne"
    title = "t-SNE"
    summary = "A map that keeps neighbours together; distances between groups are not meaningful. Slower than UMAP."
    for_looking = True
    by_sample = True
    rank = 20
    settings = (
        Setting("dimensions", "Dimensions", "2 for a map.", 1, 3, 2),
        Setting("perplexity", "Perplexity", "About how many neighbours each picture considers.", 2, 500),
    )

    def _project(self, vectors: Matrix) -> NDArray[Any]:
        from sklearn.decomposition import PCA
        from sklearn.manifold import TSNE as Neighbours

        if min(vectors.shape) > _LONGEST:
            vectors = PCA(_LONGEST, random_state=self.seed).fit_transform(vectors)
        perplexity = min(self.chosen["perplexity"] or 30, max(1.0, (len(vectors) - 1) / 3))
        wanted = self.chosen["dimensions"]
        init = "pca" if min(vectors.shape) >= wanted else "random"
        fitted = Neighbours(wanted, perplexity=perplexity, init=init, random_state=self.seed, n_jobs=-1)
        return np.asarray(fitted.fit_transform(vectors))
