"""Compiled loops of hashing: codes of vectors, tables of buckets, the union of a query's buckets.

Imported late (numba takes a second); the compiled code is kept beside this file until the file changes.
"""

# numba gives the numbers their types: a Python int and an int64 are the same to it.
# mypy: disable-error-code="assignment,arg-type,call-arg,return-value"

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from engine.indexes.kernels.byte_rows import prefetch, rank_rows
from engine.indexes.kernels.common import dot
from engine.indexes.kernels.threads import parallel

_BITS_A_DIGIT = 16


@parallel
def settle_margins(points: NDArray, normals: NDArray, thresholds: NDArray, doubtful: float, margins: NDArray) -> None:
    """Recompute margins near 0 in double precision, so that signs depend neither on rounding in BLAS nor on the batch
    size.

    Args:
        points: (n, p) float32. normals: (m, p) and thresholds: (m,) float32. margins: (n, m) float32, the products less
            the thresholds as BLAS gave them, settled here. doubtful: those nearer to 0 than this times the point's
            length (and the rounding of the threshold) are computed again.
    """
    for i in prange(points.shape[0]):
        limit = np.float32(doubtful * np.sqrt(dot(points[i], points[i])) * (1 + 1e-6))
        for j in range(normals.shape[0]):
            if abs(margins[i, j]) <= limit + np.float32(3e-7) * abs(thresholds[j]):
                margins[i, j] = dot(points[i], normals[j]) - np.float64(thresholds[j])


@parallel
def pack_codes(margins: NDArray, bits: int, codes: NDArray) -> None:
    """Fill (T, n) unsigned codes from (n, T·b) margins; the first function of a table gives its highest bit."""
    for i in prange(margins.shape[0]):
        for t in range(codes.shape[0]):
            code = np.uint64(0)
            for j in range(t * bits, (t + 1) * bits):
                code = (code << np.uint64(1)) | np.uint64(margins[i, j] > 0.0)
            codes[t, i] = code


@parallel
def sort_tables(codes: NDArray, prefix: int, bits: int, rows: NDArray, starts: NDArray) -> None:
    """Sort every table's rows by code and note where each prefix begins.

    Args:
        codes: (T, n), the codes by row; sorted in place. bits: how long the codes are; prefix: the first so many bits.
        rows: (T, n) int32, filled with the rows in order of their codes (ties by row).
        starts: (T, 2^prefix + 1) int32, filled: the rows with prefix c stand at starts[c]:starts[c + 1].
    """
    count = codes.shape[1]
    for t in prange(codes.shape[0]):
        for i in range(count):
            rows[t, i] = i
        spare_rows, spare_codes = np.empty(count, np.int32), np.empty(count, codes.dtype)
        digit = min(bits, _BITS_A_DIGIT)
        for shift in range(0, bits, digit):
            _sort_by_digit(codes[t], rows[t], spare_codes, spare_rows, shift, digit)
        cut = np.uint64(bits - prefix)
        for i in range(count):
            starts[t, np.int64(np.uint64(codes[t, i]) >> cut) + 1] += 1
        for c in range(1, starts.shape[1]):
            starts[t, c] += starts[t, c - 1]


@njit(cache=True)
def _sort_by_digit(
    codes: NDArray, rows: NDArray, spare_codes: NDArray, spare_rows: NDArray, shift: int, bits: int
) -> None:
    """One pass of a stable radix sort, by the `bits` bits from `shift` on."""
    mask, step = np.uint64((1 << bits) - 1), np.uint64(shift)
    places = np.zeros((1 << bits) + 1, np.int64)
    for i in range(codes.shape[0]):
        places[np.int64((np.uint64(codes[i]) >> step) & mask) + 1] += 1
    for c in range(1, places.shape[0]):
        places[c] += places[c - 1]
    for i in range(codes.shape[0]):
        digit = np.int64((np.uint64(codes[i]) >> step) & mask)
        spare_codes[places[digit]] = codes[i]
        spare_rows[places[digit]] = rows[i]
        places[digit] += 1
    codes[:] = spare_codes
    rows[:] = spare_rows


