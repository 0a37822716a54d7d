"""Table look-up: rows sorted by their codes, the query's buckets and, with multi-probe, those next to them.

Lv, Josephson, Wang, Charikar, Li, "Multi-probe LSH" (VLDB 2007). Large buckets are subdivided by further bits: Bawa,
Condie, Ganesan, "LSH forest" (WWW 2005).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.indexes.hashing.functions import HashFunctions
from engine.indexes.hashing.lookup import Growth, Lookup, short_of
from engine.indexes.index import Ids, Vectors
from engine.indexes.kernels.threads import threads_for
from engine.indexes.table.rows import Rows, RowTable, mapped

MAX_PROBES = 250
EVERYTHING = -1  # in place of a number of extra buckets: all vectors are compared
PREFIX = 16  # bits that address buckets directly; longer codes use binary search


@dataclass(frozen=True)
class Tables:
    """Every table's rows, sorted by code.

    Attributes:
        codes: (T, n) sorted, or (T, 0) if the prefix is the whole code. rows: (T, n) int32.
        starts: (T, 2^prefix + 1) int32, where each prefix begins.
    """

    codes: NDArray
    rows: NDArray[np.int32]
    starts: NDArray[np.int32]


class Buckets(Lookup):
    """The union of the query's buckets in all tables.

    If the buckets hold fewer than k vectors, more and more neighbouring buckets are probed, and finally everything, so
    that k results are returned whenever k vectors exist; `examined` counts all comparisons. If the number of probes was
    chosen from the data, it grows with large k.
    """

    def __init__(
        self,
        functions: HashFunctions,
        metric: str,
        table: RowTable,
        probes: int,
        bits: int | None = None,
        largest: int = 0,
    ) -> None:
        """`bits`: the number of functions that define a bucket. A bucket with more than `largest` rows (0: unlimited)
        is subdivided by the next function, repeatedly, and only the query's side is used."""
        super().__init__(functions, metric, table)
        self.probes = probes
        self.bits = bits or functions.bits
        self.largest = largest

    @property
    def numbers(self) -> dict[str, int]:
        return {"probes": self.probes} | ({"bits": self.bits, "largest": self.largest} if self.largest else {})

    def fill(self) -> None:
        self.sort_in(self.functions.only_codes(self.table.vectors, self.metric))

    def sort_in(self, codes: NDArray) -> None:
        """Sort the (T, n) codes of all rows, late ones included, into the tables."""
        self._tables = sorted_tables(codes, self.functions.bits)
        self._late: NDArray = np.empty((self.functions.tables, 0), self.functions.code_type)

    def append(self, rows: Rows) -> None:
        codes = self.functions.only_codes(self.table.vectors[rows], self.metric)
        self._late = np.concatenate([self._late, codes], axis=1)
        # Late rows are found by a linear scan; before that becomes noticeable, they are sorted in.
        if self._late.shape[1] > max(1024, len(self.table.ids) // 256):
            self.fill()

    def candidates(self, query: Vectors) -> Rows:
        codes, margins = self.functions.codes(query, self.metric)
        return self.candidates_at(np.ascontiguousarray(codes[:, 0]), margins[0], self.probes)

    def candidates_at(self, code: NDArray, margins: NDArray[np.float32], probes: int) -> Rows:
        """The rows in the bucket of a (T,) code and in the `probes` buckets next to it, ascending; margins: (T·b,)."""
        rows: Rows = _loops().candidates_of(margins, code, probes, self._parts(), self.table.alive)
        return rows

    def reached(self, queries: Vectors, near: Rows, probes: int) -> tuple[Ids, NDArray[np.bool_]]:
        """(q,) the number of candidates of each of (q, d) queries, and (q, m) whether those of `near` are included."""
        codes, margins = self.functions.codes(queries, self.metric)
        counts, found = np.zeros(len(near), np.int64), np.zeros(near.shape, bool)
        _loops().reached(margins, codes, probes, self._parts(), self.table.alive, near, counts, found)
        return counts, found

    def _search(self, queries: Vectors, distances: NDArray, rows: Rows, examined: Ids) -> None:
        self._look(queries, distances, rows, examined, self.probes_for(rows.shape[1]))

    def probes_for(self, k: int) -> int:
        """The number of extra buckets to probe for k neighbours."""
        return probes_for(k, self.probes, self.growth)

    def _look(self, queries: Vectors, distances: NDArray, rows: Rows, examined: Ids, probes: int) -> None:
        codes, margins = self.functions.codes(queries, self.metric)
        table, cosine = self.table, self.metric == "cosine"
        _loops().search_tables(
            queries, margins, codes, probes, self._parts(), table.alive, *self.bytes.asked(queries), self.bytes.parts(),
            table.vectors, cosine, distances, rows, examined, self._workers(queries),
        )  # fmt: skip

    def _widen(self, queries: Vectors, distances: NDArray, rows: Rows, examined: Ids) -> None:
        for probes in widths(self.probes_for(rows.shape[1]), self.bits):
            short = short_of(rows, self.table.size)
            if not len(short):
                return
            found, nearest = np.full_like(distances[short], np.inf), np.full_like(rows[short], -1)
            seen = examined[short]
            self.look_wider(queries[short], found, nearest, seen, probes)
            distances[short], rows[short], examined[short] = found, nearest, seen

    def look_wider(self, queries: Vectors, distances: NDArray, rows: Rows, examined: Ids, probes: int) -> None:
        """Complete the results from that many extra buckets, or from all rows."""
        if probes == EVERYTHING:
            self._compare_all(queries, distances, rows, examined)
        else:
            self._look(queries, distances, rows, examined, probes)

    def _compare_all(self, queries: Vectors, distances: NDArray, rows: Rows, examined: Ids) -> None:
        from engine.indexes.kernels.common import nearest_of_all

        table = self.table
        nearest_of_all(queries, table.vectors, table.alive, self.metric == "cosine", distances, rows)
        examined[:] = table.size

    def _parts(self) -> tuple:
        """The tables as one argument for the compiled loops."""
        tables, bits = self._tables, self.functions.bits
        cut = np.uint64(bits - min(bits, PREFIX))
        late_first = tables.rows.shape[1]
        largest = self.largest or len(self.table.ids)
        return tables.codes, tables.rows, tables.starts, cut, bits, self.bits, largest, self._late, late_first

    def save(self, folder: Path, kept: Rows) -> None:
        tables = self._tables
        if not self._whole(kept) or self._late.shape[1]:
            codes = self.functions.only_codes(self.table.vectors[kept], self.metric)
            tables = sorted_tables(codes, self.functions.bits)
        for field in fields(Tables):
            np.save(folder / f"table-{field.name}.npy", getattr(tables, field.name), allow_pickle=False)

    def load(self, folder: Path) -> None:
        self._tables = Tables(*(mapped(folder / f"table-{field.name}.npy") for field in fields(Tables)))
        self._late = np.empty((self.functions.tables, 0), self.functions.code_type)


def _loops() -> Any:
    """The compiled loops over tables, loaded when they are needed."""
    from engine.indexes.kernels import lsh

    return lsh


def probes_for(k: int, probes: int, growth: Growth) -> int:
    """The number of extra buckets to probe for k neighbours, given `probes` for few."""
    return max(probes, min(growth.of(probes, k), MAX_PROBES))


def widths(probes: int, bits: int) -> Iterator[int]:
    """The increasing numbers of extra buckets to probe if `probes` find too few: four times as many each, then
    EVERYTHING.
    """
    while (probes := max(4, 4 * probes)) < min(MAX_PROBES, 2**bits):
        yield probes
    yield EVERYTHING


def sorted_tables(codes: NDArray, bits: int) -> Tables:
    """The sorted tables of (T, n) codes by row."""
    prefix = min(bits, PREFIX)
    rows = np.empty(codes.shape, dtype=np.int32)
    starts = np.zeros((len(codes), 2**prefix + 1), dtype=np.int32)
    with threads_for(codes.size * 5e-9):
        _loops().sort_tables(codes, prefix, bits, rows, starts)
    return Tables(codes if bits > prefix else codes[:, :0].copy(), rows, starts)
