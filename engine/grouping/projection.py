"""The interface of projections: vectors in, shorter vectors out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import checked_vectors, normalised
from engine.core.distances import metric as known_metric
from engine.core.errors import BadParameter
from engine.core.settings import AnySetting, Setting, all_settings
from engine.grouping.by_sample import SAMPLE, WHOLE, between_neighbours, nearest_in
from engine.grouping.numbers import sampled

Matrix = NDArray[np.float32]

_NEIGHBOURS = 5  # between which a vector that is not in the sample is placed

DIMENSIONS = Setting("dimensions", "Dimensions", "Values per vector after the reduction.", 1, 1024)


class Projection(ABC):
    """A dimensionality reduction. With cosine, vectors are scaled to length 1 first; the result is Euclidean.

    The constructor only stores its settings (keyword arguments named as in `settings`); the work is in
    `fit_transform`, after which `notes` holds sentences on what was chosen or simplified.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]  # one plain sentence
    settings: ClassVar[tuple[AnySetting, ...]] = (DIMENSIONS,)
    for_looking: ClassVar[bool] = False  # preserves neighbours, not distances: for maps and density clustering
    rank: ClassVar[int] = 50
    most: ClassVar[int | None] = None  # images it can handle
    by_sample: ClassVar[bool] = False  # whether of many images only a sample is projected, as all take hours

    def __init__(self, metric: str, seed: int = 0, **settings: Any) -> None:
        known_metric(metric)
        self.metric, self.seed = metric, seed
        self.chosen = all_settings(self.settings, settings, self.title)
        self.notes: list[str] = []

    def check(self, count: int) -> None:
        """Raise BadParameter if the method cannot take `count` images."""
        if self.most is not None and count > self.most:
            way_out = "Use PCA or UMAP, which have no such limit."
            raise BadParameter("number of pictures", self.title, f"at most {self.most:,}", count, way_out=way_out)

    def fit_transform(self, vectors: Matrix) -> Matrix:
        """(n, d) vectors to (n, d') float32; all zero if all vectors are equal.

        Raises:
            BadParameter: NaN, Inf or a wrong shape, or more images than the method can take.
        """
        vectors = checked_vectors(vectors, self.title)
        self.check(len(vectors))
        if self.metric == "cosine":
            vectors = normalised(vectors)
        self.notes = []
        if all_equal(vectors):
            return np.zeros((len(vectors), self.chosen.get("dimensions") or 2), dtype=np.float32)
        project = self._project_sample if self.by_sample and len(vectors) > WHOLE else self._project
        return np.ascontiguousarray(project(vectors), dtype=np.float32)

    def _project_sample(self, vectors: Matrix) -> Matrix:
        """The projection of a sample; the other vectors between their nearest of it."""
        sample = vectors[sampled(len(vectors), self.seed, SAMPLE)]
        points = np.asarray(self._project(sample), dtype=np.float32)
        self.notes.append(
            f"{self.title} was computed for {SAMPLE:,} pictures drawn at random; each of the other "
            f"{len(vectors) - SAMPLE:,} lies between its {_NEIGHBOURS} nearest of them."
        )
        return between_neighbours(points, *nearest_in(sample, vectors, _NEIGHBOURS))

    @abstractmethod
    def _project(self, vectors: Matrix) -> NDArray[Any]:
        """`fit_transform` for at least two vectors that are not all equal."""


def all_equal(vectors: Matrix) -> bool:
    """Whether all rows are equal up to rounding; true for a single row and for none."""
    if len(vectors) < 2:
        return True
    size = max(1e-12, float(np.abs(vectors[0]).max()))
    return bool(np.abs(vectors - vectors[0]).max() <= 1e-6 * size)


def fewer(wanted: int | None, vectors: Matrix, default: int) -> int:
    """The requested number of dimensions, capped by the length and the number of the vectors."""
    return max(1, min(wanted or default, len(vectors) - 1, vectors.shape[1]))