@njit(cache=True)
def probe_masks(margins: NDArray, count: int, masks: NDArray) -> int:
    """Fill masks with the bits to flip, nearest bucket first, beginning with the own bucket (mask 0); returns their
    number.

    Query-directed probing: Lv, Josephson, Wang, Charikar, Li, "Multi-probe LSH" (VLDB 2007), algorithm 1. A bucket is
    the nearer, the smaller the sum of the squared margins of the flipped bits.
    """
    bits = margins.shape[0]
    masks[0] = np.uint64(0)
    if count <= 1:
        return min(count, 1)
    order = np.argsort(np.abs(margins))
    scores, sets, lasts = np.empty(2 * count), np.empty(2 * count, np.uint64), np.empty(2 * count, np.int64)
    scores[0] = np.float64(margins[order[0]]) ** 2
    sets[0] = np.uint64(1) << np.uint64(bits - 1 - order[0])
    lasts[0] = 0
    waiting, filled = 1, 1
    while filled < count and waiting > 0:
        best = 0
        for i in range(1, waiting):
            if scores[i] < scores[best]:
                best = i
        score, mask, last = scores[best], sets[best], lasts[best]
        waiting -= 1
        scores[best], sets[best], lasts[best] = scores[waiting], sets[waiting], lasts[waiting]
        masks[filled] = mask
        filled += 1
        if last + 1 < bits:
            here = np.float64(margins[order[last]]) ** 2
            following = np.float64(margins[order[last + 1]]) ** 2
            bit = np.uint64(1) << np.uint64(bits - 1 - order[last + 1])
            own = np.uint64(1) << np.uint64(bits - 1 - order[last])
            scores[waiting], sets[waiting], lasts[waiting] = score - here + following, (mask ^ own) | bit, last + 1
            scores[waiting + 1], sets[waiting + 1], lasts[waiting + 1] = score + following, mask | bit, last + 1
            waiting += 2
    return filled


@njit(cache=True)
def _bucket(
    sorted_codes: NDArray, starts: NDArray, code: np.uint64, bits: int, cut: np.uint64, depth: int
) -> tuple[int, int]:
    """The range of a table's sorted rows whose codes begin with the first `depth` bits of that code."""
    prefix, known = np.int64(code >> cut), bits - np.int64(cut)
    if depth <= known:
        prefix >>= known - depth
        return np.int64(starts[prefix << (known - depth)]), np.int64(starts[(prefix + 1) << (known - depth)])
    first, last = np.int64(starts[prefix]), np.int64(starts[prefix + 1])
    if first == last:
        return first, last
    left_off = np.uint64(bits - depth)
    first = _place(sorted_codes, first, last, code >> left_off, left_off, False)
    return first, _place(sorted_codes, first, last, code >> left_off, left_off, True)


@njit(cache=True)
def _place(sorted_codes: NDArray, first: int, last: int, code: np.uint64, left_off: np.uint64, above: bool) -> int:
    """The first position in first:last whose code, without its last bits, is at least `code` (above it, if `above`)."""
    while first < last:
        middle = (first + last) // 2
        there = np.uint64(sorted_codes[middle]) >> left_off
        if there < code or (above and there == code):
            first = middle + 1
        else:
            last = middle
    return first


@njit(cache=True)
def gather(
    margins: NDArray, codes: NDArray, probes: int, tables: tuple, alive: NDArray, seen: NDArray, found: NDArray
) -> int:
    """Write the union of one query's buckets to `found`, each live row once; returns their number.

    Memory is asked for what all buckets need next before any of them needs it: so the buckets do not wait in turn.

    Args:
        margins: (T·b,) of the query; codes: (T,) of the query. tables: (sorted codes, rows, starts, the bits without
            the prefix, bits, the first bits that make a bucket, the size up to which one is not divided by the further
            bits, codes of the rows that were added since, (T, a), the first of those rows). seen: a zeroed bitmap, n/8
            bytes or more.
    """
    wanted = np.empty((codes.shape[0], probes + 1), np.uint64)
    filled = np.empty(codes.shape[0], np.int64)
    for t in range(codes.shape[0]):
        filled[t] = _buckets_wanted(margins, codes, t, tables, wanted[t])
    for t in range(codes.shape[0]):
        _prefetch_codes(t, tables, wanted[t, : filled[t]])
    spans = np.empty((codes.shape[0], probes + 1, 3), np.int64)
    for t in range(codes.shape[0]):
        _find_buckets(t, tables, wanted[t, : filled[t]], spans[t])
    count = 0
    for t in range(codes.shape[0]):
        for m in range(filled[t]):
            count = _note_all(tables[1][t, spans[t, m, 0] : spans[t, m, 1]], seen, found, count)
            count = _note_late(t, tables, wanted[t, m], spans[t, m, 2], seen, found, count)
    return _living(alive, found, count)


