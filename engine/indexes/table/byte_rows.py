"""Vectors with one byte per value: enough to rule out most candidates with a quarter of the memory traffic.

A vector is x = x̂ + e with x̂ made of bytes and |e| known, so |x̂ − q| − |e| ≤ |x − q| ≤ |x̂ − q| + |e|. A candidate is
dropped only when its lower bound is above the k-th smallest upper bound, and those left are compared in double
precision: the answer is that of comparing all. Cosine is the distance of vectors scaled to length 1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.core.storage import load_array, read_json, write_json
from engine.indexes.index import Vectors
from engine.indexes.table.rows import Rows, RowTable, for_reading, mapped
from engine.indexes.table.sampling import prepared, sample_rows

_SAMPLE = 4000  # vectors whose values tell the range of the bytes
_COSINE_BLUR = 1e-7  # what rounding does to 1 − cos in double precision, as a distance
_SMALLEST, _LARGEST = 1e-30, 1e16
_ALIGNED = 64  # a row of 64 bytes then lies in one line of the cache


class ByteRows:
    """The bytes of a table's rows: value ≈ the low of its dimension + scale · byte.

    Rows outside the range of a sample are only bounded more loosely.
    """

    def __init__(self, table: RowTable, metric: str) -> None:
        self.table = table
        self.metric = metric

    def fill(self) -> None:
        self.lows, self.scale = self._range()
        self._count, self._codes, self._errors = 0, _aligned((0, len(self.lows))), np.empty(0, np.float32)
        self._encode(self.table.vectors)

    def _range(self) -> tuple[NDArray[np.float64], float]:
        """The (d,) values of byte 0 and the step; 0 and 1 if all values are bytes, whose encoding is then lossless."""
        sample = prepared(self.table.vectors[sample_rows(self.table, _SAMPLE, 0)], self.metric)
        if not sample.size:
            return np.zeros(self.table.dimensions), 1.0
        lows, highs = sample.min(axis=0), sample.max(axis=0)
        if lows.min() >= 0 and 1 < highs.max() <= 255 and (sample == np.rint(sample)).all():
            return np.zeros(len(lows)), 1.0
        lows = lows.astype(np.float64)
        return lows, float((highs - lows).max()) / 255 or 1.0

    def _encode(self, vectors: Vectors) -> None:
        """Append (a, d) vectors."""
        from engine.indexes.kernels.byte_rows import encode_rows

        first, self._count = self._count, self._count + len(vectors)
        if self._count > len(self._codes):
            self._reserve(self._count + (first and self._count // 4))
        part, cosine = slice(first, self._count), self.metric == "cosine"
        least = _COSINE_BLUR if cosine else 0.0
        encode_rows(vectors, cosine, self.lows, self.scale, least, self._codes[part], self._errors[part])
        self._worst = float(self._errors[: self._count].max(initial=0.0))

    def _reserve(self, count: int) -> None:
        codes, errors = self._codes, self._errors
        self._codes, self._errors = _aligned((count, len(self.lows))), np.empty(count, np.float32)
        self._codes[: len(codes)], self._errors[: len(errors)] = codes, errors

    def append(self, rows: Rows) -> None:
        self._encode(for_reading(self.table.vectors[rows]))

    def asked(self, queries: Vectors) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """(q, d) queries in the units of the bytes, and their rounding errors (q,), infinite if bytes are useless."""
        wide = queries.astype(np.float64)
        lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide)) if self.metric == "cosine" else np.ones(len(wide))
        wide /= np.where(lengths > 0, lengths, 1.0)[:, None]
        with np.errstate(over="ignore"):
            points = ((wide - self.lows) / self.scale).astype(np.float32)
        sizes = np.sqrt(np.einsum("ij,ij->i", points, points, dtype=np.float64))
        usable = self._in_range & (lengths > 0) & (sizes * max(self.scale, 1.0) < _LARGEST)
        return points, np.where(usable, self.scale * 2.0**-23 * sizes, np.inf)

    @property
    def _in_range(self) -> bool:
        """Whether single precision holds all squares, with room on both sides."""
        return self.scale > _SMALLEST and max(255 * self.scale, self._worst) < _LARGEST

    def parts(self) -> tuple:
        """The arguments of the compiled loops as one tuple."""
        return for_reading(self._codes), for_reading(self._errors), self.scale, self._worst

    def save(self, folder: Path, kept: Rows) -> None:
        whole = len(kept) == self._count
        codes, errors = self._codes[: self._count], self._errors[: self._count]
        np.save(folder / "bytes.npy", codes if whole else codes[kept], allow_pickle=False)
        np.save(folder / "bytes-errors.npy", errors if whole else errors[kept], allow_pickle=False)
        np.save(folder / "bytes-lows.npy", self.lows, allow_pickle=False)
        write_json(folder / "bytes.json", {"scale": self.scale})

    def load(self, folder: Path) -> None:
        """Read the bytes that `save` wrote; they are recomputed for an index stored by a version without them."""
        if not (folder / "bytes.json").exists():
            self.fill()
            return
        self.lows, self.scale = load_array(folder / "bytes-lows.npy"), read_json(folder / "bytes.json")["scale"]
        self._codes, self._errors = mapped(folder / "bytes.npy"), mapped(folder / "bytes-errors.npy")
        self._count, self._worst = len(self._codes), float(self._errors.max(initial=0.0))


def _aligned(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """An uninitialised array aligned to a cache line."""
    size = int(np.prod(shape))
    room = np.empty(size + _ALIGNED, np.uint8)
    first = -room.ctypes.data % _ALIGNED
    return room[first : first + size].reshape(shape)
