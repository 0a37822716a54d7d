"""Measuring one cell of an experiment: its figures, with every labelled image as the query once.

The query itself is always excluded from its results. precision@k is divided by k and the average precision by what
could have been found, so a method that returns too little pays for it. Neighbours are searched in blocks of queries.
The average precision of any method is that of the k results of its search (mAP@k). For exact search that over the
first 1000 ranks is measured, too (mAP, and with it R-precision, MAP@R and recall@10); asked for so many, an approximate
method would examine nearly everything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter
from engine.core.recipe import MAX_K
from engine.evaluation.ranking import distances_to_all
from engine.evaluation.recall import recall_at_k
from engine.evaluation.single_queries import SingleQueries, figures_of_ranking, figures_of_results
from engine.evaluation.statistics.proportion import mean_share_interval
from engine.indexes import Index, Neighbours

Ids = NDArray[np.int64]
Matrix = NDArray[np.float32]
Report = Callable[[int, int], None]  # queries done, and of how many; may raise Stopped

WORST = 8
_BLOCK_BYTES = 32 * 2**20  # of vectors in memory at once
_BLOCK_ROWS = 256  # queries between checks for a stop
_WARM, _TIMED = 3, 30  # searches before the clock starts, and the minimum number of timed ones
_TIMED_AT_MOST, _SECONDS_TIMED = 200, 1.0


@dataclass(frozen=True)
class Questions:
    """The labelled images that are searched, and the queries among them.

    Attributes:
        ids: (n,) ascending. kinds: the labels. codes: (n,) the index of each image's label in `kinds`.
        rows: (q,) the rows of the queries. single: the row of the single image in the report's figure.
        gallery: (n,) which images are searched, None for all; with it, no query is among them.
    """

    ids: Ids
    kinds: tuple[str, ...]
    codes: Ids
    rows: Ids
    single: int
    gallery: NDArray[np.bool_] | None = None

    @property
    def others(self) -> Ids:
        """(n,) how many other images that are searched carry each image's label."""
        return _others(self.codes, self.gallery)

    @property
    def searched(self) -> int:
        """How many images are searched."""
        return len(self.ids) if self.gallery is None else int(self.gallery.sum())

    @property
    def findable(self) -> int:
        """How many images a query can find: it is never its own result."""
        return self.searched - (self.gallery is None)


def questions(
    ids: Ids,
    labels: Sequence[str],
    *,
    query: int | None = None,
    queries: int | None = None,
    seed: int = 0,
    asked: NDArray[np.bool_] | None = None,
) -> Questions:
    """The queries: every image whose label others share, or `queries` of them drawn with `seed`.

    Args:
        ids: (n,) ascending. labels: (n,), none of them "". query: the single image, None for the first of the most
            frequent label (on ties, the first by name). asked: (n,) which images may be queries; the others are the
            gallery, which alone is searched. None: every image is searched and may be a query.

    Raises:
        BadParameter: no query shares its label with an image that is searched, or `query` is not among the images.
    """
    kinds, numbers = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    codes, gallery = numbers.astype(np.int64), None if asked is None else ~asked
    counts = np.bincount(codes, minlength=len(kinds))
    may = np.ones(len(codes), dtype=bool) if asked is None else asked
    rows = np.flatnonzero(may & (_others(codes, gallery) > 0)) if len(codes) else np.empty(0, dtype=np.int64)
    if not len(rows):
        wanted = "at least two with the same label" if asked is None else "queries with a label of the gallery"
        raise BadParameter("images", "a comparison", wanted, f"{len(ids)} labelled pictures")
    if queries is not None and queries < len(rows):
        rows = np.sort(np.random.default_rng(seed).choice(rows, queries, replace=False))
    single = int(np.argmax(codes == np.argmax(counts))) if query is None else _row_of(ids, query)
    return Questions(ids, tuple(kinds.tolist()), codes, rows, single, gallery)