@njit(cache=True)
def _buckets_wanted(margins: NDArray, codes: NDArray, t: int, tables: tuple, wanted: NDArray) -> int:
    """Fill the codes of the buckets of table t to probe, nearest first, and prefetch their starts; returns their
    number.
    """
    starts, cut, bits, top = tables[2], tables[3], tables[4], tables[5]
    filled = probe_masks(margins[t * bits : t * bits + top], wanted.shape[0], wanted)
    for m in range(filled):
        wanted[m] = np.uint64(codes[t]) ^ (wanted[m] << np.uint64(bits - top))
        prefetch(starts.ctypes.data + t * starts.strides[0] + np.int64(wanted[m] >> cut) * starts.itemsize)
    return filled


@njit(cache=True)
def _prefetch_codes(t: int, tables: tuple, wanted: NDArray) -> None:
    """Prefetch the sorted codes that the search for the buckets will read."""
    sorted_codes, starts, cut = tables[0], tables[2], tables[3]
    if sorted_codes.shape[1] == 0:
        return
    for m in range(wanted.shape[0]):
        prefix = np.int64(wanted[m] >> cut)
        middle = (np.int64(starts[t, prefix]) + np.int64(starts[t, prefix + 1])) // 2
        prefetch(sorted_codes.ctypes.data + t * sorted_codes.strides[0] + middle * sorted_codes.itemsize)


@njit(cache=True)
def _find_buckets(t: int, tables: tuple, wanted: NDArray, spans: NDArray) -> None:
    """Fill (first, last, depth) of each bucket of table t and prefetch its rows."""
    sorted_codes, rows, starts, cut, bits, top, largest = tables[:7]
    for m in range(wanted.shape[0]):
        depth = top
        first, last = _bucket(sorted_codes[t], starts[t], wanted[m], bits, cut, depth)
        while last - first > largest and depth < bits:
            depth += 1
            first, last = _bucket(sorted_codes[t], starts[t], wanted[m], bits, cut, depth)
        spans[m, 0], spans[m, 1], spans[m, 2] = first, last, depth
        if last > first:
            begin = rows.ctypes.data + t * rows.strides[0]
            prefetch(begin + first * rows.itemsize)
            prefetch(begin + last * rows.itemsize - 1)


@njit(cache=True)
def _note_all(rows: NDArray, seen: NDArray, found: NDArray, count: int) -> int:
    """Append the unseen rows; returns the new count. Branch-free, as mispredicted branches would cost more."""
    for i in range(rows.shape[0]):
        row = np.int64(rows[i])
        byte, bit = seen[row >> 3], np.uint8(1 << (row & 7))
        seen[row >> 3] = byte | bit
        found[count] = row
        count += np.int64((byte & bit) == 0)
    return count


@njit(cache=True)
def _note_late(t: int, tables: tuple, code: np.uint64, depth: int, seen: NDArray, found: NDArray, count: int) -> int:
    """Append the rows of the bucket that have not been sorted into the tables yet; returns the new count."""
    bits, late_codes, late_first = tables[4], tables[7], tables[8]
    for j in range(late_codes.shape[1]):
        if (np.uint64(late_codes[t, j]) ^ code) >> np.uint64(bits - depth) == np.uint64(0):
            count = _note_all(np.arange(late_first + j, late_first + j + 1), seen, found, count)
    return count


