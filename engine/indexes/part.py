"""One part of a distributed index: any other index over some of the vectors, kept on disk so that it can come back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engine.indexes import make_index
from engine.indexes.hyperplanes import Hyperplanes, draw_hyperplanes
from engine.indexes.index import Ids, Index, Vectors
from engine.indexes.lsh import LSH
from engine.storage import Store, load_array

Answer = tuple[Ids, Any, Ids]


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

    def build(self, vectors: str, ids: Ids, rows: Ids, planes: tuple[Any, ...] | int | None) -> int:
        """Index these rows of the vectors in a .npy file; how many there are.

        Args:
            planes: hash functions to share with the other parts, or the seed to draw own ones from.
        """
        own = np.ascontiguousarray(load_array(Path(vectors), mmap_mode="r")[rows])
        self.index = self._empty()
        if isinstance(self.index, LSH) and planes is not None:
            self.index.planes = self._planes(own, planes)
        self.index.build(ids, own)
        return self._kept()

    def search(self, queries: Vectors, k: int) -> Answer:
        """(ids, distances, examined) of the k nearest here; nearest first."""
        found = self.index.search(queries, k)
        return found.ids, found.distances, found.examined

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
        return self.index.size

    def _kept(self) -> int:
        self.store.publish(self.index.save, {})
        return self.index.size

    def _empty(self) -> Index:
        return make_index(self.method, self.metric, **self.options)

    def _planes(self, own: Vectors, planes: tuple[Any, ...] | int) -> Hyperplanes:
        if isinstance(planes, tuple):
            return Hyperplanes(*planes)
        return draw_hyperplanes(own, self.metric, self.options["tables"], self.options["bits"], planes)
