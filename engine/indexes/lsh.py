"""Locality sensitive hashing with random hyperplanes, several tables, multi-probe and exact re-ranking.

Charikar, "Similarity estimation techniques from rounding algorithms" (STOC 2002); Lv, Josephson, Wang, Charikar, Li,
"Multi-probe LSH" (VLDB 2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadParameter
from engine.indexes.hyperplanes import Hyperplanes, draw_hyperplanes
from engine.indexes.index import Ids, Index, Neighbours, Vectors, checked_k
from engine.indexes.lsh_tuning import BITS, TABLES, choose
from engine.indexes.ranking import as_neighbours
from engine.indexes.rows import Rows, RowTable, built, mapped
from engine.settings import Setting
from engine.storage import read_json, write_json

MAX_PROBES = 250
_SEED = 0
_CHUNK = 1024  # queries searched at a time
_SECONDS_A_QUERY = 2e-4  # about; decides only whether threads are worth waking
_PREFIX = 16  # buckets are addressed by so many bits directly, by binary search beyond


@dataclass(frozen=True)
class Tables:
    """Every table's rows in order of their codes.

    Attributes:
        codes: (T, n) sorted, or (T, 0) where the prefix is the whole code. rows: (T, n) int32.
        starts: (T, 2^prefix + 1) int32, where each prefix begins.
    """

    codes: NDArray
    rows: NDArray[np.int32]
    starts: NDArray[np.int32]


class LSH(Index):
    """The union of the query's buckets, ranked by the true distance.

    Where the buckets hold fewer than k vectors, more and more of the neighbouring buckets are looked into, and at last
    everything, so that k answers come whenever k vectors exist; `examined` counts all that were compared.
    """

    name = "lsh"
    title = "LSH"
    summary = "Sorts the images into buckets by random planes and looks only into the query's buckets."
    settings = (
        Setting("tables", "Tables", "How many times the images are sorted into buckets; more finds more.", 1, 512),
        Setting("bits", "Bits", "How many planes divide a table; more means smaller buckets.", 1, 64),
        Setting("probes", "Extra buckets", "How many neighbouring buckets are also looked into.", 0, MAX_PROBES),
    )

    def __init__(
        self,
        metric: str,
        tables: int | None = None,
        bits: int | None = None,
        probes: int | None = None,
        planes: Hyperplanes | None = None,
    ) -> None:
        super().__init__(metric)
        self.tables = tables
        self.bits = bits
        self.probes = probes
        self.planes = planes
        self._table: RowTable | None = None

    def build(self, ids: Ids, vectors: Vectors) -> Self:
        table = RowTable(ids, vectors)
        self._table = table
        self._planes, self._probes = self._choose(table)
        self._fill(table.vectors)
        return self

    def _choose(self, table: RowTable) -> tuple[Hyperplanes, int]:
        """The planes and the number of probes: as given, else chosen from the data."""
        planes = self.planes
        if planes is not None and planes.centre.shape != (table.dimensions,):
            raise BadParameter("planes", "the method lsh", f"for {table.dimensions} dimensions", planes.centre.shape)
        fixed = {"tables": self.tables, "bits": self.bits, "probes": self.probes}
        if planes is not None:
            fixed |= {"tables": planes.tables, "bits": planes.bits}
        else:
            tables, bits = self.tables or max(TABLES), self.bits or max(BITS)
            planes = draw_hyperplanes(table.vectors, self.metric, tables, bits, _SEED)
        if any(value is None for value in fixed.values()):
            best = choose(table, self.metric, planes, fixed)
            return planes.first(best.tables, best.bits), best.probes
        return planes, int(self.probes or 0)

    def _fill(self, vectors: Vectors) -> None:
        """Sort all rows into the tables; nothing is late any more."""
        self._tables = _sorted_tables(self._planes.only_codes(vectors, self.metric), self._planes.bits)
        self._late: NDArray = np.empty((self._planes.tables, 0), self._planes.code_type)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        rows = self._rows.add(ids, vectors)
        codes = self._planes.only_codes(self._rows.vectors[rows], self.metric)
        self._late = np.concatenate([self._late, codes], axis=1)
        # Late rows are found by looking through all their codes; once that would be felt, they are sorted in.
        if self._late.shape[1] > max(1024, len(self._rows.ids) // 256):
            self._fill(self._rows.vectors)

    def remove(self, ids: Ids) -> None:
        self._rows.remove(ids)

    def search(self, queries: Vectors, k: int) -> Neighbours:
        from engine.indexes.kernels import threads_for

        table, k = self._rows, checked_k(k)
        queries = table.checked_queries(queries)
        distances, rows = np.full((len(queries), k), np.inf), np.full((len(queries), k), -1, dtype=np.int64)
        examined = np.zeros(len(queries), dtype=np.int64)
        with threads_for(len(queries) * _SECONDS_A_QUERY):
            for i in range(0, len(queries), _CHUNK):
                part = slice(i, i + _CHUNK)
                self._search(queries[part], distances[part], rows[part], examined[part], self._probes)
            self._widen(queries, distances, rows, examined)
        return as_neighbours(table, distances, rows, self.metric, examined)

    def _search(self, queries: Vectors, distances: NDArray, rows: Rows, examined: Ids, probes: int) -> None:
        from numba import get_num_threads

        from engine.indexes.lsh_kernels import search_tables

        codes, margins = self._planes.codes(queries, self.metric)
        table, cosine = self._rows, self.metric == "cosine"
        workers = max(1, min(get_num_threads(), len(queries)))
        search_tables(
            queries, margins, codes, probes, self._parts(), table.alive, table.vectors, cosine,
            distances, rows, examined, workers,
        )  # fmt: skip

    def _widen(self, queries: Vectors, distances: NDArray, rows: Rows, examined: Ids) -> None:
        """Look further for the queries with fewer than k answers: four times the buckets, at last everything."""
        wanted, probes = min(rows.shape[1], self.size), self._probes
        while (short := np.flatnonzero((rows >= 0).sum(axis=1) < wanted)).size:
            probes = max(4, 4 * probes)
            found, nearest = np.full_like(distances[short], np.inf), np.full_like(rows[short], -1)
            seen = examined[short]
            if probes < min(MAX_PROBES, 2**self._planes.bits):
                self._search(queries[short], found, nearest, seen, probes)
            else:
                self._compare_all(queries[short], found, nearest, seen)
            distances[short], rows[short], examined[short] = found, nearest, seen

    def _compare_all(self, queries: Vectors, distances: NDArray, rows: Rows, examined: Ids) -> None:
        from engine.indexes.kernels import nearest_of_all

        table = self._rows
        nearest_of_all(queries, table.vectors, table.alive, self.metric == "cosine", distances, rows)
        examined[:] = table.size

    def candidates(self, queries: Vectors) -> list[Ids]:
        """The ids in the union of each query's buckets, ascending: what is ranked before any looking further."""
        from engine.indexes.lsh_kernels import candidates_of

        table = self._rows
        codes, margins = self._planes.codes(table.checked_queries(queries), self.metric)
        parts = self._parts()
        found = [
            candidates_of(margins[i], np.ascontiguousarray(codes[:, i]), self._probes, parts, table.alive)
            for i in range(len(margins))
        ]
        return [np.sort(table.ids[rows]) for rows in found]

    def _parts(self) -> tuple:
        """What the compiled loops need of the tables, as one value."""
        tables, bits = self._tables, self._planes.bits
        cut = np.uint64(bits - min(bits, _PREFIX))
        late_first = tables.rows.shape[1]
        return tables.codes, tables.rows, tables.starts, cut, bits, self._late, late_first

    def save(self, folder: Path) -> None:
        kept = self._rows.save(folder)
        tables = self._tables
        if len(kept) < len(self._rows.ids) or self._late.shape[1]:
            codes = self._planes.only_codes(self._rows.vectors[kept], self.metric)
            tables = _sorted_tables(codes, self._planes.bits)
        for name in ("codes", "rows", "starts"):
            np.save(folder / f"table-{name}.npy", getattr(tables, name), allow_pickle=False)
        self._planes.save(folder)
        write_json(folder / "lsh.json", {"probes": self._probes})

    def load(self, folder: Path) -> Self:
        self._table = RowTable.load(folder)
        self._planes = Hyperplanes.load(folder)
        self._tables = Tables(*(mapped(folder / f"table-{name}.npy") for name in ("codes", "rows", "starts")))
        self._late = np.empty((self._planes.tables, 0), self._planes.code_type)
        self._probes = read_json(folder / "lsh.json")["probes"]
        return self

    @property
    def size(self) -> int:
        return self._rows.size

    @property
    def chosen(self) -> dict[str, int]:
        built(self._table)
        return {"tables": self._planes.tables, "bits": self._planes.bits, "probes": self._probes}

    @property
    def _rows(self) -> RowTable:
        return built(self._table)


def _sorted_tables(codes: NDArray, bits: int) -> Tables:
    """(T, n) codes by row to the sorted tables."""
    from engine.indexes.kernels import threads_for
    from engine.indexes.lsh_kernels import sort_tables

    prefix = min(bits, _PREFIX)
    rows = np.empty(codes.shape, dtype=np.int32)
    starts = np.zeros((len(codes), 2**prefix + 1), dtype=np.int32)
    with threads_for(codes.size * 5e-9):
        sort_tables(codes, prefix, bits, rows, starts)
    return Tables(codes if bits > prefix else codes[:, :0].copy(), rows, starts)
