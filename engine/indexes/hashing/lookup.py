"""What the ways to find candidates by their codes have in common."""

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
_CHUNK = 1024  # queries searched at a time


@dataclass(frozen=True)
class Growth:
    """How a number that was chosen for a few neighbours grows for those who ask for more.

    Attributes:
        enough: up to so many neighbours it stays as it is; 0 where it was given and always does.
        many: what is needed for a hundred neighbours; beyond, it grows with their number.
    """

    enough: int = 0
    many: int = 0

    def of(self, number: int, k: int) -> int:
        """The number for k neighbours."""
        if k <= self.enough:
            return number
        return max(number, ceil(self.many * max(1.0, k / max(MANY, self.enough))))


class Lookup(ABC):
    """The codes of a table's rows, the search among them, and the bytes that the found are ranked by."""

    growth = Growth()

    def __init__(self, functions: HashFunctions, metric: str, table: RowTable) -> None:
        self.functions = functions
        self.metric = metric
        self.table = table
        self.bytes = ByteRows(table, metric)

    @property
    @abstractmethod
    def numbers(self) -> dict[str, int]:
        """What the constructor is given besides, by name."""

    @abstractmethod
    def fill(self) -> None:
        """Hash all rows of the table."""

    @abstractmethod
    def append(self, rows: Rows) -> None:
        """Hash the (a,) rows that have just been added."""

    @abstractmethod
    def save(self, folder: Path, kept: Rows) -> None:
        """Write the codes of the (n,) rows that are kept, which then have the numbers 0 to n − 1."""

    @abstractmethod
    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""

    @abstractmethod
    def candidates(self, query: Vectors) -> Rows:
        """The rows that one query (1, d) is compared with before any looking further, ascending."""

    @abstractmethod
    def _search(self, queries: Vectors, distances: NDArray, rows: Rows, examined: Ids) -> None:
        """Fill (q, k) distances (the square, for Euclidean) and rows, and (q,) how many were compared."""

    def search(self, queries: Vectors, distances: NDArray, rows: Rows, examined: Ids, further: bool = True) -> None:
        """As `_search`, chunk by chunk and with as many threads as pay.

        Args:
            further: whether more is looked into where a query's own share holds fewer than k.
        """
        with threads_for(len(queries) * _SECONDS_A_QUERY):
            for i in range(0, len(queries), _CHUNK):
                part = slice(i, i + _CHUNK)
                self._search(queries[part], distances[part], rows[part], examined[part])
            if further:
                self._widen(queries, distances, rows, examined)

    def _widen(self, queries: Vectors, distances: NDArray, rows: Rows, examined: Ids) -> None:  # noqa: B027
        """Look further for queries with fewer answers than were asked for and exist, where that can be."""

    def _workers(self, queries: Vectors) -> int:
        from numba import get_num_threads

        return max(1, min(get_num_threads(), len(queries)))

    def _whole(self, kept: Rows) -> bool:
        return len(kept) == len(self.table.ids)


def short_of(rows: Rows, size: int) -> NDArray[np.int64]:
    """Which of (q, k) answers are fewer than the k, or the `size`, that there could be."""
    return np.flatnonzero((rows >= 0).sum(axis=1) < min(rows.shape[1], size))
