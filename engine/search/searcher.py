"""An opened recipe: the vectors of one collection under one index, ready to answer."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Images
from engine.collections.images import row_among
from engine.core.errors import NotFound
from engine.core.recipe import MAX_K, Recipe
from engine.encoders.vectors.store import Vectors
from engine.evaluation.recall import COMPUTED_UP_TO, estimated_recall
from engine.indexes import Index, Neighbours
from engine.search.answer import Answer, Hit, Query, Receipt
from engine.search.calibration.late import LateCalibration
from engine.search.examples import Example
from engine.search.limits import Limits
from engine.search.provenance import Provenance

_FEW = 0.25  # the share of the pictures up to which all that may be found are compared, by exact search
_MOST_ASKED = MAX_K + 1  # the query itself may be included
# What has searched in this process before: the first search of its kind compiles its loops, or loads them from the
# disk, which takes up to a minute on a new computer and is no part of a search.
_SEARCHED: set[tuple[type[Index], str, bool]] = set()


@dataclass(frozen=True)
class SearchResult:
    """The nearest ids of a query after filtering, nearest first."""

    ids: NDArray[np.int64]
    distances: NDArray[np.float32]
    examined: int
    milliseconds: float
    share: float = 1.0


@dataclass(frozen=True)
class Scope:
    """What may be found: pictures that are not `left_out`, and only those of `ids` (ascending) unless it is None."""

    left_out: NDArray[np.int64]
    ids: NDArray[np.int64] | None = None

    def keeps(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these ids may be found; -1 means no picture."""
        found: NDArray[np.bool_] = (ids >= 0) & ~np.isin(ids, self.left_out)
        return found if self.ids is None else found & np.isin(ids, self.ids)


class _Judged(NamedTuple):
    """The recall of an answer, the ids that it missed, and whether its recall is an estimate."""

    recall: float
    missed: tuple[int, ...] = ()
    estimated: bool = False


