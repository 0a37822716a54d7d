"""Hash functions, which map vectors to short binary codes. Fitted once, they can be shared by many indexes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.core.storage import load_array
from engine.indexes.index import Vectors
from engine.indexes.kernels.threads import threads_for
from engine.indexes.table.sampling import prepared

MAX_BITS = 128
BUCKET_BITS = 64  # maximum code length for buckets
_MARGINS = 2_000_000  # values per block


class HashFunctions(ABC):
    """T tables of b functions each; every function gives one bit of a table's code.

    A concrete class is a frozen dataclass of arrays, `centre` (d,) among them, so that any of them can be stored and
    sent as it is.
    """

    centre: NDArray[np.float32]

    @property
    @abstractmethod
    def tables(self) -> int: ...

    @property
    @abstractmethod
    def bits(self) -> int: ...

    @abstractmethod
    def first(self, tables: int, bits: int) -> Self:
        """The first tables, with the first functions of each."""

    @abstractmethod
    def points(self, vectors: Vectors, metric: str) -> NDArray:
        """(n, d) vectors to the (n, p) points that are hashed."""

    @abstractmethod
    def margins(self, points: NDArray) -> NDArray[np.float32]:
        """(n, p) points to (n, T·b) margins: positive if the bit is set, with the approximate distance to a flip.

        The sign must not depend on the batch size.
        """

    @property
    def dimensions(self) -> int:
        return len(self.centre)

    @property
    def code_type(self) -> type:
        return np.uint32 if self.bits <= 32 else np.uint64

    def codes(self, vectors: Vectors, metric: str) -> tuple[NDArray, NDArray[np.float32]]:
        """(n, d) vectors to (T, n) codes of at most 64 bits and the (n, T·b) margins."""
        parts = list(self._margins(vectors, metric))
        margins = np.concatenate([*parts, np.empty((0, self.tables * self.bits), np.float32)])
        codes: NDArray = np.empty((self.tables, len(vectors)), self.code_type)
        self._pack(margins, codes)
        return codes, margins

    def only_codes(self, vectors: Vectors, metric: str) -> NDArray:
        """As `codes` without the margins, which would not fit into memory for a whole collection."""
        codes: NDArray = np.empty((self.tables, len(vectors)), self.code_type)
        done = 0
        for margins in self._margins(vectors, metric):
            self._pack(margins, codes[:, done : done + len(margins)])
            done += len(margins)
        return codes

    def words(self, vectors: Vectors, metric: str) -> NDArray[np.uint64]:
        """(n, d) vectors to (w, n): the codes of all tables one after the other, packed into w words of 64 bits."""
        from engine.indexes.kernels.hamming import pack_words

        words = np.zeros((-(-self.tables * self.bits // 64), len(vectors)), np.uint64)
        done = 0
        for margins in self._margins(vectors, metric):
            pack_words(margins, words[:, done : done + len(margins)])
            done += len(margins)
        return words

    def _margins(self, vectors: Vectors, metric: str) -> Iterator[NDArray[np.float32]]:
        """The margins of all vectors, in chunks."""
        step = min(max(_MARGINS // max(1, self.tables * self.bits), 256), 8192)
        for i in range(0, len(vectors), step):
            yield self.margins(self.points(vectors[i : i + step], metric))

    def _pack(self, margins: NDArray[np.float32], codes: NDArray) -> None:
        from engine.indexes.kernels.lsh import pack_codes

        with threads_for(margins.size * 1e-9):
            pack_codes(margins, self.bits, codes)

    def save(self, folder: Path) -> None:
        """Write every array as .npy."""
        for field in fields(self):  # type: ignore[arg-type]
            np.save(folder / f"{field.name}.npy", getattr(self, field.name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; arrays with a default may be absent, as older versions did not write them."""
        arrays = {}
        for field in fields(cls):  # type: ignore[arg-type]
            path = folder / f"{field.name}.npy"
            if field.default is MISSING or path.exists():
                arrays[field.name] = load_array(path)
        return cls(**arrays)


def centred(vectors: Vectors, metric: str, centre: NDArray) -> NDArray[np.float64]:
    """(n, d) vectors, scaled for cosine and centred; in double precision, so that results do not depend on the batch
    size.
    """
    wide: NDArray[np.float64] = prepared(vectors, metric).astype(np.float64) - centre
    return wide
