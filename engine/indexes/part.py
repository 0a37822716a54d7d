"""One part of a distributed index: any other index over some of the vectors, kept on disk so that it can come back."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine.indexes import make_index
from engine.indexes.hash_index import HashIndex
from engine.indexes.hashing import HashFunctions
from engine.indexes.index import Ids, Index, Vectors
from engine.storage import Store, load_array

Answer = tuple[Ids, Any, Ids, float]


class Part:
    """An index over some of the vectors. A new one with the same folder is what the lost one was.

    Args:
        folder: where it keeps itself. base: a folder that `save` wrote, to begin from, "" for none.
        method, metric, options: of its index.
    """

    def __init__(self, folder: str, base: str, method: str, metric: str, options: dict[str, Any]) -> None:
        self.method, self.metric, self.options = method, metric, options
        self.store = Store(Path(folder), format=f"part {method}", version=1)
        snapshot = self.store.open()
        self.index = self._empty()
        if snapshot is not None:
            self.index.load(snapshot.folder)
        elif base:
            self.index.load(Path(base))

    def build(self, vectors: str, ids: Ids, rows: Ids, functions: HashFunctions | int) -> int:
        """Index these rows of the vectors in a .npy file; how many there are.

        Args:
            functions: hash functions that all parts share, or the seed to fit own ones from.
        """
        own = np.ascontiguousarray(load_array(Path(vectors), mmap_mode="r")[rows])
        self.index = self._empty()
        if isinstance(self.index, HashIndex):
            if isinstance(functions, HashFunctions):
                self.index.with_functions(functions)
            else:
                self.index.seed = functions
        self.index.build(ids, own)
        return self._kept()

    def search(self, queries: Vectors, k: int) -> Answer:
        """(ids, distances, examined) of the k nearest here, nearest first; and the seconds that it took."""
        began = time.perf_counter()
        found = self.index.search(queries, k)
        return found.ids, found.distances, found.examined, time.perf_counter() - began

    def add(self, ids: Ids, vectors: Vectors) -> int:
        """Add vectors; how many there are then."""
        self.index.add(ids, vectors)
        return self._kept()

    def remove(self, ids: Ids) -> int:
        """Remove those of the ids that are here; how many are left."""
        self.index.remove(ids)
        return self._kept()

    def save(self, folder: str) -> None:
        """Write the part where `base` finds it."""
        Path(folder).mkdir(parents=True)
        self.index.save(Path(folder))

    def size(self) -> int:
        """How many vectors there are."""
        return self.index.size

    def process(self) -> int:
        """The number of the process that holds the part."""
        return os.getpid()

    def _kept(self) -> int:
        self.store.publish(self.index.save, {})
        return self.index.size

    def _empty(self) -> Index:
        return make_index(self.method, self.metric, **self.options)