class Searcher:
    """Answers queries under one recipe; `images` and `vectors` belong to the same state of the collection.

    `exact` is exact search over the same vectors: the reference for the answers, or `index` itself. `note` is a
    sentence on how the index was built, "" for none; `provenance` goes into exports; `calibration` says what distances
    mean.
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
        calibration: LateCalibration | None = None,
    ) -> None:
        self.recipe = recipe
        self.images = images
        self.vectors = vectors
        self.index = index
        self.exact = exact
        self.note = note
        self.provenance = provenance
        self.calibration = calibration
        self._has_vector = np.isin(images.ids, vectors.ids)
        self._possible = images.ids[self._has_vector]
        self._sampled_recall: dict[int, float] = {}

    def vector(self, image_id: int) -> NDArray[np.float32]:
        """The stored vector of an image, (1, d)."""
        row = row_among(self.vectors.ids, image_id)
        if row is None:
            raise NotFound(f"Picture {image_id} is no longer in this collection, or could not be read.")
        return np.asarray(self.vectors.matrix[row : row + 1], dtype=np.float32)

    def answer(
        self,
        query: Query,
        vector: NDArray[np.float32],
        recipe: Recipe,
        limits: Limits,
        *,
        encode_milliseconds: float,
        note: str = "",
    ) -> Answer:
        """The answer to one (1, d) query vector; `recipe` may differ from the opened one only in k.

        Args:
            note: on how the vector was made, besides that on the index.

        Raises:
            NothingKnown: no picture has the label, or meets the filter.
        """
        scope = self._scope(query, limits)
        total = self._total(scope)
        nearest = self._find(self.index, vector, recipe.k, scope, total)
        judged = self._judge(nearest, vector, recipe.k, scope)
        receipt = Receipt(
            milliseconds=nearest.milliseconds,
            encode_milliseconds=encode_milliseconds,
            examined=nearest.examined,
            # exact search skips what may not be found
            pool=len(self.vectors.ids if scope.ids is None or self.index is not self.exact else scope.ids),
            total=total,
            recall=judged.recall,
            estimated=judged.estimated,
            wanted=recipe.k,
            share=nearest.share,
        )
        return Answer(
            recipe, self.named(query), self._hits(nearest), receipt, judged.missed, limits.label, limits.include_query,
            " · ".join(filter(None, (note, self.note))), self.provenance, where=limits.where,
            calibrated=self.calibration.now() if self.calibration is not None and query.pictured else None,
        )  # fmt: skip

    def ranked(
        self,
        query: Query,
        distances: NDArray[np.float32],
        recipe: Recipe,
        limits: Limits,
        *,
        began: float,
        encode_milliseconds: float,
        note: str = "",
        by: NDArray[np.floating] | None = None,
    ) -> Answer:
        """The answer by given (n,) distances of all vectors instead of a query vector; otherwise as `answer`.

        Args:
            began: when the search began, of which the distances are part, by `time.perf_counter`.
            by: (n,) what the results are ordered by, if not by their distances.
        """
        scope = self._scope(query, limits)
        order = self._order(distances if by is None else by, scope)[: recipe.k]
        took = 1000 * (time.perf_counter() - began)
        count, total = len(self.vectors.ids), self._total(scope)
        hits = self._hits(SearchResult(self.vectors.ids[order], distances[order], count, took))
        return Answer(
            recipe.but(method="exact", options=()), self.named(query), hits,
            Receipt(
                milliseconds=took, encode_milliseconds=encode_milliseconds, examined=count, pool=count, total=total,
                recall=1.0, estimated=False, wanted=recipe.k,
            ),
            (), limits.label, limits.include_query, note, self.provenance, where=limits.where,
        )  # fmt: skip

    def further(
        self,
        answer: Answer,
        distances: NDArray[np.float32],
        limits: Limits,
        by: NDArray[np.floating] | None = None,
    ) -> list[Hit]:
        """All results after those of an answer, by (n,) distances of all vectors; `by` as for `ranked`.

        Args:
            limits: those of the answer.
        """
        scope = self._scope(answer.query, limits)
        order = self._order(distances if by is None else by, scope)
        order = order[~np.isin(self.vectors.ids[order], [hit.id for hit in answer.hits])]
        hits = self._hits(SearchResult(self.vectors.ids[order], distances[order], len(distances), 0.0))
        return [replace(hit, rank=hit.rank + len(answer.hits)) for hit in hits]

    def named(self, query: Query) -> Query:
        """The query with the file names and sha256 of its pictures that belong to the collection."""
        if query.examples:
            return replace(query, examples=tuple(self._named_example(one) for one in query.examples))
        row = self.images.row(query.image_id) if query.data is None else None
        return query if row is None else replace(query, name=self.images.names[row], sha256=self.images.hashes[row])

    def _named_example(self, example: Example) -> Example:
        row = self.images.row(example.image_id)
        return example if row is None else replace(example, name=self.images.names[row], sha256=self.images.hashes[row])

    def _scope(self, query: Query, limits: Limits) -> Scope:
        left_out = np.array([] if limits.include_query else sorted(query.image_ids), dtype=np.int64)
        if not limits.label and limits.among is None:
            return Scope(left_out)
        others = self._has_vector & ~np.isin(self.images.ids, left_out)
        return Scope(left_out, self.images.ids[limits.within(others, self.images)])

    def _find(self, index: Index, vector: NDArray[np.float32], k: int, scope: Scope, total: int) -> SearchResult:
        """The nearest by an index; the time is that of the search alone, without compiling or loading its loops."""
        kind = (type(index), self.recipe.metric, scope.ids is None)
        if kind not in _SEARCHED:
            self._timed(index, vector, k, scope, total)
            _SEARCHED.add(kind)
        return self._timed(index, vector, k, scope, total)

    def _timed(self, index: Index, vector: NDArray[np.float32], k: int, scope: Scope, total: int) -> SearchResult:
        began = time.perf_counter()
        if k + len(scope.left_out) > _MOST_ASKED:  # many examples: they would take the places of results
            scope = self._without_left_out(scope)
        asked, wanted = min(k + len(scope.left_out), _MOST_ASKED), min(k, total)
        # Exact search filters by comparing all that may be found; of many of these, asking for more costs less.
        many = scope.ids is not None and index is self.exact and len(scope.ids) > _FEW * index.size
        answer = None if scope.ids is None or many else index.search_among(scope.ids, vector, asked)
        if answer is None:
            answer = self._widening(index, vector, asked, wanted, scope)
        keep, examined = scope.keeps(answer.ids[0]), int(answer.examined[0])
        if scope.ids is not None and keep.sum() < wanted:  # few may be found: comparing all of them is cheap and exact
            answer = self._exactly(scope.ids, vector, asked)
            keep, examined = scope.keeps(answer.ids[0]), max(examined, 0) + int(answer.examined[0])
        ids, distances = answer.ids[0][keep][:k], answer.distances[0][keep][:k]
        return SearchResult(ids, distances, examined, 1000 * (time.perf_counter() - began), answer.share)

    def _without_left_out(self, scope: Scope) -> Scope:
        """The same scope, as the ids that may be found."""
        ids = np.asarray(self.vectors.ids) if scope.ids is None else scope.ids
        return Scope(scope.left_out, ids[~np.isin(ids, scope.left_out)])

    def _exactly(self, ids: NDArray[np.int64], vector: NDArray[np.float32], asked: int) -> Neighbours:
        answer = self.exact.search_among(ids, vector, asked)
        assert answer is not None  # exact search can always filter
        return answer

    def _widening(self, index: Index, vector: NDArray[np.float32], asked: int, wanted: int, scope: Scope) -> Neighbours:
        """Search with a growing k until enough results pass the filter, or there are no more."""
        while True:
            answer = index.search(vector, asked)
            if scope.keeps(answer.ids[0]).sum() >= wanted or asked >= min(index.size, _MOST_ASKED):
                return answer
            asked = min(asked * 4, _MOST_ASKED)

    def _judge(self, nearest: SearchResult, vector: NDArray[np.float32], k: int, scope: Scope) -> _Judged:
        """How an answer compares with exact search; of very many vectors its recall is measured on a sample."""
        if self.index is self.exact:
            return _Judged(recall=1.0)
        if (self.exact.size if scope.ids is None else len(scope.ids)) > COMPUTED_UP_TO:
            return _Judged(self._recall_on_a_sample(k), estimated=True)
        truth = self._find(self.exact, vector, k, scope, total=k)
        missed = _missed(nearest, truth)
        return _Judged(1.0 - len(missed) / max(len(truth.ids), 1), missed)

    def _recall_on_a_sample(self, k: int) -> float:
        if k not in self._sampled_recall:
            self._sampled_recall[k] = estimated_recall(self.index, self.exact, self.vectors.matrix, k)
        return self._sampled_recall[k]

    def _total(self, scope: Scope) -> int:
        possible = self._possible if scope.ids is None else scope.ids
        return len(possible) - int(np.isin(scope.left_out, possible).sum()) if len(scope.left_out) else len(possible)

    def _order(self, distances: NDArray[np.floating], scope: Scope) -> NDArray[np.int64]:
        """The rows of all vectors that may be found, nearest first; ties in the order of their ids."""
        rows = np.flatnonzero(scope.keeps(np.asarray(self.vectors.ids)))
        return rows[np.argsort(distances[rows], kind="stable")]

    def _hits(self, nearest: SearchResult) -> tuple[Hit, ...]:
        images, hits = self.images, []
        for rank, (id, distance) in enumerate(zip(nearest.ids.tolist(), nearest.distances.tolist(), strict=True), 1):
            row = int(np.searchsorted(images.ids, id))
            about = images.names[row], images.labels[row], images.texts[row]
            hits.append(Hit(rank, id, *about, distance, images.hashes[row]))
        return tuple(hits)


def _missed(nearest: SearchResult, truth: SearchResult) -> tuple[int, ...]:
    """The true neighbours that are missing, ties excepted: an equally near image is an equally good answer."""
    worst = float(nearest.distances[-1]) if len(nearest.ids) else -np.inf
    short = len(nearest.ids) < len(truth.ids)
    nearer = truth.distances < worst - 1e-6 * max(1.0, abs(worst))
    return tuple(int(id) for id in truth.ids[~np.isin(truth.ids, nearest.ids) & (short | nearer)])