def _others(codes: Ids, gallery: NDArray[np.bool_] | None) -> Ids:
    """(n,) how many other images of the gallery carry each image's label."""
    searched = codes if gallery is None else codes[gallery]
    counts = np.bincount(searched, minlength=int(codes.max(initial=-1)) + 1)[codes]
    return np.asarray(counts - (gallery is None))


def measure(
    index: Index, vectors: Matrix, asked: Questions, k: int, *, truth: Neighbours | None, report: Report
) -> tuple[dict[str, Any], SingleQueries]:
    """The figures of one index over the (n, d) labelled vectors, as the fields of a Row, and those of each query.

    Args:
        truth: the results of exact search for the same questions (its `nearest`); None if `index` itself is exact.
    """
    found = nearest(index, vectors, asked, k, report)
    single_queries = _single_queries(index, vectors, asked, k, found, report)
    figures, means = single_queries.figures, single_queries.means
    examined, averages = found.examined, figures.get("map", figures["map_at_k"])
    return {
        "images": asked.searched,
        "queries": len(asked.rows),
        "interval": mean_share_interval(figures["precision"]),
        "chance": float(asked.others[asked.rows].mean() / asked.findable * min(k, asked.findable) / k),
        "ceiling": float((np.minimum(asked.others[asked.rows], k) / k).mean()),
        "map": None,
        **means,
        "recall": None if truth is None else float(recall_at_k(found, truth).mean()),
        "per_class": per_class(figures["precision"], asked),
        "milliseconds": milliseconds(index, vectors, asked.rows, k),
        "examined": None if (examined < 0).any() else float(examined.mean() / asked.searched),
        "single": single(index, vectors, asked, k),
        "worst": worst(found.ids, figures["precision"], averages, asked),
    }, single_queries


def _single_queries(
    index: Index, vectors: Matrix, asked: Questions, k: int, found: Neighbours, report: Report
) -> SingleQueries:
    """The figures of each query; those of a whole ranking for exact search only."""
    right, others = relevance(found.ids, asked, asked.rows), asked.others[asked.rows]
    labels = np.where(found.ids >= 0, asked.codes[_rows_of(found.ids, asked)], -1)
    figures = figures_of_results(right, labels, asked.codes[asked.rows], others, k)
    if index.name == "exact":
        figures |= _figures_of_ranking(index, vectors, asked, min(asked.findable, MAX_K), report)
    return SingleQueries(asked.ids[asked.rows], found.ids, figures)


def nearest(index: Index, vectors: Matrix, asked: Questions, k: int, report: Report) -> Neighbours:
    """The k nearest neighbours of every query, excluding itself, (q, k)."""
    parts, done = [], 0
    for rows in _blocks(asked.rows, vectors.shape[1]):
        parts.append(without_itself(index, vectors, asked.ids, rows, k))
        done += len(rows)
        report(done, len(asked.rows))
    ids, distances = (np.concatenate([getattr(part, name) for part in parts]) for name in ("ids", "distances"))
    return Neighbours(ids, distances, np.concatenate([part.examined for part in parts]))


def without_itself(index: Index, vectors: Matrix, ids: Ids, rows: Ids, k: int) -> Neighbours:
    """The k nearest neighbours of (b,) rows as queries, excluding each itself, (b, k)."""
    found = index.search(np.ascontiguousarray(vectors[rows], dtype=np.float32), k + 1)
    itself = found.ids == ids[rows][:, None]
    order = np.argsort(itself, axis=1, kind="stable")[:, :k]  # the query itself last, or the last result
    nearest_ids = np.take_along_axis(found.ids, order, 1)
    return Neighbours(nearest_ids, np.take_along_axis(found.distances, order, 1), found.examined)


def relevance(found: Ids, asked: Questions, rows: Ids) -> NDArray[np.bool_]:
    """(b, k) result ids to (b, k): whether each result has the label of its query; −1 never does."""
    same = asked.codes[_rows_of(found, asked)] == asked.codes[rows][:, None]
    right: NDArray[np.bool_] = same & (found >= 0)
    return right


def _rows_of(found: Ids, asked: Questions) -> Ids:
    """The rows of result ids among all labelled pictures; any row for −1."""
    return np.asarray(np.clip(np.searchsorted(asked.ids, found), 0, len(asked.ids) - 1))


