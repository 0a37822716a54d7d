"""The probability of each ImageNet class for every picture of a collection, from its stored vectors.

A network trained on ImageNet classifies by a single layer over its averaged features, so the probabilities of a whole
collection are one matrix product. The 20 highest are kept for each picture, 80 bytes per picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.core.errors import NoVectors
from engine.core.recipe import Recipe
from engine.core.storage import load_array
from engine.core.store import Store
from engine.encoders.encoder import EncoderInfo
from engine.encoders.networks import packaged
from engine.encoders.networks.table import backbone
from engine.encoders.vectors.store import Vectors, stored
from engine.texts.lexicon.lexicon import CLASSES

NETWORK, POOLING = "efficientnet-lite0", "avg"
KEPT = 20
_AT_ONCE = 4096  # pictures whose 1,000 probabilities are in memory at once


@dataclass(frozen=True)
class ClassProbabilities:
    """The most probable classes of n pictures, most probable first.

    Attributes:
        ids: (n,) of the pictures, ascending. classes: (n, 20) int16. values: (n, 20) float16 probabilities.
    """

    ids: NDArray[np.int64]
    classes: NDArray[np.int16]
    values: NDArray[np.float16]

    def scores(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n,) for each picture the sum over classes of weight × probability, for (1000,) weights.

        The reverse of ConSE (Norouzi et al. 2014): there pictures find words, here words find pictures.
        """
        found: NDArray[np.float32] = (weights[self.classes] * self.values.astype(np.float32)).sum(axis=1)
        return found

    def of(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """(1000,) mean probabilities of the given pictures; zeros if none of them is known."""
        rows = np.flatnonzero(np.isin(self.ids, ids))
        mean = np.zeros(CLASSES)
        np.add.at(mean, self.classes[rows].ravel(), self.values[rows].ravel().astype(np.float64))
        return mean / max(len(rows), 1)


def words_recipe(collection: str, k: int = 8) -> Recipe:
    """The recipe whose vectors a search by words needs."""
    return Recipe(collection, NETWORK, "", embedding=POOLING, k=k)


def class_probabilities(collection: Collection, info: EncoderInfo) -> ClassProbabilities:
    """The class probabilities of every picture with a vector: stored, or computed now in about a second.

    Args:
        info: of the network, NETWORK.

    Raises:
        NoVectors: the collection has no vectors of the network yet. MissingPackage, Corrupt: no usable weights.
    """
    vectors = stored(collection, info, POOLING)
    if vectors is None or not len(vectors.ids):
        raise NoVectors(
            f"Searching by words needs the vectors of {info.title}, which {collection.title} does not have yet.",
            way_out=f"Run: python -m engine embed --collection {collection.name} --encoder {NETWORK}",
        )
    store = Store(collection.folder / "class_probabilities" / NETWORK, format="class probabilities", version=1)
    snapshot = store.intact(vectors=vectors.digest)
    if snapshot is None:
        found = _computed(vectors)
        snapshot = store.publish(lambda folder: _write(found, folder), {"vectors": vectors.digest})
    return ClassProbabilities(*(load_array(snapshot.folder / f"{part}.npy") for part in ("ids", "classes", "values")))


@lru_cache(maxsize=1)
def head() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The (1000, c) weights and the (1000,) offsets of the layer that classifies averaged features.

    Raises:
        MissingPackage, Corrupt: no usable weights.
    """
    weights = packaged.load(backbone(NETWORK))
    return weights["_fc.weight"].numpy().copy(), weights["_fc.bias"].numpy().copy()


def _computed(vectors: Vectors) -> ClassProbabilities:
    layer, bias = head()
    classes, values = [], []
    for start in range(0, len(vectors.ids), _AT_ONCE):
        scores = vectors.matrix[start : start + _AT_ONCE] @ layer.T + bias
        likelihoods = np.exp(scores - scores.max(axis=1, keepdims=True))
        likelihoods /= likelihoods.sum(axis=1, keepdims=True)
        best = np.argsort(-likelihoods, axis=1, kind="stable")[:, :KEPT]
        classes.append(best.astype(np.int16))
        values.append(np.take_along_axis(likelihoods, best, axis=1).astype(np.float16))
    return ClassProbabilities(np.asarray(vectors.ids), np.concatenate(classes), np.concatenate(values))


def _write(probabilities: ClassProbabilities, folder: Path) -> None:
    for part in ("ids", "classes", "values"):
        np.save(folder / f"{part}.npy", getattr(probabilities, part), allow_pickle=False)
