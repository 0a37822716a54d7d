"""LSH by the package lshashpy3, in plain Python, for comparison with our own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np

from engine.core.errors import BadParameter, MissingPackage
from engine.core.settings import Setting
from engine.indexes.hashing.hyperplanes import Hyperplanes, draw_hyperplanes
from engine.indexes.index import Ids, Neighbours, Vectors
from engine.indexes.table.ranking import nearest_among
from engine.indexes.table.rows import RowIndex, RowTable, built, checked_k

_SEED = 0


class LSHashReference(RowIndex):
    """The tables of lshashpy3, without extra buckets; the union of the query's buckets is ranked by the true distance.

    If the buckets hold fewer than k vectors, fewer than k results are returned, as in the original.
    """

    name = "lshash"
    title = "LSH (lshashpy3)"
    family = "hashing"
    rank = 90
    reference = True
    summary = "A textbook LSH package in plain Python: slow, as a reference."
    settings = (
        Setting("tables", "Tables", "Number of hash tables; more find more.", 1, 64, 16),
        Setting("bits", "Bits", "Hyperplanes per table; more make smaller buckets.", 1, 64, 4),
    )

    def __init__(self, metric: str, tables: int = 16, bits: int = 4, planes: Hyperplanes | None = None) -> None:
        super().__init__(metric)
        self.tables = tables
        self.bits = bits
        self.planes = planes

    def build(self, ids: Ids, vectors: Vectors) -> Self:
        table = RowTable(ids, vectors)
        self._planes = self.planes or draw_hyperplanes(table.vectors, self.metric, self.tables, self.bits, _SEED)
        if self._planes.thresholds.any():
            raise BadParameter("planes", "the method lshash", "through the centre", "planes moved away from it")
        self._fill(table)
        return self

    def _fill(self, table: RowTable) -> None:
        planes = self._planes
        self._lsh = _lshash()(planes.bits, planes.normals.shape[2], planes.tables)
        self._lsh.uniform_planes = [normals.astype(np.float64) for normals in planes.normals]
        self._table = table
        self._insert(np.arange(len(table.ids)))

    def _insert(self, rows: Ids) -> None:
        points = self._planes.points(self._rows.vectors[rows], self.metric)
        for row, point in zip(rows.tolist(), points, strict=True):
            self._lsh.index(point, extra_data=row + 1)  # it drops an extra that is falsy, as 0 is

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self._insert(self._rows.add(ids, vectors))

    def remove(self, ids: Ids) -> None:
        self._rows.remove(ids)  # lshashpy3 cannot forget; what it returns is checked against the rows still there

    def candidates(self, queries: Vectors) -> list[Ids]:
        """The ids in the union of each query's buckets, ascending."""
        table = self._rows
        return [np.sort(table.ids[rows]) for rows in self._candidate_rows(table.checked_queries(queries))]

    def _candidate_rows(self, queries: Vectors) -> list[Ids]:
        found = []
        for point in self._planes.points(queries, self.metric):
            hits: set[int] = set()
            for table, normals in zip(self._lsh.hash_tables, self._lsh.uniform_planes, strict=True):
                # What LSHash.query does before it ranks; its own ranking knows neither our metric nor gone rows.
                bucket = table.get_list(self._lsh._hash(normals, point.astype(np.float64)))
                hits.update(extra - 1 for _, extra in bucket)
            rows = np.array(sorted(hits), dtype=np.int64)
            found.append(rows[self._rows.alive[rows]])
        return found

    def search(self, queries: Vectors, k: int) -> Neighbours:
        table, k = self._rows, checked_k(k)
        queries = table.checked_queries(queries)
        return nearest_among(table, queries, self._candidate_rows(queries), self.metric, k)

    def save(self, folder: Path) -> None:
        self._rows.save(folder)
        self._planes.save(folder)

    def load(self, folder: Path) -> Self:
        self._planes = Hyperplanes.load(folder)
        self._fill(RowTable.load(folder))  # lshashpy3 stores pickles only, so its tables are made again
        return self

    @property
    def chosen(self) -> dict[str, int]:
        built(self._table)
        return {"tables": self._planes.tables, "bits": self._planes.bits}


def _lshash() -> Any:
    import warnings

    try:
        with warnings.catch_warnings():  # of pkg_resources, which it imports: requirements.txt pins setuptools for it
            warnings.simplefilter("ignore")
            from lshashpy3 import LSHash
    except ImportError as error:
        raise MissingPackage("The LSH of lshashpy3", "lshashpy3 'setuptools<81'") from error
    return LSHash
