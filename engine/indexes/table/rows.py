"""The rows of an index, vectors under ids, with additions and removals without a rebuild; and an index over them.

A removed row is only marked as gone until the index is saved, so that row numbers stay valid for the tables, clusters
and codes that refer to them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import checked_vectors
from engine.core.errors import BadParameter, Corrupt, NotFound, NotReady
from engine.core.recipe import MAX_K
from engine.core.settings import Setting
from engine.core.storage import load_array
from engine.indexes.index import Ids, Index, Neighbours, Vectors

Rows = NDArray[np.int64]


class RowTable:
    """Ids, vectors and a mask of live rows. Vectors may be memory-mapped; the first `add` copies them once."""

    def __init__(self, ids: Ids, vectors: Vectors) -> None:
        self._vectors = checked_vectors(vectors, "the vectors")
        self._ids = checked_ids(ids, len(self._vectors))
        self._alive = np.ones(len(self._ids), dtype=bool)
        self._count = len(self._ids)
        self._owned = False
        self._sorted: Rows | None = None

    @property
    def ids(self) -> Ids:
        """(m,) the ids of all rows, removed ones included."""
        return self._ids[: self._count]

    @property
    def vectors(self) -> Vectors:
        """(m, d) all rows, removed ones included; for reading."""
        return for_reading(self._vectors[: self._count])

    @property
    def alive(self) -> NDArray[np.bool_]:
        """(m,) whether the row is live."""
        return self._alive[: self._count]

    def keep_only(self, rows: Rows) -> None:
        """Mark all other rows as removed."""
        self._alive[:] = False
        self._alive[rows] = True
        self._sorted = None

    @property
    def size(self) -> int:
        """The number of live rows."""
        return int(np.count_nonzero(self._alive[: self._count]))

    @property
    def dimensions(self) -> int:
        return int(self._vectors.shape[1])

    def checked_queries(self, queries: Vectors) -> Vectors:
        """The queries as an (q, d) float32 matrix of the table's length, else BadParameter."""
        return for_reading(checked_vectors(queries, "the queries", self._vectors.shape[1]))

    def neighbours(self, ordered_by: NDArray[np.float64], rows: Rows, metric: str, examined: Ids) -> Neighbours:
        """(q, k) rows as ids, and what they were ordered by (the square, for Euclidean) as distances."""
        ids = np.where(rows >= 0, self.ids[np.maximum(rows, 0)] if len(self.ids) else -1, -1)
        distances = np.sqrt(ordered_by) if metric == "euclidean" else ordered_by
        return Neighbours(ids.astype(np.int64), distances.astype(np.float32), np.asarray(examined, dtype=np.int64))

    def add(self, ids: Ids, vectors: Vectors) -> Rows:
        """Append rows and return their (a,) row numbers; BadParameter for an invalid value or an existing id."""
        vectors = checked_vectors(vectors, "the vectors", self.dimensions)
        ids = checked_ids(ids, len(vectors))
        known = np.isin(ids, self.ids[self.alive])
        if known.any():
            raise BadParameter("ids", "the index", "new", f"{ids[known][0]}, which already exists")
        first, last = self._count, self._count + len(ids)
        self._reserve(last)
        self._vectors[first:last], self._ids[first:last], self._alive[first:last] = vectors, ids, True
        self._count, self._sorted = last, None
        return np.arange(first, last, dtype=np.int64)

    def remove(self, ids: Ids) -> Rows:
        """Mark rows as removed; returns their (r,) row numbers. NotFound, with nothing removed, for an unknown id."""
        ids = np.unique(whole_ids(ids))
        rows = self.rows_of(ids)
        self._alive[rows] = False
        self._sorted = None
        return rows

    def vectors_of(self, ids: Ids) -> Vectors:
        """A copy (n, d) of the vectors under these ids; NotFound for an unknown id."""
        found: Vectors = self._vectors[self.rows_of(ids)]
        return found

    def rows_of(self, ids: Ids) -> Rows:
        """(n,) the row numbers of these ids; NotFound if an id is unknown."""
        if self._sorted is None:
            here = np.flatnonzero(self.alive)
            self._sorted = here[np.argsort(self.ids[here], kind="stable")]
        places = np.searchsorted(self.ids[self._sorted], ids)
        rows = self._sorted[np.minimum(places, max(len(self._sorted) - 1, 0))] if len(self._sorted) else places * 0 - 1
        missing = np.ones(len(ids), dtype=bool) if not len(self._sorted) else self.ids[rows] != ids
        if missing.any():
            raise NotFound(f"There is no vector with the id {ids[missing][0]} in the index.")
        return rows

    def _reserve(self, count: int) -> None:
        if self._owned and count <= len(self._ids):
            return
        room = max(count, self._count + self._count // 2, 16)
        self._vectors = _grown(self._vectors, self._count, room)
        self._ids = _grown(self._ids, self._count, room)
        self._alive = _grown(self._alive, self._count, room)
        self._owned = True

    def save(self, folder: Path) -> Rows:
        """Write ids.npy and vectors.npy without removed rows; returns the (n,) row numbers kept, in order."""
        kept = np.flatnonzero(self.alive)
        whole = len(kept) == self._count
        np.save(folder / "ids.npy", self.ids if whole else self.ids[kept], allow_pickle=False)
        np.save(folder / "vectors.npy", self.vectors if whole else self.vectors[kept], allow_pickle=False)
        return kept

    @classmethod
    def load(cls, folder: Path) -> RowTable:
        """Read the files that `save` wrote. The vectors were validated before they were stored and stay on disk."""
        table = cls.__new__(cls)
        table._vectors = mapped(folder / "vectors.npy")
        table._ids = load_array(folder / "ids.npy")
        table._alive = np.ones(len(table._ids), dtype=bool)
        table._count, table._owned, table._sorted = len(table._ids), False, None
        return table


def mapped(path: Path) -> NDArray:
    """The array of a .npy file, memory-mapped privately: the file is never written. An empty one is read instead."""
    try:
        return load_array(path, mmap_mode="c").view(np.ndarray)
    except Corrupt:  # an empty file cannot be mapped; a damaged one fails again here
        return load_array(path)


def for_reading(array: NDArray) -> NDArray:
    """A read-only view: whether memory-mapped or not, numba then compiles its loops once and not twice."""
    view = array.view()
    view.flags.writeable = False
    return view


def _grown(array: NDArray, count: int, room: int) -> NDArray:
    grown = np.empty((room, *array.shape[1:]), dtype=array.dtype)
    grown[:count] = array[:count]
    return grown


class RowIndex(Index):
    """An index over a table of rows, which is None until it is built or loaded."""

    _table: RowTable | None = None

    @property
    def size(self) -> int:
        return self._rows.size

    @property
    def ids(self) -> Ids:
        """(n,) the ids of what is indexed."""
        return self._rows.ids[self._rows.alive]

    def vectors_of(self, ids: Ids) -> Vectors:
        """(n, d) the vectors under these ids; NotFound for an unknown id."""
        return self._rows.vectors_of(ids)

    @property
    def _rows(self) -> RowTable:
        """The rows, else NotReady."""
        return self._table if self._table is not None else built(None)


def built(table: RowTable | None) -> RowTable:
    """The table of an index that has been built or loaded, else NotReady."""
    if table is None:
        raise NotReady("This index is empty: build or load it first.")
    return table


def checked_ids(ids: Ids, count: int) -> Ids:
    """The ids as (count,) distinct non-negative int64, else BadParameter."""
    ids = whole_ids(ids)
    if ids.shape != (count,):
        raise BadParameter("ids", "the index", f"{count} numbers, one for each vector", ids.shape)
    ordered = np.sort(ids)  # a hundred times as fast as numpy's `unique`, which hashes whole numbers
    if count and ordered[0] < 0:
        raise BadParameter("ids", "the index", "0 or more", ordered[0])
    if (ordered[1:] == ordered[:-1]).any():
        raise BadParameter("ids", "the index", "distinct", "a repeated id")
    return ids


def whole_ids(ids: Any) -> Ids:
    """The ids as int64; BadParameter for what is no whole number, which NumPy would round."""
    try:
        array = np.asarray(ids)
    except ValueError:  # rows of several lengths
        array = np.empty(1, dtype=object)
    if array.size and array.dtype.kind not in "iu":
        raise BadParameter("ids", "the index", "whole numbers", array.dtype if array.ndim else repr(ids))
    return np.ascontiguousarray(array, dtype=np.int64)


def checked_k(k: int) -> int:
    """k as a whole number from 1 to MAX_K and the query itself, else BadParameter."""
    if type(k) is int and 1 <= k <= MAX_K + 1:  # the usual case
        return k
    checked: int = Setting("k", "k", "", 1, MAX_K + 1).checked(k, "the search")
    return checked
