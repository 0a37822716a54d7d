"""The interface of clusterers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import checked_vectors, normalised
from engine.core.distances import metric as known_metric
from engine.core.errors import BadParameter
from engine.core.settings import AnySetting, Setting, all_settings
from engine.grouping.by_sample import SAMPLE, WHOLE, nearest_in
from engine.grouping.numbers import Tried, sampled
from engine.grouping.projection import all_equal
from engine.grouping.tree import Tree

Matrix = NDArray[np.float32]
Labels = NDArray[np.int64]

NOISE = -1  # the label of ungrouped images
GROUPS = Setting("groups", "Groups", "Number of groups; empty: chosen by the silhouette of large groups.", 1, 10_000)


class Clusterer(ABC):
    """A clustering method: vectors to group numbers.

    The constructor only stores its settings (keyword arguments named as in `settings`); the work is in `fit_predict`,
    after which `notes` holds sentences on what was chosen or simplified, `tree` the tree, if any, and `curve` the
    numbers of groups that were tried, if one was chosen.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]  # one plain sentence
    settings: ClassVar[tuple[AnySetting, ...]] = ()
    rank: ClassVar[int] = 50
    by_sample: ClassVar[bool] = False  # whether of many images only a sample is clustered, as all take hours

    def __init__(self, metric: str, seed: int = 0, **settings: Any) -> None:
        known_metric(metric)
        self.metric, self.seed = metric, seed
        self.chosen = all_settings(self.settings, settings, self.title)
        self.notes: list[str] = []
        self.tree: Tree | None = None
        self.curve: list[Tried] = []
        self.share = 1.0  # of the vectors that are clustered, the others joining their nearest
        self.joined_within = math.inf  # the distance beyond which none of the others joins

    def fit_predict(self, vectors: Matrix) -> Labels:
        """(n, d) vectors to (n,) group numbers: 0 is the largest group, −1 is noise. Equal vectors are one group.

        Raises:
            BadParameter: NaN, Inf or a wrong shape, more groups than vectors, or more than memory can hold.
        """
        vectors = checked_vectors(vectors, self.title)
        self.check(len(vectors))
        if self.metric == "cosine":
            vectors = normalised(vectors)
        self.notes, self.tree, self.curve = [], None, []
        self.share, self.joined_within = 1.0, math.inf
        if all_equal(vectors):
            self.notes.append(_SAME if len(vectors) > 1 else _ALONE)
            return np.zeros(len(vectors), dtype=np.int64)
        cluster = self._cluster_sample if self.by_sample and len(vectors) > WHOLE else self._cluster
        return by_size(cluster(vectors))

    def _cluster_sample(self, vectors: Matrix) -> NDArray[Any]:
        """The groups of a sample; the other vectors join those of the nearest of it, ungrouped ones included.

        Those that are farther from it than `joined_within` stay ungrouped.
        """
        self.share = SAMPLE / len(vectors)
        sample = vectors[sampled(len(vectors), self.seed, SAMPLE)]
        labels = np.asarray(self._cluster(sample))
        if_near = f", if that is within {self.joined_within:.3g}" if math.isfinite(self.joined_within) else ""
        self.notes.append(
            f"{self.title} grouped {SAMPLE:,} pictures drawn at random; each of the other {len(vectors) - SAMPLE:,} "
            f"joined the nearest of them{if_near}."
        )
        distances, rows = (found[:, 0] for found in nearest_in(sample, vectors, 1))
        return np.where((rows >= 0) & (distances <= self.joined_within), labels[rows], NOISE)

    @abstractmethod
    def _cluster(self, vectors: Matrix) -> NDArray[Any]:
        """`fit_predict` for at least two vectors that are not all equal, in any numbering."""

    def check(self, count: int) -> None:
        """Raise BadParameter for more groups than `count` images can form."""
        groups = self.chosen.get("groups")
        if not count:
            raise BadParameter("number of pictures", self.title, "at least 1", 0)
        if groups and groups > count:
            raise BadParameter("groups", self.title, f"at most {count:,}, the number of pictures", groups)


_SAME = "All pictures have the same vector, so they form one group."
_ALONE = "There is only one picture."


def too_few(there: int) -> str:
    """The note for more requested groups than distinct vectors."""
    return f"Only {there} groups, because there are no more different vectors."


def by_size(labels: NDArray[Any]) -> Labels:
    """The groups renumbered by size, largest 0, ties by first occurrence. Noise stays −1."""
    numbers, first, inverse, counts = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = sorted(np.flatnonzero(numbers >= 0), key=lambda place: (-counts[place], first[place]))
    renamed = np.full(len(numbers), NOISE, dtype=np.int64)
    renamed[order] = np.arange(len(order))
    return renamed[inverse.reshape(-1)]
