"""An opened recipe: the vectors of one collection under one index, ready to answer."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Images
from engine.core.errors import NotFound
from engine.core.recipe import MAX_K, Recipe
from engine.encoders.vectors.store import Vectors
from engine.evaluation.recall import COMPUTED_UP_TO, estimated_recall
from engine.indexes import Index, Neighbours, make_index
from engine.search.answer import Answer, Hit, Query, Receipt
from engine.search.provenance import Provenance

_SUBSETS_KEPT = 8
_NONE: tuple[int, ...] = ()
_MOST_ASKED = MAX_K + 1  # the query itself may be included


@dataclass(frozen=True)
class SearchResult:
    """The nearest ids of a query after filtering, nearest first."""

    ids: NDArray[np.int64]
    distances: NDArray[np.float32]
    examined: int
    milliseconds: float
    share: float = 1.0


class Searcher:
    """Answers queries under one recipe; `images` and `vectors` belong to the same state of the collection.

    `exact` is exact search over the same vectors: the reference for the answers, or `index` itself. `note` is a
    sentence on how the index was built, "" for none; `provenance` goes into exports.
    """

    def __init__(
        self,
        recipe: Recipe,
        images: Images,
        vectors: Vectors,
        index: Index,
        exact: Index,
        note: str = "",
        provenance: Provenance | None = None,
    ) -> None:
        self.recipe = recipe
        self.images = images
        self.vectors = vectors
        self.index = index
        self.exact = exact
        self.note = note
        self.provenance = provenance
        self._rows = {int(id): row for row, id in enumerate(images.ids)}
        self._has_vector = np.isin(images.ids, vectors.ids)
        self._labels = np.asarray(images.labels)
        self._exact_of_label: dict[str, Index] = {}
        self._sampled_recall: dict[int, float] = {}

    def vector(self, image_id: int) -> NDArray[np.float32]:
        """The stored vector of an image, (1, d)."""
        row = int(np.searchsorted(self.vectors.ids, image_id))
        if row >= len(self.vectors.ids) or self.vectors.ids[row] != image_id:
            raise NotFound(f"Picture {image_id} is no longer in this collection, or could not be read.")
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
        """The answer to one (1, d) query vector; `recipe` may differ from the opened one only in k."""
        left_out = None if include_query else query.image_id
        truth_index = self._exact_index_of(label) if label else self.exact
        exactly = self.index is self.exact
        total = self._total(left_out, label)
        nearest = self._find(truth_index if exactly else self.index, vector, recipe.k, left_out, label, total)
        pool = truth_index.size if exactly and label else len(self.vectors.ids)
        recall, missed, estimated = 1.0, _NONE, False
        if not exactly:
            recall, missed, estimated = self._judge(nearest, truth_index, vector, recipe.k, left_out, label)
        receipt = Receipt(
            milliseconds=nearest.milliseconds,
            encode_milliseconds=encode_milliseconds,
            examined=nearest.examined,
            pool=pool,
            total=total,
            recall=recall,
            estimated=estimated,
            wanted=recipe.k,
            share=nearest.share,
        )
        asked, hits = query if query.data is not None else self._named(query), self._hits(nearest)
        return Answer(recipe, asked, hits, receipt, missed, label, include_query, self.note, self.provenance)

    def _named(self, query: Query) -> Query:
        """The query with the name and the sha256 of its file, if it is an image of the collection."""
        row = self._rows.get(query.image_id) if query.image_id is not None and query.data is None else None
        return query if row is None else replace(query, name=self.images.names[row], sha256=self.images.hashes[row])

    def _find(
        self,
        index: Index,
        vector: NDArray[np.float32],
        k: int,
        left_out: int | None,
        label: str | None,
        total: int,
    ) -> SearchResult:
        began = time.perf_counter()
        asked = min(k + (left_out is not None), _MOST_ASKED)
        wanted = min(k, total)
        answer = index.search_among(self._ids_of(label), vector, asked) if label else None
        if answer is None:
            answer = self._widening(index, vector, asked, wanted, left_out, label)
        keep, examined = self._keep(answer, left_out, label), int(answer.examined[0])
        if label and keep.sum() < wanted:  # the label is rare: comparing all its images is cheap and exact
            answer = self._exact_index_of(label).search(vector, asked)
            keep, examined = self._keep(answer, left_out, label), max(examined, 0) + int(answer.examined[0])
        ids, distances = answer.ids[0][keep][:k], answer.distances[0][keep][:k]
        return SearchResult(ids, distances, examined, 1000 * (time.perf_counter() - began), answer.share)

    def _widening(
        self,
        index: Index,
        vector: NDArray[np.float32],
        asked: int,
        wanted: int,
        left_out: int | None,
        label: str | None,
    ) -> Neighbours:
        """Search with a growing k until enough results pass the filter, or there are no more."""
        while True:
            answer = index.search(vector, asked)
            kept = self._keep(answer, left_out, label).sum()
            if kept >= wanted or asked >= min(index.size, _MOST_ASKED):
                return answer
            asked = min(asked * 4, _MOST_ASKED)

    def _keep(self, answer: Neighbours, left_out: int | None, label: str | None) -> NDArray[np.bool_]:
        ids = answer.ids[0]
        keep = ids >= 0
        if left_out is not None:
            keep &= ids != left_out
        if label:
            keep &= np.array([id in self._rows and self._labels[self._rows[id]] == label for id in ids.tolist()], bool)
        return keep

    def _judge(
        self,
        nearest: SearchResult,
        truth_index: Index,
        vector: NDArray[np.float32],
        k: int,
        left_out: int | None,
        label: str | None,
    ) -> tuple[float, tuple[int, ...], bool]:
        """The recall of an approximate answer, the ids it missed, and whether the recall is an estimate."""
        if truth_index.size > COMPUTED_UP_TO:
            return self._recall_on_a_sample(k), (), True
        truth = self._find(truth_index, vector, k, left_out, label, total=k)
        missed = _missed(nearest, truth)
        return 1.0 - len(missed) / max(len(truth.ids), 1), missed, False

    def _recall_on_a_sample(self, k: int) -> float:
        if k not in self._sampled_recall:
            self._sampled_recall[k] = estimated_recall(self.index, self.exact, self.vectors.matrix, k)
        return self._sampled_recall[k]

    def _total(self, left_out: int | None, label: str | None) -> int:
        possible = self._has_vector & (self._labels == label) if label else self._has_vector
        row = self._rows.get(left_out) if left_out is not None else None
        return int(possible.sum()) - int(row is not None and possible[row])

    def _exact_index_of(self, label: str) -> Index:
        if label not in self._exact_of_label:
            ids = self._ids_of(label)
            if not len(ids):
                raise NotFound(f"No picture of this collection has the label {label!r}.")
            if len(self._exact_of_label) >= _SUBSETS_KEPT:
                self._exact_of_label.pop(next(iter(self._exact_of_label)), None)
            chosen = self.vectors.matrix[np.searchsorted(self.vectors.ids, ids)]
            self._exact_of_label[label] = make_index("exact", self.recipe.metric).build(ids, chosen)
        return self._exact_of_label[label]

    def _ids_of(self, label: str) -> NDArray[np.int64]:
        return self.images.ids[self._has_vector & (self._labels == label)]

    def _hits(self, nearest: SearchResult) -> tuple[Hit, ...]:
        images, hits = self.images, []
        for rank, (id, distance) in enumerate(zip(nearest.ids.tolist(), nearest.distances.tolist(), strict=True), 1):
            row = self._rows[id]
            about = images.names[row], images.labels[row], images.texts[row]
            hits.append(Hit(rank, id, *about, distance, images.hashes[row]))
        return tuple(hits)


def _missed(nearest: SearchResult, truth: SearchResult) -> tuple[int, ...]:
    """The true neighbours that are missing, ties excepted: an equally near image is an equally good answer."""
    worst = float(nearest.distances[-1]) if len(nearest.ids) else -np.inf
    short = len(nearest.ids) < len(truth.ids)
    nearer = truth.distances < worst - 1e-6 * max(1.0, abs(worst))
    return tuple(int(id) for id in truth.ids[~np.isin(truth.ids, nearest.ids) & (short | nearer)])