def per_class(precisions: NDArray[np.float64], asked: Questions) -> dict[str, float]:
    """The mean precision of the queries of each label that was queried."""
    codes = asked.codes[asked.rows]
    return {kind: float(precisions[codes == c].mean()) for c, kind in enumerate(asked.kinds) if (codes == c).any()}


def milliseconds(index: Index, vectors: Matrix, rows: Ids, k: int) -> float:
    """The median time of one search for one query, of at least 30, after a warm-up."""
    spread = rows[np.linspace(0, len(rows) - 1, _TIMED_AT_MOST).astype(int)]
    for row in spread[:_WARM]:
        index.search(np.ascontiguousarray(vectors[row : row + 1]), k + 1)
    times: list[float] = []
    began = time.perf_counter()
    for row in np.random.default_rng(0).permutation(spread):
        query = np.ascontiguousarray(vectors[row : row + 1])
        start = time.perf_counter()
        index.search(query, k + 1)
        times.append(time.perf_counter() - start)
        if len(times) >= _TIMED and time.perf_counter() - began > _SECONDS_TIMED:
            break
    return 1000 * float(np.median(times))


def single(index: Index, vectors: Matrix, asked: Questions, k: int) -> dict[str, Any]:
    """The report's figure: the results for one image, and how many of the k have its label."""
    rows = np.array([asked.single])
    found = without_itself(index, vectors, asked.ids, rows, k).ids
    answers = [int(id) for id in found[0] if id >= 0]
    hits = int(relevance(found, asked, rows).sum())
    return {"query": int(asked.ids[asked.single]), "hits": hits, "answers": answers}


def worst(
    found: Ids, precisions: NDArray[np.float64], averages: NDArray[np.float64], asked: Questions
) -> list[dict[str, Any]]:
    """The queries with the lowest precision, ties by the lowest average precision."""
    order = np.lexsort((asked.rows, averages, precisions))[:WORST]
    return [
        {
            "query": int(asked.ids[asked.rows[place]]),
            "precision": float(precisions[place]),
            "answers": [int(id) for id in found[place] if id >= 0],
        }
        for place in order
    ]


def _figures_of_ranking(
    index: Index, vectors: Matrix, asked: Questions, places: int, report: Report
) -> dict[str, NDArray[np.float64]]:
    """The figures of each query over its first `places` ranks, (q,) each."""
    parts: list[dict[str, NDArray[np.float64]]] = []
    done = 0
    for rows in _blocks(asked.rows, len(vectors)):
        found = ranked(vectors, rows, places, index.metric, asked.gallery)
        right = asked.codes[found] == asked.codes[rows][:, None]
        parts.append(figures_of_ranking(right, asked.others[rows]))
        done += len(rows)
        report(done, len(asked.rows))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def ranked(vectors: Matrix, rows: Ids, places: int, metric: str, gallery: NDArray[np.bool_] | None = None) -> Ids:
    """The rows at the first `places` ranks for (b,) rows as queries, excluding each itself: (b, places).

    Only rows of the (n,) gallery are found, if there is one.
    By matrix products: for long rankings this is many times faster than an exact index.
    """
    distances = distances_to_all(np.asarray(vectors[rows]), vectors, metric)
    distances[np.arange(len(rows)), rows] = np.inf
    if gallery is not None:
        distances[:, ~gallery] = np.inf
    first = np.argpartition(distances, places - 1, axis=1)[:, :places]
    order = np.argsort(np.take_along_axis(distances, first, 1), axis=1, kind="stable")
    found: Ids = np.take_along_axis(first, order, 1)
    return found


def _blocks(rows: Ids, width: int) -> Iterator[Ids]:
    step = max(1, min(_BLOCK_ROWS, _BLOCK_BYTES // (4 * width)))
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _row_of(ids: Ids, query: int) -> int:
    row = int(np.searchsorted(ids, query))
    if row >= len(ids) or ids[row] != query:
        raise BadParameter("query", "a comparison", "a labelled picture of the collection", query)
    return row
