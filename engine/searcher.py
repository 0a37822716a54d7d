"""An opened recipe: the vectors of one collection under one index, ready to answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.answers import Answer, Hit, Query, Receipt
from engine.errors import NotFound
from engine.indexes import Index, Neighbours, make_index
from engine.recipe import MAX_K, Recipe

if TYPE_CHECKING:
    from engine.collections.collection import Images
    from engine.encoders.vectors import Vectors

_RECALL_COMPUTED_UP_TO = 50_000  # vectors; beyond, recall is estimated once on a sample of stored queries
_SUBSETS_KEPT = 8


@dataclass(frozen=True)
class Found:
    """The nearest ids of one query after leaving out what must be left out, nearest first."""

    ids: NDArray[np.int64]
    distances: NDArray[np.float32]
    examined: int
    milliseconds: float


class Searcher:
    """Answers queries to one recipe; `images` and `vectors` belong to the same state of the collection."""

    def __init__(self, recipe: Recipe, images: Images, vectors: Vectors, index: Index) -> None:
        self.recipe = recipe
        self.images = images
        self.vectors = vectors
        self.index = index
        self.exact = index if index.name == "exact" else _exact(recipe.metric, vectors.ids, vectors.matrix)
        self._rows = {int(id): row for row, id in enumerate(images.ids)}
        self._labels = np.asarray(images.labels)
        self._exact_of_label: dict[str, Index] = {}
        self._sampled_recall: float | None = None

    def vector(self, image_id: int) -> NDArray[np.float32]:
        """The stored vector of an image, (1, d)."""
        row = int(np.searchsorted(self.vectors.ids, image_id))
        if row >= len(self.vectors.ids) or self.vectors.ids[row] != image_id:
            raise NotFound(f"Image {image_id} is not in this collection any more.")
        return np.asarray(self.vectors.matrix[row : row + 1], dtype=np.float32)

    def answer(
        self,
        query: Query,
        vector: NDArray[np.float32],
        recipe: Recipe,
        *,
        include_query: bool,
        label: str | None,
        encode_milliseconds: float,
    ) -> Answer:
        """The answer to one (1, d) query vector; `recipe` may differ from the opened one in k alone."""
        left_out = None if include_query else query.image_id
        found = self._find(self.index, vector, recipe.k, left_out, label)
        truth = found if self.index is self.exact and not label else self._truth(vector, recipe.k, left_out, label)
        recall, missed = self._compare(found, truth)
        total = self._total(left_out, label)
        receipt = Receipt(
            milliseconds=found.milliseconds,
            encode_milliseconds=encode_milliseconds,
            examined=found.examined,
            total=total,
            recall=recall,
            estimated=truth is None,
            wanted=recipe.k,
        )
        hits = tuple(
            self._hit(rank, *pair) for rank, pair in enumerate(zip(found.ids, found.distances, strict=True), 1)
        )
        return Answer(recipe, query, hits, receipt, missed, label, include_query)

    def _find(
        self, index: Index, vector: NDArray[np.float32], k: int, left_out: int | None, label: str | None
    ) -> Found:
        if label and index is self.exact:
            index = self._exact_index_of(label)
        began = time.perf_counter()
        # Ask for one more where the query itself will be dropped, and for more and more where a label is wanted.
        asked = min(k + (left_out is not None), MAX_K)
        while True:
            answer = index.search(vector, asked)
            keep = self._keep(answer, left_out, label)
            if keep.sum() >= k or asked >= min(index.size, MAX_K):
                break
            asked = min(asked * 4, MAX_K)
        ids, distances = answer.ids[0][keep][:k], answer.distances[0][keep][:k]
        return Found(ids, distances, int(answer.examined[0]), 1000 * (time.perf_counter() - began))

    def _keep(self, answer: Neighbours, left_out: int | None, label: str | None) -> NDArray[np.bool_]:
        ids = answer.ids[0]
        keep = ids >= 0
        if left_out is not None:
            keep &= ids != left_out
        if label:
            keep &= np.array([id in self._rows and self._labels[self._rows[id]] == label for id in ids.tolist()], bool)
        return keep

    def _truth(self, vector: NDArray[np.float32], k: int, left_out: int | None, label: str | None) -> Found | None:
        if len(self.vectors.ids) > _RECALL_COMPUTED_UP_TO:
            return None
        return self._find(self.exact, vector, k, left_out, label)

    def _compare(self, found: Found, truth: Found | None) -> tuple[float, tuple[int, ...]]:
        if truth is None:
            return self._recall_on_a_sample(), ()
        # Equally near images are equally good answers: only what is nearer than the last hit counts as missed.
        worst = found.distances[-1] if len(found.ids) else -np.inf
        short = len(found.ids) < len(truth.ids)
        absent = ~np.isin(truth.ids, found.ids)
        missed = truth.ids[absent & (short | (truth.distances < worst - 1e-6 * max(1.0, abs(float(worst)))))]
        recall = 1.0 - len(missed) / len(truth.ids) if len(truth.ids) else 1.0
        return recall, tuple(int(id) for id in missed)

    def _recall_on_a_sample(self) -> float:
        if self._sampled_recall is None:
            from engine.evaluation.recall import estimated_recall

            self._sampled_recall = estimated_recall(self.index, self.exact, self.vectors.matrix, self.recipe.k)
        return self._sampled_recall

    def _total(self, left_out: int | None, label: str | None) -> int:
        row = self._rows.get(left_out) if left_out is not None else None
        if label:
            return int((self._labels == label).sum()) - (row is not None and self._labels[row] == label)
        return len(self.vectors.ids) - (row is not None)

    def _exact_index_of(self, label: str) -> Index:
        if label not in self._exact_of_label:
            rows = np.flatnonzero(self._labels == label)
            if not len(rows):
                raise NotFound(f"No image of this collection has the label {label!r}.")
            if len(self._exact_of_label) >= _SUBSETS_KEPT:
                self._exact_of_label.pop(next(iter(self._exact_of_label)))
            ids = self.images.ids[rows]
            chosen = np.searchsorted(self.vectors.ids, ids)
            self._exact_of_label[label] = _exact(self.recipe.metric, ids, self.vectors.matrix[chosen])
        return self._exact_of_label[label]

    def _hit(self, rank: int, id: int, distance: float) -> Hit:
        row = self._rows[int(id)]
        images = self.images
        return Hit(rank, int(id), images.names[row], images.labels[row], images.texts[row], float(distance))


def _exact(metric: str, ids: NDArray[np.int64], matrix: NDArray[np.float32]) -> Index:
    return make_index("exact", metric).build(ids, matrix)
