"""Visual words: cluster centres of the local features of a collection. Fitted once, then fixed.

    vocabularies/<encoder>/000001/
        means.npy      (words, width) float32: the mean of each word's features

A vocabulary does not change when pictures are added or removed: vectors over different words cannot be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.core.errors import Corrupt
from engine.core.storage import load_array
from engine.core.store import Snapshot, Store

_ROUNDS = 15
_FEATURES = 30_000  # features to fit the words to


@dataclass(frozen=True)
class Vocabulary:
    """Words: `means` (k, w) float32, bits if `binary`, and the digest of the stored file."""

    means: NDArray[np.float32]
    binary: bool
    digest: str = ""

    def assign(self, features: NDArray[np.float32]) -> NDArray[np.int64]:
        """The (m,) nearest words of (m, w) features: by Euclidean distance, for bits by Hamming distance."""
        return nearest(features, self.means.round() if self.binary else self.means)


def fit_words(features: NDArray[np.float32], words: int, *, binary: bool, seed: int = 0) -> NDArray[np.float32]:
    """The (k, w) means of k ≤ `words` clusters of (m, w) features; a single zero word without features.

    Lloyd's k-means with k-means++ seeding; for bits each centre is the majority of its cluster (k-majority, Hamming).
    An empty cluster restarts at the feature farthest from its centre.
    Sources: Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", 2007; Grana et al., "A fast
    approach for integrating ORB descriptors in the bag of words model", 2013.
    """
    chance = np.random.default_rng(seed)
    if len(features) > _FEATURES:
        features = features[np.sort(chance.choice(len(features), _FEATURES, replace=False))]
    distinct = np.unique(features, axis=0)
    if not len(distinct):
        return np.zeros((1, features.shape[1]), np.float32)
    means = _spread(distinct, min(words, len(distinct)), chance)
    before = None
    for _ in range(_ROUNDS):
        words_of, gaps = _nearest(features, means.round() if binary else means)
        if before is not None and np.array_equal(words_of, before):
            break
        means, before = _means(features, words_of, gaps, len(means)), words_of
    return means


def nearest(features: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    """The (m,) index of the centre (k, w) nearest to each of (m, w) features; ties go to the first."""
    return _nearest(features, centres)[0]


def _nearest(
    features: NDArray[np.float32], centres: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The nearest centre of each feature and its squared distance."""
    squared = (centres**2).sum(1) - 2 * (features @ centres.T)  # less the features' lengths, equal for all
    chosen = squared.argmin(1)
    gaps = squared[np.arange(len(features)), chosen] + (features**2).sum(1)
    return chosen.astype(np.int64), gaps.astype(np.float32)


def _spread(features: NDArray[np.float32], count: int, chance: np.random.Generator) -> NDArray[np.float32]:
    """`count` distinct (m, w) features by k-means++: drawn with probability growing with distance to earlier picks."""
    chosen = [int(chance.integers(len(features)))]
    gaps = np.full(len(features), np.inf)
    for _ in range(count - 1):
        gaps = np.minimum(gaps, _nearest(features, features[chosen[-1:]])[1]).clip(min=0)
        gaps[chosen] = 0
        chosen.append(int(np.searchsorted(np.cumsum(gaps), chance.random() * gaps.sum(), side="right")))
    return features[np.minimum(chosen, len(features) - 1)]


def _means(
    features: NDArray[np.float32], words_of: NDArray[np.int64], gaps: NDArray[np.float32], words: int
) -> NDArray[np.float32]:
    counts = np.bincount(words_of, minlength=words)
    means = summed(features, words_of, words)
    means /= np.maximum(counts, 1)[:, None]
    empty = np.flatnonzero(counts == 0)
    means[empty] = features[np.argsort(-gaps, kind="stable")[: len(empty)]]
    return means


def summed(features: NDArray[np.float32], words_of: NDArray[np.int64], words: int) -> NDArray[np.float32]:
    """The (words, w) sums of each word's (m, w) features."""
    sums = np.zeros((words, features.shape[1]), np.float32)
    order = np.argsort(words_of, kind="stable")
    present, starts = np.unique(words_of[order], return_index=True)
    if len(present):
        sums[present] = np.add.reduceat(features[order], starts, axis=0)
    return sums


# ── on disk ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def stored_vocabulary(collection: Collection, name: str, *, binary: bool) -> Vocabulary | None:
    """The collection's vocabulary for the encoder of that name, None if not fitted yet.

    Raises:
        Corrupt: it differs from what was stored.
    """
    try:
        snapshot = vocabulary_store(collection, name).open()
        return None if snapshot is None else _read(snapshot, binary)
    except Corrupt as error:
        raise Corrupt(error.message, way_out="Prepare the collection again: that fits new visual words.") from error


def keep_vocabulary(collection: Collection, name: str, means: NDArray[np.float32], *, binary: bool) -> Vocabulary:
    """Store the words fitted for the encoder of that name."""

    def fill(folder: Path) -> None:
        np.save(folder / "means.npy", means.astype("<f4"), allow_pickle=False)

    return _read(vocabulary_store(collection, name).publish(fill, {"words": len(means)}), binary)


def vocabulary_store(collection: Collection, name: str) -> Store:
    """The store of a collection's vocabulary."""
    return Store(collection.folder / "vocabularies" / name, format="vocabulary", version=1)


def _read(snapshot: Snapshot, binary: bool) -> Vocabulary:
    means: NDArray[np.float32] = load_array(snapshot.folder / "means.npy")
    return Vocabulary(means, binary, snapshot.digest)
