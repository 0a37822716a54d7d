"""Hamming ranking: rows by the Hamming distance of their codes to the query's, with the best re-ranked exactly.

The codes of all tables are concatenated.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.indexes.hashing.functions import HashFunctions
from engine.indexes.hashing.lookup import Lookup
from engine.indexes.index import Ids, Vectors
from engine.indexes.table.rows import Rows, RowTable, for_reading, mapped

MAX_RERANK = 1_000_000


class HammingRanking(Lookup):
    """The `rerank` rows with the nearest codes (ties: the earlier), at least k; more for a large k if chosen from the
    data.
    """

    def __init__(self, functions: HashFunctions, metric: str, table: RowTable, rerank: int = 0) -> None:
        super().__init__(functions, metric, table)
        self.rerank = rerank

    @property
    def numbers(self) -> dict[str, int]:
        return {"rerank": self.rerank}

    @property
    def _bits(self) -> int:
        return self.functions.tables * self.functions.bits

    def fill(self) -> None:
        self._words = self.functions.words(self.table.vectors, self.metric)

    def append(self, rows: Rows) -> None:
        self._words = np.concatenate([self._words, self.functions.words(self.table.vectors[rows], self.metric)], axis=1)

    def _search(self, queries: Vectors, distances: NDArray, rows: Rows, examined: Ids) -> None:
        k = rows.shape[1]
        self._rank(queries, distances, rows, examined, max(self.growth.of(self.rerank, k), k))

    def _rank(self, queries: Vectors, distances: NDArray, rows: Rows, examined: Ids, wanted: int) -> None:
        from engine.indexes.kernels.hamming import search_codes

        table, cosine = self.table, self.metric == "cosine"
        wanted = min(wanted, max(len(table.ids), 1))
        search_codes(
            queries, self._asked(queries), for_reading(self._words), table.alive, *self.bytes.asked(queries),
            self.bytes.parts(), table.vectors, cosine, wanted, self._bits, distances, rows, examined,
            self._workers(queries),
        )  # fmt: skip

    def _asked(self, queries: Vectors) -> NDArray[np.uint64]:
        """(q, w), the codes of the queries."""
        return np.ascontiguousarray(self.functions.words(queries, self.metric).T)

    def candidates(self, query: Vectors) -> Rows:
        # With as many results as candidates, all are returned.
        wanted = min(self.rerank, self.table.size)
        distances, rows = np.full((1, wanted), np.inf), np.full((1, wanted), -1, dtype=np.int64)
        self._rank(query, distances, rows, np.zeros(1, dtype=np.int64), wanted)
        return np.sort(rows[0])

    def places(self, askers: Vectors, others: Rows) -> Rows:
        """(q, m): the number of rows with codes at least as near to each of (q, d) askers as that of its row in (q, m)
        others.
        """
        from engine.indexes.kernels.hamming import code_places

        places = np.zeros(others.shape, dtype=np.int64)
        code_places(self._asked(askers), for_reading(self._words), others, self._bits, places)
        return places

    def save(self, folder: Path, kept: Rows) -> None:
        words = self._words if self._whole(kept) else np.ascontiguousarray(self._words[:, kept])
        np.save(folder / "words.npy", words, allow_pickle=False)

    def load(self, folder: Path) -> None:
        self._words = mapped(folder / "words.npy")
