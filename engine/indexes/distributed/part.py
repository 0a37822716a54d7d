"""A part of a distributed index: any other index over some of the vectors, persisted so that it can be recovered."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from engine.cluster.blocks import require_seen
from engine.core.storage import full_disk_named, load_array
from engine.core.store import Store
from engine.indexes import make_index
from engine.indexes.distributed.read_write_lock import ReadWriteLock
from engine.indexes.hashing.functions import HashFunctions
from engine.indexes.hashing.hash_index import HashIndex
from engine.indexes.index import Ids, Vectors
from engine.indexes.table.rows import RowIndex

Answer = tuple[Ids, Any, Ids, float]


class Part:
    """An index over some of the vectors. A new part with the same folder restores a lost one.

    Thread-safe: searches wait for changes in memory, not for writes to disk. Calls that change the part are idempotent
    and may be repeated if the answer was lost.

    Args:
        folder: where it is persisted. base: a folder written by `save` to start from, "" for none.
        method, metric, options: of its index.
    """

    direct: ClassVar[frozenset[str]] = frozenset({"search"})  # methods callable over a direct connection

    def __init__(self, folder: str, base: str, method: str, metric: str, options: dict[str, Any]) -> None:
        self.method, self.metric, self.options = method, metric, options
        self.store = Store(Path(folder), format=f"part {method}", version=1)
        self._access, self._changing = ReadWriteLock(), threading.Lock()
        snapshot = self.store.open()
        self.index = self._empty()
        if snapshot is not None:
            self.index.load(snapshot.folder)
        elif base:
            self.index.load(Path(base))
        if snapshot is not None or base:
            _warm_up(self.index)

    # ── building ─────────────────────────────────────────────────────────────────────────────────────────────────

    def build(self, vectors: str, ids: Ids, rows: Ids, functions: HashFunctions | int) -> int:
        """Index these rows of the vectors in a .npy file, and return the number of vectors.

        Args:
            functions: hash functions shared by all parts, or the seed to fit its own.

        Raises:
            BenzerError: this node does not see the file's folder.
        """
        require_seen([Path(vectors).parent])
        return self._build(ids, np.ascontiguousarray(load_array(Path(vectors), mmap_mode="r")[rows]), functions)

    def take(self, folders: Sequence[str], functions: HashFunctions | int) -> int:
        """Index the vectors that other parts wrote to these folders, and return their number."""
        return self._build(*_given(folders), functions)

    def _build(self, ids: Ids, vectors: Vectors, functions: HashFunctions | int) -> int:
        index = self._empty()
        if isinstance(index, HashIndex):
            if isinstance(functions, HashFunctions):
                index.with_functions(functions)
            else:
                index.seed = functions
        index.build(ids, vectors)
        _warm_up(index)
        with self._changing:
            with self._access.writing():
                self.index = index
            return self._kept()

    # ── searching ────────────────────────────────────────────────────────────────────────────────────────────────

    def search(self, queries: Vectors, k: int, wider: int = 0) -> Answer:
        """(ids, distances, examined) of the k nearest in this part, nearest first, and the seconds taken.

        Args:
            wider: number of extra buckets to probe if hashing found too few (`buckets.widths`).
        """
        with self._access.reading():
            began, index = time.perf_counter(), self.index
            if not isinstance(index, HashIndex):
                found = index.search(queries, k)
            elif wider:
                found = index.in_wider_buckets(queries, k, wider)
            else:
                found = index.in_own_buckets(queries, k)
            return found.ids, found.distances, found.examined, time.perf_counter() - began

    # ── changing ─────────────────────────────────────────────────────────────────────────────────────────────────

    def add(self, ids: Ids, vectors: Vectors) -> int:
        """Add vectors that are not present yet, and return the new count."""
        with self._changing:
            new = ~np.isin(ids, self.index.ids)
            with self._access.writing():
                self.index.add(ids[new], vectors[new])
            return self._kept()

    def add_given(self, folder: str) -> int:
        """As `add`, with the vectors that another part wrote to this folder."""
        return self.add(*_given([folder]))

    def remove(self, ids: Ids) -> int:
        """Remove the given ids if present, and return the new count."""
        with self._changing:
            with self._access.writing():
                self.index.remove(np.intersect1d(ids, self.index.ids, assume_unique=True))
            return self._kept()

    def keep_only(self, ids: Ids) -> int:
        """Remove everything else, also from memory, and return the new count."""
        with self._changing:
            other = np.setdiff1d(self.index.ids, ids, assume_unique=True)
            if not len(other):
                return self.index.size
            with self._access.writing():
                self.index.remove(other)
            smaller = self._empty()
            smaller.load(self.store.publish(self.index.save, {}).folder)
            with self._access.writing():
                self.index = smaller
            return smaller.size

    # ── keeping ──────────────────────────────────────────────────────────────────────────────────────────────────

    def give(self, shares: Sequence[Ids], folders: Sequence[str]) -> None:
        """Copy the vectors under these ids to folders for other parts; they stay in this part as well."""
        with self._changing, full_disk_named("what a part of an index gives"):
            for ids, folder in zip(shares, folders, strict=True):
                Path(folder).mkdir(parents=True, exist_ok=True)
                np.save(Path(folder) / "vectors.npy", self.index.vectors_of(ids), allow_pickle=False)
                np.save(Path(folder) / "ids.npy", ids, allow_pickle=False)

    def functions(self) -> HashFunctions | None:
        """The hash functions in use; None without hashing."""
        return self.index.functions_in_force if isinstance(self.index, HashIndex) else None

    def save(self, folder: str) -> None:
        """Write the part for use as `base`; BenzerError if this node does not see the parent folder."""
        require_seen([Path(folder).parent])  # a folder created here would only exist on this node
        Path(folder).mkdir()
        with self._changing, full_disk_named("a part of an index"):
            self.index.save(Path(folder))

    def size(self) -> int:
        """The number of vectors."""
        return self.index.size

    def process(self) -> int:
        """The id of the process that holds the part."""
        return os.getpid()

    def _kept(self) -> int:
        self.store.publish(self.index.save, {})
        return self.index.size

    def _empty(self) -> RowIndex:
        index = make_index(self.method, self.metric, **self.options)
        assert isinstance(index, RowIndex)
        return index


def _warm_up(index: RowIndex) -> None:
    """Warm up: the first search of a process loads the compiled loops."""
    if index.size:
        index.search(index.vectors_of(index.ids[:1]), 1)


def _given(folders: Sequence[str]) -> tuple[Ids, Vectors]:
    ids = [load_array(Path(folder) / "ids.npy") for folder in folders]
    vectors = [load_array(Path(folder) / "vectors.npy", mmap_mode="r") for folder in folders]
    return np.concatenate(ids), np.concatenate(vectors)
