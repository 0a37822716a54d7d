"""Principal components in the space of a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.settings import Choice, Setting
from engine.grouping.projection import Matrix, Projection, fewer

_FITTED = 2000  # vectors in the kernel matrix, which grows quadratically
_PART = 4096


class KernelPCA(Projection):
    """Kernel principal component analysis (scikit-learn); fitted to a sample of large collections, the rest projected.

    Source: Schölkopf, Smola and Müller, "Nonlinear component analysis as a kernel eigenvalue problem", 1998.
    """

    name = "kernel-pca"
    title = "Kernel PCA"
    summary = "PCA in a kernel space: finds curved directions."
    rank = 20
    settings = (
        Setting("dimensions", "Dimensions", "Values per vector after the reduction.", 1, 1024, 50),
        Choice(
            "kernel",
            "Kernel",
            "Similarity function whose components are taken.",
            {"rbf": "Gaussian (RBF)", "poly": "polynomial", "sigmoid": "sigmoid", "cosine": "cosine"},
            "rbf",
        ),
    )

    def _project(self, vectors: Matrix) -> NDArray[Any]:
        from sklearn.decomposition import KernelPCA as Components

        sample = self._sample(vectors)
        wanted = fewer(self.chosen["dimensions"], sample, 50)
        spread = float(sample.var(axis=0).sum())  # gamma = 1/spread keeps the Gaussian from vanishing or going flat
        gamma = 1.0 / max(spread, 1e-12) if self.chosen["kernel"] == "rbf" else None
        fitted = Components(wanted, kernel=self.chosen["kernel"], gamma=gamma, random_state=self.seed)
        fitted.fit(sample)
        return np.concatenate([fitted.transform(vectors[i : i + _PART]) for i in range(0, len(vectors), _PART)])

    def _sample(self, vectors: Matrix) -> Matrix:
        if len(vectors) <= _FITTED:
            return vectors
        self.notes.append(f"Kernel PCA: fitted on {_FITTED:,} random pictures; the others are projected.")
        rows = np.random.default_rng(self.seed).choice(len(vectors), _FITTED, replace=False)
        return vectors[np.sort(rows)]
