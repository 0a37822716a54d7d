"""Principal components of more vectors than fit into memory, in chunks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.settings import Setting
from engine.grouping.projection import Matrix, Projection, fewer

_PART = 2048  # vectors at a time


class IncrementalPCA(Projection):
    """Incremental principal component analysis (scikit-learn).

    Source: Ross et al., "Incremental learning for robust visual tracking", 2008.
    """

    name = "incremental-pca"
    title = "Incremental PCA"
    summary = "PCA in batches, for collections larger than memory; nearly the same result."
    rank = 10
    settings = (Setting("dimensions", "Dimensions", "Values per vector after the reduction.", 1, 1024, 50),)

    def _project(self, vectors: Matrix) -> NDArray[Any]:
        from sklearn.decomposition import IncrementalPCA as Components

        wanted = fewer(self.chosen["dimensions"], vectors, 50)
        fitted = Components(wanted)
        for part in _parts(vectors, max(_PART, wanted)):
            fitted.partial_fit(part)
        return np.concatenate([fitted.transform(part) for part in _parts(vectors, _PART)])


def _parts(vectors: Matrix, size: int) -> list[Matrix]:
    """The rows in chunks of `size`; a short remainder joins the last chunk, since a chunk must not be too small."""
    starts = list(range(0, len(vectors), size))
    if len(starts) > 1 and len(vectors) - starts[-1] < size:
        starts.pop()
    return [vectors[a:b] for a, b in zip(starts, [*starts[1:], len(vectors)], strict=True)]
