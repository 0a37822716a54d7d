"""DBSCAN: groups of pictures connected by short steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import euclidean
from engine.core.errors import BadParameter
from engine.core.settings import Setting
from engine.grouping.clusterer import Clusterer, Matrix
from engine.grouping.numbers import sampled

_ROUNDING = 1e-6  # of the longest vector: how far apart rounding may place equal ones
_MOST_PAIRS = 200_000_000  # neighbours listed at once: 1.6 GB


class DBSCAN(Clusterer):
    """Density-based clustering with a single radius (scikit-learn).

    Source: Ester et al., "A density-based algorithm for discovering clusters", 1996, whose k-distance curve gives the
    radius if none is set.
    """

    name = "dbscan"
    title = "DBSCAN"
    summary = "Groups pictures connected by short distances; the rest stay ungrouped."
    settings = (
        Setting(
            "reach",
            "Reach",
            "Neighbourhood radius (eps), Euclidean; empty: the knee of the k-distance curve.",
            0,
            1e9,
            whole=False,
        ),
        Setting("samples", "Neighbours", "Pictures within the radius of a dense place (min_samples).", 1, 1000, 5),
    )
    rank = 30
    by_sample = True

    def _cluster(self, vectors: Matrix) -> NDArray[Any]:
        from sklearn.cluster import DBSCAN as Density

        reach = self._bend(vectors) if self.chosen["reach"] is None else self.chosen["reach"]
        self._check_memory(vectors, reach)
        samples = self.chosen["samples"]
        if self.chosen["reach"] is not None and self.share < 1:  # of a part, fewer lie within the same radius
            samples = max(2, round(samples * self.share))
        samples = min(samples, len(vectors))
        rounding = _ROUNDING * float(np.linalg.norm(vectors, axis=1).max())
        self.joined_within = max(reach, rounding)
        fitted = Density(eps=self.joined_within, min_samples=samples, n_jobs=-1)
        return np.asarray(fitted.fit_predict(vectors))

    def _bend(self, vectors: Matrix) -> float:
        """The k-distance at the knee of its ascending curve, where it lies furthest below the chord."""
        from sklearn.neighbors import NearestNeighbors

        k = min(self.chosen["samples"], len(vectors) - 1)
        rows = sampled(len(vectors), self.seed)
        gaps, _ = NearestNeighbors(n_neighbors=k + 1).fit(vectors).kneighbors(vectors[rows])
        curve = np.sort(gaps[:, -1])
        line = np.linspace(curve[0], curve[-1], len(curve))
        reach = float(curve[np.argmax(line - curve)])
        self.notes.append(f"DBSCAN: a radius of {reach:.3g}, the knee of the k-distance curve.")
        return reach

    def _check_memory(self, vectors: Matrix, reach: float) -> None:
        sample = vectors[sampled(len(vectors), self.seed, most=200)]
        near = sum(int((euclidean(sample[i : i + 1], vectors) <= reach).sum()) for i in range(len(sample)))
        pairs = near / len(sample) * len(vectors)
        if pairs > _MOST_PAIRS:
            wanted = f"so small that fewer than {_MOST_PAIRS:,} pairs are within reach"
            raise BadParameter("reach", self.title, wanted, f"{reach:.3g} ({pairs:,.0f} pairs)")
