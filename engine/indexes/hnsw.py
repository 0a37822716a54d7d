"""Search along a graph of near neighbours, by the library hnswlib.

Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical navigable small world
graphs" (2018), https://arxiv.org/abs/1603.09320.
"""

from __future__ import annotations

import struct
import threading
from pathlib import Path
from typing import Any, Self

import numpy as np

from engine.core.errors import Corrupt, MissingPackage
from engine.core.settings import Setting
from engine.core.storage import load_array, read_json, write_json
from engine.indexes.index import Ids, Neighbours, Vectors, checked_k
from engine.indexes.table.ranking import nearest_in_lists
from engine.indexes.table.row_index import RowIndex
from engine.indexes.table.rows import RowTable

_SEED = 0
_HEAD = struct.Struct("=6QiI3QdQ")  # of a stored graph: sizes and offsets, levels, entry point, links, factors


class HNSW(RowIndex):
    """A navigable graph. `examined` is −1: the library does not count what it compares."""

    name = "hnsw"
    title = "HNSW"
    summary = "Walks along a graph of near neighbours: very fast on large collections, slower to build."
    settings = (
        Setting("links", "Links", "How many neighbours each image is linked to.", 2, 100, 16),
        Setting("effort", "Effort", "How many images are kept in view while walking; more finds more.", 1, 10_000, 200),
    )

    def __init__(self, metric: str, links: int = 16, effort: int = 200) -> None:
        super().__init__(metric)
        self.links = links
        self.effort = effort
        self._graph: Any = None
        self._walking = threading.Lock()

    def build(self, ids: Ids, vectors: Vectors) -> Self:
        self._table = RowTable(ids, vectors)
        self._graph = self._empty_graph(self._table)
        self._insert(np.arange(len(self._table.ids)))
        return self

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self._insert(self._rows.add(ids, vectors))

    def remove(self, ids: Ids) -> None:
        for row in self._rows.remove(ids):
            self._graph.mark_deleted(int(row))

    def search(self, queries: Vectors, k: int) -> Neighbours:
        table, k = self._rows, checked_k(k)
        queries = table.checked_queries(queries)
        wanted = min(k, table.size)
        effort = max(self.effort, k)
        rows = self._walk(queries, wanted, effort) if wanted and len(queries) else np.empty((len(queries), 0), np.int64)
        starts = np.arange(len(queries) + 1, dtype=np.int64) * wanted
        # The library's distances are single precision; those shown are recomputed, and are the same as exact search's.
        answer = nearest_in_lists(table, queries, rows.astype(np.int64).ravel(), starts, self.metric, k)
        examined = np.full(len(queries), -1, dtype=np.int64)
        return Neighbours(answer.ids, answer.distances, examined)

    def _walk(self, queries: Vectors, wanted: int, effort: int) -> Ids:
        """The (q, wanted) rows found; looks harder, at last at everything, where the walk ends early."""
        while True:
            try:
                with self._walking:  # the effort is a state of the graph: another thread must not change it meanwhile
                    self._graph.set_ef(max(effort, wanted))
                    rows: Ids = self._graph.knn_query(queries, k=wanted, num_threads=_threads(len(queries)))[0]
                return rows
            except RuntimeError:  # "Cannot return the results in a contiguous 2D array": fewer than wanted were reached
                if effort > 2 * len(self._rows.ids):
                    return self._everything(queries, wanted)
                effort *= 4

    def _everything(self, queries: Vectors, wanted: int) -> Ids:
        from engine.indexes.kernels.common import nearest_of_all

        table = self._rows
        distances, rows = np.full((len(queries), wanted), np.inf), np.full((len(queries), wanted), -1, dtype=np.int64)
        nearest_of_all(queries, table.vectors, table.alive, self.metric == "cosine", distances, rows)
        return rows

    def _insert(self, rows: Ids) -> None:
        if len(rows):
            room = max(int(rows[-1]) + 1, self._graph.get_max_elements())
            if room > self._graph.get_max_elements():
                self._graph.resize_index(room + room // 2)
            # One thread: with several the graph, and so the answers, would depend on which came first.
            self._graph.add_items(self._rows.vectors[rows], rows, num_threads=1)

    def _empty_graph(self, table: RowTable) -> Any:
        graph = _hnswlib().Index(space="cosine" if self.metric == "cosine" else "l2", dim=table.dimensions)
        graph.init_index(max(len(table.ids), 1), M=self.links, ef_construction=200, random_seed=_SEED)
        return graph

    def save(self, folder: Path) -> None:
        table = self._rows
        np.save(folder / "rows.npy", np.flatnonzero(table.alive), allow_pickle=False)
        np.save(folder / "ids.npy", table.ids, allow_pickle=False)
        np.save(folder / "vectors.npy", table.vectors, allow_pickle=False)
        write_json(folder / "hnsw.json", {"count": len(table.ids), "dimensions": table.dimensions})
        if len(table.ids):
            self._graph.save_index(str(folder / "graph.bin"))

    def load(self, folder: Path) -> Self:
        table = RowTable.load(folder)
        table.keep_only(load_array(folder / "rows.npy"))
        self._graph = self._empty_graph(table)
        if read_json(folder / "hnsw.json")["count"]:
            self._check_graph(folder / "graph.bin", table)
            self._graph.load_index(str(folder / "graph.bin"), max_elements=max(len(table.ids), 1))
        self._table = table
        return self

    def _check_graph(self, path: Path, table: RowTable) -> None:
        """Raise Corrupt unless the file's head describes this graph: the library believes it without looking."""
        data = path.read_bytes()[: _HEAD.size]
        head = _HEAD.unpack(data) if len(data) == _HEAD.size else (0,) * 13
        begin, room, count, stride, label_at, vector_at, levels, entry, most, most_below, links, _, _ = head
        links_bytes = 4 * most_below + 4
        fits = (begin, vector_at, label_at) == (0, links_bytes, links_bytes + 4 * table.dimensions)
        fits &= (most, most_below, links) == (self.links, 2 * self.links, self.links)
        fits &= stride == label_at + 8 and 0 <= entry < count <= min(room, len(table.ids)) and 0 <= levels < 64
        if not fits or path.stat().st_size < _HEAD.size + count * stride:
            raise Corrupt(f"The file {path} is not a graph over these vectors.")

    @property
    def chosen(self) -> dict[str, int]:
        return {"links": self.links, "effort": self.effort}


def _threads(queries: int) -> int:
    return 1 if queries == 1 else -1


def _hnswlib() -> Any:
    try:
        import hnswlib
    except ImportError as error:
        raise MissingPackage("HNSW search", "hnswlib") from error
    return hnswlib
