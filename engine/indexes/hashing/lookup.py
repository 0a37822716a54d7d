"""The common base of the ways to find candidates by code."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.indexes.hashing.functions import HashFunctions
from engine.indexes.index import Ids, Vectors
from engine.indexes.kernels.threads import threads_for
from engine.indexes.table.byte_rows import ByteRows
from engine.indexes.table.rows import Rows, RowTable
from engine.indexes.table.sampling import MANY

_SECONDS_A_QUERY = 2e-4  # about; decides only whether threads are worth waking
_CHUNK = 1024  # queries per block


@dataclass(frozen=True)
class Growth:
    """How a setting chosen for few neighbours grows with larger k.

    Attributes:
        enough: the number of neighbours up to which it stays constant; 0 if it was given and never grows.
        many: the value for a hundred neighbours; above, it grows with k.
    """

    enough: int = 0
    many: int = 0

    def of(self, number: int, k: int) -> int:
        """The value for k neighbours."""
        if k <= self.enough:
            return number
        return max(number, ceil(self.many * max(1.0, k / max(MANY, self.enough))))


class Lookup(ABC):
    """The hash codes of a table's rows, the search among them, and the byte rows that candidates are ranked by."""

    growth = Growth()

    def __init__(self, functions: HashFunctions, metric: str, table: RowTable) -> None:
        self.functions = functions
        self.metric = metric
        self.table = table
        self.bytes = ByteRows(table, metric)

    @property
    @abstractmethod
    def numbers(self) -> dict[str, int]:
        """The numeric arguments of the constructor, by name."""

    @abstractmethod
    def fill(self) -> None:
        """Hash all rows of the table."""

    @abstractmethod
    def append(self, rows: Rows) -> None:
        """Hash the (a,) newly added rows."""

    @abstractmethod
    def save(self, folder: Path, kept: Rows) -> None:
        """Write the codes of the (n,) kept rows, which are renumbered 0 to n − 1."""

    @abstractmethod
    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""

    @abstractmethod
    def candidates(self, query: Vectors) -> Rows:
        """The rows that one query (1, d) is compared with before further probing, ascending."""

    @abstractmethod
    def _search(self, queries: Vectors, distances: NDArray, rows: Rows, examined: Ids) -> None:
        """Fill (q, k) distances (squared, for Euclidean) and rows, and (q,) the numbers of comparisons."""

    def search(self, queries: Vectors, distances: NDArray, rows: Rows, examined: Ids, further: bool = True) -> None:
        """As `_search`, in chunks and with as many threads as worthwhile.

        Args:
            further: whether to probe further if a query's own buckets hold fewer than k.
        """
        with threads_for(len(queries) * _SECONDS_A_QUERY):
            for i in range(0, len(queries), _CHUNK):
                part = slice(i, i + _CHUNK)
                self._search(queries[part], distances[part], rows[part], examined[part])
            if further:
                self._widen(queries, distances, rows, examined)

    def _widen(self, queries: Vectors, distances: NDArray, rows: Rows, examined: Ids) -> None:  # noqa: B027
        """Probe further for queries with fewer results than requested, as long as more exist."""

    def _workers(self, queries: Vectors) -> int:
        from numba import get_num_threads

        return max(1, min(get_num_threads(), len(queries)))

    def _whole(self, kept: Rows) -> bool:
        return len(kept) == len(self.table.ids)


def short_of(rows: Rows, size: int) -> NDArray[np.int64]:
    """Which of the (q, k) answers have fewer than k results (fewer than `size`, if that is smaller)."""
    return np.flatnonzero((rows >= 0).sum(axis=1) < min(rows.shape[1], size))
