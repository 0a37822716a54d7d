"""UMAP: a map, or a reduction, that keeps neighbours together."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.settings import Setting
from engine.grouping.projection import Matrix, Projection
from engine.indexes.kernels.threads import turn

_FEW = 4  # images: too few for a neighbour graph


class UMAP(Projection):
    """Uniform manifold approximation and projection (umap-learn). With a seed it runs on one core, repeatably.

    Source: McInnes, Healy and Melville, "UMAP: Uniform manifold approximation and projection", 2018.
    """

    name = "umap"
    title = "UMAP"
    summary = "Keeps neighbours together and separates groups; for maps, and before HDBSCAN."
    for_looking = True
    by_sample = True
    rank = 10
    settings = (
        Setting("dimensions", "Dimensions", "2 for a map, about 10 before clustering.", 1, 100, 10),
        Setting("neighbours", "Neighbours", "Neighbours (n_neighbors): fewer show finer structure.", 2, 200, 15),
        Setting("spacing", "Spacing", "Between neighbours (min_dist); empty: 0, on a map 0.1.", 0, 1, whole=False),
    )

    def _project(self, vectors: Matrix) -> NDArray[Any]:
        count, wanted = len(vectors), self.chosen["dimensions"]
        if count <= _FEW:
            return _plain(vectors, wanted)
        spacing = self.chosen["spacing"]
        spacing = (0.1 if wanted <= 2 else 0.0) if spacing is None else spacing
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about its own choices: one core, few images, disconnected components
            from umap import UMAP as Manifold

            fitted = Manifold(
                n_components=wanted,
                n_neighbors=min(self.chosen["neighbours"], count - 1),
                min_dist=spacing,
                init="spectral" if count > 2 * wanted + 2 else "random",
                random_state=self.seed,
                n_jobs=1,
            )
            with turn():
                return np.asarray(fitted.fit_transform(vectors))


def _plain(vectors: Matrix, wanted: int) -> NDArray[Any]:
    """The principal components, padded with zeros: the fallback for a handful of images."""
    from sklearn.decomposition import PCA

    points = np.zeros((len(vectors), wanted), dtype=np.float32)
    found = PCA(min(wanted, len(vectors) - 1, vectors.shape[1])).fit_transform(vectors)
    points[:, : found.shape[1]] = found
    return points