@njit(cache=True)
def _living(alive: NDArray, found: NDArray, count: int) -> int:
    """Keep only live rows; returns their number."""
    kept = 0
    for j in range(count):
        row = found[j]
        found[kept] = row
        kept += np.int64(alive[row])
    return kept


@njit(cache=True)
def candidates_of(margins: NDArray, codes: NDArray, probes: int, tables: tuple, alive: NDArray) -> NDArray:
    """The rows in the union of one query's buckets, ascending."""
    seen, found = np.zeros(alive.shape[0] // 8 + 1, np.uint8), np.empty(alive.shape[0] + 1, np.int32)
    count = gather(margins, codes, probes, tables, alive, seen, found)
    return np.sort(found[:count])


@parallel
def reached(
    margins: NDArray, codes: NDArray, probes: int, tables: tuple, alive: NDArray, near: NDArray, counts: NDArray,
    found: NDArray,
) -> None:  # fmt: skip
    """Fill (q,) the sizes of the unions of each query's buckets, and (q, m) whether they contain the rows of `near`."""
    for i in prange(margins.shape[0]):
        seen, rows = np.zeros(alive.shape[0] // 8 + 1, np.uint8), np.empty(alive.shape[0] + 1, np.int32)
        counts[i] = gather(margins[i], codes[:, i], probes, tables, alive, seen, rows)
        for j in range(near.shape[1]):
            row = near[i, j]
            found[i, j] = row >= 0 and alive[row] and (seen[row >> 3] >> np.uint8(row & 7)) & np.uint8(1) == 1


@parallel
def search_tables(
    queries: NDArray, margins: NDArray, codes: NDArray, probes: int, tables: tuple, alive: NDArray, asked: NDArray,
    blurs: NDArray, bytes_: tuple, vectors: NDArray, cosine: bool, distances: NDArray, nearest: NDArray,
    examined: NDArray, workers: int,
) -> None:  # fmt: skip
    """Fill (q, k) distances and nearest rows from the union of each query's buckets, and (q,) the numbers of
    comparisons.
    """
    seen = np.zeros((workers, alive.shape[0] // 8 + 1), np.uint8)
    found = np.empty((workers, alive.shape[0] + 1), np.int32)
    for worker in prange(workers):
        for i in range(worker, queries.shape[0], workers):
            count = gather(margins[i], codes[:, i], probes, tables, alive, seen[worker], found[worker])
            rank_rows(
                queries[i], asked[i], blurs[i], bytes_, vectors, cosine, found[worker], count, distances[i], nearest[i]
            )  # fmt: skip
            seen[worker, :] = 0
            examined[i] = count


@parallel
def probes_needed(
    margins: NDArray, codes: NDArray, others: NDArray, places: NDArray, cut: int, masks_of: int, needed: NDArray
) -> None:
    """Fill needed[i, j, t] with the extra buckets of table t to probe until query i finds vector j; 255 if none
    contains it.

    Args:
        margins: (q, T, b). codes: (T, q). others: (m', T), the codes of the distinct vectors; places: (q, m), which of
            them belong to each query. cut: how many bits are left off all codes. masks_of: ≤ 254.
    """
    for i in prange(margins.shape[0]):
        masks = np.empty(masks_of + 1, np.uint64)
        for t in range(margins.shape[1]):
            filled = probe_masks(margins[i, t], masks_of + 1, masks)
            most = 0
            for m in range(filled):
                most = max(most, _bits_set(masks[m], 64))
            for j in range(places.shape[1]):
                needed[i, j, t] = 255
                mask = (np.uint64(codes[t, i]) ^ np.uint64(others[places[i, j], t])) >> np.uint64(cut)
                if _bits_set(mask, most + 1) > most:  # no bucket that is looked into flips so many
                    continue
                for m in range(filled):
                    if masks[m] == mask:
                        needed[i, j, t] = m
                        break


@njit(cache=True)
def _bits_set(mask: np.uint64, enough: int) -> int:
    """The number of set bits, counted up to `enough`."""
    count = 0
    while mask != np.uint64(0) and count < enough:
        mask &= mask - np.uint64(1)
        count += 1
    return count
