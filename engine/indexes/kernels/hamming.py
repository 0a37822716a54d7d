"""Compiled loops of Hamming ranking: packed codes, the codes nearest to a query's, and exact re-ranking.

Imported late (numba takes a second); the compiled code is kept beside this file until the file changes.
"""

# numba gives the numbers their types: a Python int and an int64 are the same to it.
# mypy: disable-error-code="assignment,arg-type,call-arg,return-value"

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from engine.indexes.kernels.byte_rows import rank_rows
from engine.indexes.kernels.threads import parallel

_BLOCK = 2048  # codes whose distances are held at a time
_STRIDE = 32  # distances that are looked at together


@intrinsic
def popcount(typingctx: Any, word: Any) -> Any:
    """The number of set bits of a 64-bit word: one instruction, vectorised where the processor can."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), emit


@parallel
def pack_words(margins: NDArray, words: NDArray) -> None:
    """Set bit j of (w, n) zeroed words where margin j of (n, m) is above 0."""
    for i in prange(margins.shape[0]):
        for w in range(words.shape[0]):
            word = np.uint64(0)
            for j in range(64 * w, min(64 * w + 64, margins.shape[1])):
                word |= np.uint64(margins[i, j] > 0.0) << np.uint64(j - 64 * w)
            words[w, i] = word


@njit(cache=True)
def hamming_distances(query: NDArray, words: NDArray, first: int, last: int, distances: NDArray) -> None:
    """Fill distances[: last − first] with the number of bits in which rows first:last differ from the query."""
    # Slices, so that the compiler sees plain runs of memory: several times faster than words[w, first + i].
    found, column, asked = distances[: last - first], words[0, first:last], query[0]
    for i in range(found.shape[0]):
        found[i] = popcount(column[i] ^ asked)
    for w in range(1, words.shape[0]):
        column, asked = words[w, first:last], query[w]
        for i in range(found.shape[0]):
            found[i] += popcount(column[i] ^ asked)


@njit(cache=True)
def _any_below(distances: NDArray, limit: int) -> bool:
    """Whether any distance is below the limit; without an early exit, which would prevent vectorisation."""
    below, most = False, np.uint16(min(limit, 65535))
    for i in range(distances.shape[0]):
        below |= distances[i] < most
    return below


@njit(cache=True)
def _cut(rows: NDArray, ranks: NDArray, held: int, wanted: int, counts: NDArray) -> tuple[int, int]:
    """Keep the `wanted` held rows with the smallest distances (ties: the earlier); returns their number and the
    largest.
    """
    counts[:] = 0
    for i in range(held):
        counts[ranks[i]] += 1
    below, limit = 0, 0
    while limit < counts.shape[0] - 1 and below + counts[limit] < wanted:
        below += counts[limit]
        limit += 1
    kept, ties = 0, wanted - below
    for i in range(held):
        if ranks[i] < limit or (ranks[i] == limit and ties > 0):
            ties -= np.int64(ranks[i] == limit)
            rows[kept], ranks[kept] = rows[i], ranks[i]
            kept += 1
    return kept, limit


@njit(cache=True)
def nearest_codes(
    query: NDArray, words: NDArray, alive: NDArray, wanted: int, rows: NDArray, ranks: NDArray, block: NDArray,
    counts: NDArray,
) -> int:  # fmt: skip
    """Write the `wanted` live rows with the nearest codes to `rows`, in order (ties: the earlier); returns their
    number.

    Args:
        query: (w,) and words: (w, n) uint64. rows, ranks: (c,) with c > wanted + 64, scratch beyond what is returned.
        block: (2048,) and counts: (bits + 1,), scratch.
    """
    held, limit = 0, counts.shape[0]  # rows nearer than the limit may belong
    for first in range(0, words.shape[1], _BLOCK):
        last = min(first + _BLOCK, words.shape[1])
        hamming_distances(query, words, first, last, block)
        for start in range(0, last - first, _STRIDE):
            end = min(start + _STRIDE, last - first)
            if not _any_below(block[start:end], limit):
                continue
            for i in range(start, end):
                if block[i] < limit and alive[first + i]:
                    rows[held], ranks[held] = first + i, block[i]
                    held += 1
            if held + _STRIDE > rows.shape[0]:
                held, limit = _cut(rows, ranks, held, wanted, counts)
    if held > wanted:
        held, limit = _cut(rows, ranks, held, wanted, counts)
    return held


@parallel
def search_codes(
    queries: NDArray, query_words: NDArray, words: NDArray, alive: NDArray, asked: NDArray, blurs: NDArray,
    bytes_: tuple, vectors: NDArray, cosine: bool, wanted: int, bits: int, distances: NDArray, nearest: NDArray,
    examined: NDArray, workers: int,
) -> None:  # fmt: skip
    """Fill (q, k) distances and rows by exact re-ranking of the `wanted` rows with the nearest codes.

    Args:
        query_words: (q, w). words: (w, n). bits: how many bits a code has. asked, blurs, bytes_:
            as `byte_rows_kernels.promising` has them, for all queries.
    """
    for worker in prange(workers):
        room = 4 * wanted + 2 * _STRIDE
        rows, ranks = np.empty(room, np.int64), np.empty(room, np.uint16)
        block, counts = np.empty(_BLOCK, np.uint16), np.empty(bits + 1, np.int64)
        for i in range(worker, queries.shape[0], workers):
            held = nearest_codes(query_words[i], words, alive, wanted, rows, ranks, block, counts)
            rank_rows(
                queries[i], asked[i], blurs[i], bytes_, vectors, cosine, rows, held, distances[i], nearest[i]
            )  # fmt: skip
            examined[i] = held


@parallel
def code_places(query_words: NDArray, words: NDArray, others: NDArray, bits: int, places: NDArray) -> None:
    """Fill places[i, j] with the number of rows whose codes are at least as near to query i as that of row others[i,
    j].

    Args:
        query_words: (q, w). words: (w, n). others: (q, m), −1 where missing, which leaves 0.
    """
    for i in prange(query_words.shape[0]):
        counts, block = np.zeros(bits + 1, np.int64), np.empty(_BLOCK, np.uint16)
        for first in range(0, words.shape[1], _BLOCK):
            last = min(first + _BLOCK, words.shape[1])
            hamming_distances(query_words[i], words, first, last, block)
            for j in range(last - first):
                counts[block[j]] += 1
        for c in range(1, bits + 1):
            counts[c] += counts[c - 1]
        for j in range(others.shape[1]):
            if others[i, j] >= 0:
                hamming_distances(query_words[i], words, others[i, j], others[i, j] + 1, block)
                places[i, j] = counts[block[0]]
