"""Exact k nearest without full comparisons: bound all distances, then compare the few undecided vectors.

Two screens, both proven: a lower and an upper bound stand on either side of every squared distance, a vector is dropped
only when its lower bound is above the k-th smallest upper bound, and those left are compared in double precision. So
the answer is that of comparing everything.

- `CodeScreen` reads one byte a value instead of four. A vector is x = x̂ + e with x̂ made of 8-bit codes and |e| known;
  by Cauchy and Schwarz |x·q − x̂·q̂| ≤ |e||q̂| + |x||q − q̂|.
- `ProductScreen` multiplies in single precision: |fl(x·q) − x·q| ≤ γ|x||q| with γ = d·u/(1 − d·u), whatever the order
  of the additions (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3.1).

Cosine is the Euclidean distance of vectors scaled to length 1: |x − q|² = 2(1 − cos).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from engine.core.storage import load_array
from engine.indexes.index import Ids, Vectors
from engine.indexes.kernels.threads import threads_for
from engine.indexes.table.rows import Rows, RowTable, mapped
from engine.indexes.table.sampling import sample_rows

_CHUNK = 65_536  # vectors per block of the sum
_L2_BYTES = 262_144  # codes processed per tile of queries
MAX_DIMENSIONS = 60_000  # 255 · 127 · d must fit into 32 bits
_RANGE = (1e-24, 1e30)  # squared lengths with ample headroom in single precision
_BYTES_AT_ONCE = 32 << 20  # room for products and for lists of rows in question
_TRIED_ON = 32  # stored vectors to test the screen on when it is built
_LOOSE = 0.05  # if more than this share stays undecided, the codes do not help
_CENTRE_OF_BYTES = 128.0


@dataclass(frozen=True)
class Asked:
    """Queries in the space of the screen: centred (scaled to length 1 first, for cosine), in double precision.

    `slacks` (q, 2) is what rounding in single precision may amount to: the first, and the second times the limit.
    """

    points: NDArray[np.float64]
    squares: NDArray[np.float64]
    usable: NDArray[np.bool_]
    slacks: NDArray[np.float32]


class Screen(Protocol):
    """A cheap bound on all distances."""

    def write(self, rows: Rows) -> None:
        """Include rows added to the table."""

    def forget(self, rows: Rows) -> None:
        """Exclude these rows."""

    def search(self, queries: Vectors, distances: NDArray[np.float64], rows: Rows) -> Ids:
        """Fill the (q, k) nearest; returns (q,) the numbers of full comparisons, −1 where the bounds did not help."""


def _loops() -> Any:
    """The compiled loops, loaded when they are needed."""
    from engine.indexes.kernels import screening

    return screening


def centre_of(vectors: Vectors, metric: str) -> NDArray[np.float64]:
    """The (d,) mean of the vectors, scaled to length 1 first for cosine."""
    total = np.zeros(vectors.shape[1])
    for i in range(0, len(vectors), _CHUNK):
        total += _scaled(vectors[i : i + _CHUNK], metric).sum(axis=0)
    return total / max(len(vectors), 1)


def _scaled(vectors: Vectors, metric: str) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    if metric == "cosine":
        lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))[:, None]
        np.divide(wide, lengths, out=wide, where=lengths > 0)
    return wide


def holds_bytes(vectors: Vectors) -> bool:
    """Whether every value is a whole number from 0 to 255, so that 8-bit codes lose nothing."""
    for i in range(0, len(vectors), _CHUNK):
        part = vectors[i : i + _CHUNK]
        if part.min() < 0 or part.max() > 255 or (part != np.rint(part)).any():
            return False
    return len(vectors) > 0


class CodeScreen:
    """Bounds from 8-bit codes, 16 rows side by side; one byte a value and 16 bytes a row more."""

    def __init__(self, table: RowTable, metric: str) -> None:
        self.table = table
        self.metric = metric

    def build(self) -> Self:
        vectors = self.table.vectors
        bytes_held = self.metric == "euclidean" and holds_bytes(vectors)
        self.centre = np.full(vectors.shape[1], _CENTRE_OF_BYTES) if bytes_held else centre_of(vectors, self.metric)
        self.scale = 1.0 if bytes_held else 0.0
        self._allocate(len(vectors))
        self.write(np.arange(len(vectors)))
        return self

    def _allocate(self, count: int) -> None:
        blocks = 2 * -(-count // 32)
        self.codes = np.full((blocks, -(-len(self.centre) // 4), 64), 128, dtype=np.uint8)
        self.facts = np.zeros((blocks, 4, 16), dtype=np.float32)
        self.facts[:, 0] = np.inf

    def write(self, rows: Rows) -> None:
        if len(rows) and rows[-1] >= 16 * len(self.codes):
            former = self.codes, self.facts
            self._allocate(int(rows[-1]) + 1 + len(self.codes) * 8)
            self.codes[: len(former[0])], self.facts[: len(former[1])] = former
        for i in range(0, len(rows), _CHUNK):
            part = rows[i : i + _CHUNK]
            whole = len(part) == len(self.table.vectors) or part[-1] - part[0] == len(part) - 1
            vectors = self.table.vectors[part[0] : part[-1] + 1] if whole else self.table.vectors[part]
            scale = self.scale if self.scale and holds_bytes(vectors) else 0.0
            _loops().encode_rows(vectors, part, self.centre, self.metric == "cosine", scale, self.codes, self.facts)
        self.fits = _in_range(self.facts[:, 0])

    def forget(self, rows: Rows) -> None:
        self.facts[rows // 16, 0, rows % 16] = np.inf

    def search(self, queries: Vectors, distances: NDArray[np.float64], rows: Rows) -> Ids:
        from numba import get_num_threads

        compared = np.full(len(queries), -1, dtype=np.int64)
        if not self.fits:
            return compared
        room = 4 * distances.shape[1] + 1024
        step = max(8, _BYTES_AT_ONCE // (12 * room * get_num_threads()) // 8 * 8)
        tiles = -(-len(queries) // 8)
        with threads_for(self.codes.size * max(5e-11, 3e-11 * tiles)) as workers:
            for i in range(0, len(queries), step):
                part = slice(i, i + step)
                self._search(queries[part], distances[part], rows[part], compared[part], room, workers)
        return compared

    def _search(
        self, queries: Vectors, distances: NDArray[np.float64], rows: Rows, compared: Ids, room: int, workers: int
    ) -> None:
        count, k = len(queries), distances.shape[1]
        asked = asked_of(queries, self.metric, self.centre)
        query_codes, query_facts = self._coded(asked)
        slacks = np.zeros((8 * len(query_codes), 2), dtype=np.float32)
        slacks[:count] = asked.slacks
        shape = (workers, len(slacks), room)
        lows, ups, found = np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, np.int32)
        counts = np.zeros(shape[:2], dtype=np.int64)
        tile = max(1, _L2_BYTES // max(2 * self.codes.shape[1] * 64, 1))
        facts = np.repeat(query_facts[None], workers, axis=0)
        _loops().screen_codes(self.codes, self.facts, query_codes, facts, slacks, k, tile, lows, ups, found, counts)
        kept, cosine = (lows, ups, found, counts), self.metric == "cosine"
        _loops().rank_survivors(queries, self.table.vectors, *kept, slacks, cosine, distances, rows, compared)
        compared[~asked.usable] = -1

    def _coded(self, asked: Asked) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """(t, G, 32) codes and (t, 8, 5) facts of the queries, in tiles of eight; a missing query finds nothing."""
        count, groups = len(asked.points), self.codes.shape[1]
        tiles = -(-count // 8)
        scales = np.abs(asked.points).max(axis=1, initial=0).astype(np.float64) / 127
        if self.scale:  # whole numbers lose nothing either
            whole = (asked.points == np.rint(asked.points)).all(axis=1) & (scales <= 1)
            scales = np.where(whole, 1.0, scales)
        scales = scales.astype(np.float32).astype(np.float64)
        inverse = np.divide(1, scales, out=np.zeros_like(scales), where=scales > 1e-30)
        values = np.clip(np.rint(asked.points * inverse[:, None]), -127, 127)
        coded = values * scales[:, None]
        facts = np.zeros((8 * tiles, 5), dtype=np.float32)
        facts[:, 3] = -3e38
        facts[:count, 0] = 2 * scales
        facts[:count, 1] = 2 * np.linalg.norm(coded, axis=1) * (1 + 1e-6)
        facts[:count, 2] = 2 * np.linalg.norm(asked.points - coded, axis=1) * (1 + 1e-6)
        facts[:count, 3] = np.where(asked.usable, 3e38, -3e38)
        facts.view(np.int32)[:count, 4] = -128 * values.sum(axis=1)
        codes = np.zeros((8 * tiles, 4 * groups), dtype=np.int8)
        codes[:count, : values.shape[1]] = values
        tiled = codes.reshape(tiles, 8, groups, 4).transpose(0, 2, 1, 3).reshape(tiles, groups, 32)
        return np.ascontiguousarray(tiled), facts.reshape(tiles, 8, 5)

    def helps(self) -> bool:
        """Whether the bounds are tight enough on these vectors, measured on a sample."""
        sample = sample_rows(self.table, _TRIED_ON, 0)
        queries = self.table.checked_queries(self.table.vectors[sample])
        shape = (len(sample), min(8, max(len(sample), 1)))
        compared = self.search(queries, np.full(shape, np.inf), np.full(shape, -1, dtype=np.int64))
        most = max(_LOOSE * self.table.size, 64)
        return self.fits and bool(((compared >= 0) & (compared <= most)).mean() >= 0.9 if len(sample) else True)

    def save(self, folder: Path) -> None:
        for name in ("codes", "facts", "centre"):
            np.save(folder / f"screen-{name}.npy", getattr(self, name), allow_pickle=False)

    def load(self, folder: Path) -> Self:
        self.codes = mapped(folder / "screen-codes.npy")
        self.facts, self.centre = (load_array(folder / f"screen-{name}.npy") for name in ("facts", "centre"))
        self.scale = float(bool((self.centre == _CENTRE_OF_BYTES).all()))
        self.fits = _in_range(self.facts[:, 0])
        return self


class ProductScreen:
    """Bounds from products in single precision; 12 bytes a row."""

    def __init__(self, table: RowTable, metric: str) -> None:
        self.table = table
        self.metric = metric

    def build(self) -> Self:
        self.centre = centre_of(self.table.vectors, self.metric)
        self.facts = np.empty((3, 0), dtype=np.float32)
        self.write(np.arange(len(self.table.vectors)))
        return self

    def write(self, rows: Rows) -> None:
        count = len(self.table.vectors)
        if count > self.facts.shape[1]:
            former = self.facts
            self.facts = np.full((3, count + len(former[0]) // 2), np.inf, dtype=np.float32)
            self.facts[:, : former.shape[1]] = former
        for i in range(0, len(rows), _CHUNK):
            part = rows[i : i + _CHUNK]
            self.facts[:, part] = self._facts_of(self.table.vectors[part])
        self.fits = _in_range(self.facts[0])

    def _facts_of(self, vectors: Vectors) -> NDArray[np.float32]:
        wide = vectors.astype(np.float64)
        lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))
        scales = np.ones_like(lengths)
        if self.metric == "cosine":
            scales = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        centred = wide * scales[:, None] - self.centre
        squares = np.einsum("ij,ij->i", centred, centred) + ((self.metric == "cosine") & (lengths == 0))
        squares[squares > _RANGE[1]] = np.nan
        with np.errstate(over="ignore"):
            return np.stack([squares, scales, scales * lengths * (1 + 1e-6)]).astype(np.float32)

    def forget(self, rows: Rows) -> None:
        self.facts[0, rows] = np.inf

    def search(self, queries: Vectors, distances: NDArray[np.float64], rows: Rows) -> Ids:
        compared = np.full(len(queries), -1, dtype=np.int64)
        room = 4 * distances.shape[1] + 1024
        step = max(1, _BYTES_AT_ONCE // (12 * room))
        with threads_for(len(queries) * len(self.table.ids) * 5e-10):
            for i in range(0, len(queries) if self.fits else 0, step):
                part = slice(i, i + step)
                self._search(queries[part], distances[part], rows[part], compared[part], room)
        return compared

    def _search(self, queries: Vectors, distances: NDArray[np.float64], rows: Rows, compared: Ids, room: int) -> None:
        vectors, k, count = self.table.vectors, distances.shape[1], len(queries)
        asked = asked_of(queries, self.metric, self.centre)
        points = asked.points.astype(np.float32)
        gammas, slacks = rounding_of(asked, self.centre, vectors.shape[1])
        limits = np.where(asked.usable, 3e38, -3e38).astype(np.float32)
        shape = (count, room)
        lows, ups, found = np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, np.int32)
        counts = np.zeros(count, dtype=np.int64)
        tile = max(256, min(len(vectors), _BYTES_AT_ONCE // (4 * count)))
        for first in range(0, len(vectors), tile):
            products = points @ vectors[first : first + tile].T
            _loops().screen_products(products, first, self.facts, gammas, limits, slacks, k, lows, ups, found, counts)
        kept = (lows[None], ups[None], found[None], counts[None])  # of a single thread
        _loops().rank_survivors(queries, vectors, *kept, slacks, self.metric == "cosine", distances, rows, compared)
        compared[~asked.usable] = -1


def asked_of(queries: Vectors, metric: str, centre: NDArray[np.float64]) -> Asked:
    """The queries in the space of a screen; those that it cannot represent get an infinite square and are searched
    exactly.

    These are the ones too large for single precision and, under cosine, zero queries, which have no direction.
    """
    points = _scaled(queries, metric) - centre
    squares = np.einsum("ij,ij->i", points, points)
    lost = squares >= _RANGE[1]
    if metric == "cosine":
        lost |= ~queries.any(axis=1)
    points[lost], squares[lost] = 0, 0
    slacks = np.stack([1.2e-5 * squares + 1e-30, np.full_like(squares, 4e-6)], axis=1).astype(np.float32)
    return Asked(points, squares, ~lost, slacks)


def rounding_of(
    asked: Asked, centre: NDArray[np.float64], dimensions: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rounding bounds of single precision: (q,) 2·γ·|q|, to be multiplied by a row's length, and (q, 2) additive
    slacks.
    """
    unit = (dimensions + 4) * 2.0**-24
    gammas = (2 * unit / (1 - unit) * np.sqrt(asked.squares) * (1 + 1e-6)).astype(np.float32)
    # The centre's part is the same for all rows of a query, and cancels; it still counts for the rounding.
    slacks = asked.slacks.copy()
    slacks[:, 0] += (2e-6 * np.abs(asked.points @ centre)).astype(np.float32)
    return gammas, slacks


def _in_range(squares: NDArray[np.float32]) -> bool:
    # Infinite are the rows that are gone or not there yet; a row too large for single precision is marked by NaN.
    there = squares[~np.isposinf(squares)]
    return len(there) == 0 or bool(_RANGE[0] < there.max() < _RANGE[1])
