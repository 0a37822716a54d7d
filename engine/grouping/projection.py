"""The face of every way to fewer dimensions: vectors in, shorter vectors out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import checked_vectors, normalised
from engine.core.distances import metric as known_metric
from engine.core.errors import BadParameter
from engine.core.settings import AnySetting, Setting, all_settings

Matrix = NDArray[np.float32]

DIMENSIONS = Setting("dimensions", "Dimensions", "Values per vector after the reduction.", 1, 1024)


class Projection(ABC):
    """Vectors to shorter ones. With cosine, vectors are scaled to length 1 first; the result is Euclidean.

    The constructor only stores its settings (keyword arguments named as in `settings`); the work is in
    `fit_transform`, after which `notes` holds sentences about what was chosen or simplified.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]  # one plain sentence
    settings: ClassVar[tuple[AnySetting, ...]] = (DIMENSIONS,)
    for_looking: ClassVar[bool] = False  # keeps who is near whom, not how far: for maps, and for density clustering
    rank: ClassVar[int] = 50
    most: ClassVar[int | None] = None  # images that it can take

    def __init__(self, metric: str, seed: int = 0, **settings: Any) -> None:
        known_metric(metric)
        self.metric, self.seed = metric, seed
        self.chosen = all_settings(self.settings, settings, self.title)
        self.notes: list[str] = []

    def check(self, count: int) -> None:
        """BadParameter where the method cannot take so many images."""
        if self.most is not None and count > self.most:
            way_out = "Use PCA or UMAP, which have no such limit."
            raise BadParameter("number of pictures", self.title, f"at most {self.most:,}", count, way_out=way_out)

    def fit_transform(self, vectors: Matrix) -> Matrix:
        """(n, d) vectors to (n, d') float32; where all vectors are the same, all are zero.

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
        return np.ascontiguousarray(self._project(vectors), dtype=np.float32)

    @abstractmethod
    def _project(self, vectors: Matrix) -> NDArray[Any]:
        """The same for at least two vectors that are not all the same."""


def all_equal(vectors: Matrix) -> bool:
    """Whether all rows are the same, up to rounding; true for one row and for none."""
    if len(vectors) < 2:
        return True
    size = max(1e-12, float(np.abs(vectors[0]).max()))
    return bool(np.abs(vectors - vectors[0]).max() <= 1e-6 * size)


def fewer(wanted: int | None, vectors: Matrix, default: int) -> int:
    """How many dimensions there can be: as wanted, at most as many as the vectors and their number allow."""
    return max(1, min(wanted or default, len(vectors) - 1, vectors.shape[1]))
