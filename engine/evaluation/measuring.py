"""Measuring one cell of an experiment: its figures, with every labelled image as the query once.

The query itself is always excluded from its results. precision@k is divided by k and the average precision by what
could have been found, so a method that returns too little pays for it. Neighbours are searched in blocks of queries.
The average precision of any method is that of the k results of its search (mAP@k). For exact search that over the
first 1000 ranks is measured, too (mAP); asked for that many, an approximate method would examine nearly everything.
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
from engine.evaluation.metrics import average_precision, bootstrap_interval, precision_at_k
from engine.evaluation.ranking import distances_to_all
from engine.evaluation.recall import recall_at_k
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
    """

    ids: Ids
    kinds: tuple[str, ...]
    codes: Ids
    rows: Ids
    single: int

    @property
    def others(self) -> Ids:
        """(n,) how many other images carry each image's label."""
        counts: Ids = np.bincount(self.codes, minlength=len(self.kinds))[self.codes] - 1
        return counts


def questions(
    ids: Ids, labels: Sequence[str], *, query: int | None = None, queries: int | None = None, seed: int = 0
) -> Questions:
    """The queries: every image that shares its label, or `queries` of them drawn with `seed`.

    Args:
        ids: (n,) ascending. labels: (n,), none of them "". query: the single image, None for the first of the most
            frequent label (on ties, the first by name).

    Raises:
        BadParameter: no two images share a label, or the query is not among the images.
    """
    kinds, codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    counts = np.bincount(codes, minlength=len(kinds))
    rows = np.flatnonzero(counts[codes] > 1) if len(codes) else np.empty(0, dtype=np.int64)
    if not len(rows):
        raise BadParameter(
            "images", "a comparison", "at least two with the same label", f"{len(ids)} labelled pictures"
        )
    if queries is not None and queries < len(rows):
        rows = np.sort(np.random.default_rng(seed).choice(rows, queries, replace=False))
    single = int(np.argmax(codes == np.argmax(counts))) if query is None else _row_of(ids, query)
    return Questions(ids, tuple(kinds.tolist()), codes.astype(np.int64), rows, single)


def measure(
    index: Index, vectors: Matrix, asked: Questions, k: int, *, truth: Neighbours | None, report: Report
) -> dict[str, Any]:
    """The figures of one index over the (n, d) labelled vectors, as the fields of a Row.

    Args:
        truth: the results of exact search for the same questions (its `nearest`); None if `index` itself is exact.
    """
    places = min(len(vectors) - 1, MAX_K)
    found = nearest(index, vectors, asked, k, report)
    right = relevance(found.ids, asked, asked.rows)
    precisions = precision_at_k(right, k)
    returned = average_precision(right, np.minimum(asked.others[asked.rows], k))
    exact = index.name == "exact"
    averages = _average_precisions(index, vectors, asked, places, report) if exact else returned
    examined = found.examined
    return {
        "images": len(vectors),
        "queries": len(asked.rows),
        "precision": float(precisions.mean()),
        "interval": bootstrap_interval(precisions),
        "chance": float(asked.others[asked.rows].mean() / (len(vectors) - 1) * min(k, len(vectors) - 1) / k),
        "map": float(averages.mean()) if exact else None,
        "map_at_k": float(returned.mean()),
        "recall": None if truth is None else float(recall_at_k(found, truth).mean()),
        "per_class": per_class(precisions, asked),
        "milliseconds": milliseconds(index, vectors, asked.rows, k),
        "examined": None if (examined < 0).any() else float(examined.mean() / len(vectors)),
        "single": single(index, vectors, asked, k),
        "worst": worst(found.ids, precisions, averages, asked),
    }


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
    places = np.clip(np.searchsorted(asked.ids, found), 0, len(asked.ids) - 1)
    right: NDArray[np.bool_] = (asked.codes[places] == asked.codes[rows][:, None]) & (found >= 0)
    return right


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


def _average_precisions(
    index: Index, vectors: Matrix, asked: Questions, places: int, report: Report
) -> NDArray[np.float64]:
    """(q,) the average precision of each query over its first `places` ranks, out of what could have been there."""
    parts, done = [], 0
    for rows in _blocks(asked.rows, len(vectors)):
        found = ranked(vectors, rows, places, index.metric)
        right = asked.codes[found] == asked.codes[rows][:, None]
        parts.append(average_precision(right, np.minimum(asked.others[rows], places)))
        done += len(rows)
        report(done, len(asked.rows))
    return np.concatenate(parts)


def ranked(vectors: Matrix, rows: Ids, places: int, metric: str) -> Ids:
    """The rows at the first `places` ranks for (b,) rows as queries, excluding each itself: (b, places).

    By matrix products: for long rankings this is many times faster than an exact index.
    """
    distances = distances_to_all(np.asarray(vectors[rows]), vectors, metric)
    distances[np.arange(len(rows)), rows] = np.inf
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
