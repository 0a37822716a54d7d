"""Search in a graph of near neighbours (HNSW), with faiss.

Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical navigable small world
graphs" (2018), https://arxiv.org/abs/1603.09320.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import normalised
from engine.core.errors import Corrupt, MissingPackage, checksum_mismatch
from engine.core.settings import Setting
from engine.core.storage import file_digest, load_array, read_json, write_json
from engine.indexes.index import BuildCost, Ids, Neighbours, Vectors
from engine.indexes.table.ranking import nearest_in_lists
from engine.indexes.table.rows import RowIndex, RowTable, checked_k

_EF_CONSTRUCTION = 200
_MOST_REMOVED = 0.2  # of the rows: with more removed, the walk wastes too many steps
_AT_ONCE = 256  # queries of a batch: between two of them, other searches get their turn
_COUNTING = threading.Lock()  # faiss counts the distances of all graphs in one global counter


class HNSW(RowIndex):
    """A navigable graph. Removed vectors stay as waypoints until a fifth is gone; then it is rebuilt."""

    name = "hnsw"
    title = "HNSW"
    family = "graph"
    rank = 70
    summary = "Searches a graph of near neighbours: very fast on large collections, slower to build."
    version: ClassVar[int] = 2  # 1 was a graph of hnswlib
    settings = (
        Setting("links", "Links (M)", "M: neighbours that each picture is linked to.", 2, 100, 16, also="M"),
        Setting(
            "effort", "Effort (ef_search)", "ef_search: candidates kept during the search; more find more.",
            1, 10_000, 200, also="ef_search",
        ),
    )  # fmt: skip

    def __init__(self, metric: str, links: int = 16, effort: int = 200) -> None:
        super().__init__(metric)
        self.links = links
        self.effort = effort
        self._graph: Any = None

    def foreseen(self, count: int, dimensions: int) -> BuildCost:
        """Links of four bytes, twice as many on the lowest level; each insertion searches among many candidates."""
        return BuildCost(count * (8 * self.links + 16), count * _EF_CONSTRUCTION * self.links * dimensions)

    def build(self, ids: Ids, vectors: Vectors) -> Self:
        table = RowTable(ids, vectors)
        self._graph = self._built_over(table.vectors)
        self._table = table
        return self

    def add(self, ids: Ids, vectors: Vectors) -> None:
        rows = self._rows.add(ids, vectors)
        self._insert(self._graph, self._rows.vectors[rows])

    def remove(self, ids: Ids) -> None:
        table = self._rows
        table.remove(ids)
        if table.size < (1 - _MOST_REMOVED) * len(table.ids):
            self.build(table.ids[table.alive], table.vectors[table.alive])

    def search(self, queries: Vectors, k: int) -> Neighbours:
        return self._search(queries, k, _Allowed(self._rows.alive))

    def search_among(self, ids: Ids, queries: Vectors, k: int) -> Neighbours:
        mask = np.zeros(len(self._rows.ids), dtype=bool)
        mask[self._rows.rows_of(ids)] = True
        return self._search(queries, k, _Allowed(mask))

    def _search(self, queries: Vectors, k: int, allowed: _Allowed) -> Neighbours:
        table, k = self._rows, checked_k(k)
        queries = table.checked_queries(queries)
        reached, examined = [np.empty(0, np.int64)], np.zeros(len(queries), dtype=np.int64)
        for start in range(0, len(queries), _AT_ONCE):
            part = self._for_graph(queries[start : start + _AT_ONCE])
            rows, examined[start : start + _AT_ONCE] = self._reached(part, min(k, allowed.count), allowed)
            reached += rows
        starts = np.cumsum([len(rows) for rows in reached], dtype=np.int64)
        # The library's distances are single precision; those shown are recomputed, and are the same as exact search's.
        answer = nearest_in_lists(table, queries, np.concatenate(reached), starts, self.metric, k)
        return Neighbours(answer.ids, answer.distances, examined)

    def _reached(self, queries: Vectors, wanted: int, allowed: _Allowed) -> tuple[list[Ids], Ids]:
        """For each of (q, d) queries, rows that contain its results, and the number of vectors compared to find them.

        The walk looks harder where it ends early. A few allowed rows are all taken, for that costs less than to walk.
        """
        total, every = len(allowed.mask), np.flatnonzero(allowed.mask)
        reached, examined, left = [every] * len(queries), np.zeros(len(queries), np.int64), np.arange(len(queries))
        effort = max(self.effort, wanted * total // max(allowed.count, 1))
        while len(left) and effort < total and not (allowed.few and allowed.count <= effort * self.links):
            rows, compared = self._walk(queries[left], wanted, effort, allowed)
            examined[left] += compared
            whole = (rows >= 0).all(axis=1)
            for query, found in zip(left[whole].tolist(), rows[whole], strict=True):
                reached[query] = found
            left, effort = left[~whole], effort * 4
        examined[left] += allowed.count
        return reached, np.minimum(examined, total)

    def _walk(self, queries: Vectors, wanted: int, effort: int, allowed: _Allowed) -> tuple[Ids, Ids]:
        """The (q, wanted) nearest allowed rows on the walk, −1 where it ended early, and (q,) the numbers of
        comparisons.

        faiss counts the comparisons of a batch together: they are spread evenly over its queries.
        """
        faiss, count = _faiss(), len(queries)
        settings = faiss.SearchParametersHNSW(efSearch=effort, sel=allowed.selector)
        with _COUNTING:
            faiss.cvar.hnsw_stats.reset()
            rows: Ids = self._graph.search(queries, wanted, params=settings)[1]
            total = int(faiss.cvar.hnsw_stats.ndis)
        return rows, total // count + (np.arange(count) < total % count)

    def _built_over(self, vectors: Vectors) -> Any:
        faiss = _faiss()
        graph = faiss.IndexHNSWFlat(vectors.shape[1], self.links, self._faiss_metric())
        graph.hnsw.efConstruction = _EF_CONSTRUCTION
        self._insert(graph, vectors)
        return graph

    def _insert(self, graph: Any, vectors: Vectors) -> None:
        if len(vectors):
            with _one_thread():
                graph.add(self._for_graph(vectors))

    def _for_graph(self, vectors: Vectors) -> Vectors:
        """The (n, d) vectors as stored in the graph: for cosine of length 1, scaled so that no square overflows."""
        if self.metric != "cosine":
            return vectors
        largest = np.abs(vectors).max(axis=1, keepdims=True)
        largest[largest == 0] = 1
        return normalised(vectors / largest)

    def _faiss_metric(self) -> int:
        faiss = _faiss()
        return int(faiss.METRIC_INNER_PRODUCT if self.metric == "cosine" else faiss.METRIC_L2)

    def save(self, folder: Path) -> None:
        faiss, table, path = _faiss(), self._rows, folder / "graph.faiss"
        np.save(folder / "rows.npy", np.flatnonzero(table.alive), allow_pickle=False)
        np.save(folder / "ids.npy", table.ids, allow_pickle=False)
        np.save(folder / "vectors.npy", table.vectors, allow_pickle=False)
        faiss.write_index(self._graph, str(path), faiss.IO_FLAG_SKIP_STORAGE)
        write_json(folder / "hnsw.json", {"version": self.version, "sha256": file_digest(path)})

    def load(self, folder: Path) -> Self:
        facts, path = read_json(folder / "hnsw.json"), folder / "graph.faiss"
        if facts.get("version") != self.version:
            raise Corrupt(f"The graph in {folder} is of another version.")
        if file_digest(path) != facts["sha256"]:  # the library would trust it and read out of bounds
            raise checksum_mismatch(path)
        table = RowTable.load(folder)
        table.keep_only(load_array(folder / "rows.npy"))
        self._graph = self._read_graph(path, table)
        self._table = table
        return self

    def _read_graph(self, path: Path, table: RowTable) -> Any:
        faiss = _faiss()
        graph = faiss.read_index(str(path), faiss.IO_FLAG_SKIP_STORAGE)
        if (graph.ntotal, graph.d, graph.hnsw.nb_neighbors(1)) != (len(table.ids), table.dimensions, self.links):
            raise Corrupt(f"The file {path} is not a graph over these vectors.")
        held = faiss.IndexFlat(table.dimensions, self._faiss_metric())
        held.add(self._for_graph(table.vectors))
        held.this.disown()  # from here on the graph frees it
        graph.storage, graph.own_fields = held, True
        return graph

    @property
    def chosen(self) -> dict[str, int]:
        return {"links": self.links, "effort": self.effort}


class _Allowed:
    """The rows that may be results: an (n,) mask, its count, and faiss's selector, None if all rows may be.

    `few` says that it was asked for: removed rows alone never are so many.
    """

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self.mask = mask
        self.count = int(np.count_nonzero(mask))
        self.few = self.count < (1 - _MOST_REMOVED) * len(mask)

    @cached_property
    def selector(self) -> Any:
        if self.count == len(self.mask):
            return None
        return _faiss().IDSelectorBitmap(np.packbits(self.mask, bitorder="little"))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Build with one thread: with several, the graph and the results would depend on thread timing."""
    faiss = _faiss()
    former = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(former)


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise MissingPackage("HNSW search", "faiss-cpu") from error
    return faiss
