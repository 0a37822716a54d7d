"""Compiled loops of comparing two pictures.

Imported late (numba takes a second); the compiled code is kept beside this file until the file changes. None of them
holds the interpreter, so that threads run beside each other.
"""

# numba gives the numbers their types: a Python int and an int64 are the same to it.
# mypy: disable-error-code="assignment,arg-type,call-arg,return-value"

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_UNSURE = 65535  # rank of two values of which one may have been cut off


@njit(cache=True, nogil=True)
def median_ratio(one: NDArray, other: NDArray, ranks: NDArray, ratios: NDArray, least: int) -> float:
    """The median of other / one over the pixels where both are sure; 1 where fewer than `least` are.

    Args:
        one, other: (h, w) uint8. ranks: (256, 256) uint16, of each ratio by its two values, 65535 where unsure.
        ratios: (r,) float32, ascending.
    """
    counts, hundreds = np.zeros(65536, np.int32), np.zeros(256, np.int32)
    for y in range(one.shape[0]):
        for x in range(one.shape[1]):
            rank = ranks[one[y, x], other[y, x]]
            counts[rank] += 1
            hundreds[rank >> 8] += 1
    sure = one.size - counts[_UNSURE]
    if sure < least:
        return np.float32(1.0)
    low = _at(counts, hundreds, (sure - 1) // 2)
    high = _at(counts, hundreds, sure // 2)
    return (ratios[low] + ratios[high]) / np.float32(2)


@njit(cache=True, nogil=True)
def _at(counts: NDArray, hundreds: NDArray, place: int) -> int:
    """The rank that stands at a place when all are in order."""
    part = 0
    while place >= hundreds[part]:
        place -= hundreds[part]
        part += 1
    rank = part << 8
    while place >= counts[rank]:
        place -= counts[rank]
        rank += 1
    return rank


@njit(cache=True, nogil=True)
def exposed(picture: NDArray, gain: float, divided: bool) -> NDArray:
    """(h, w) uint8 to float32, times a gain or divided by it, and cut off at white."""
    white, times = np.float32(255), np.float32(gain)
    bright = np.empty(picture.shape, np.float32)
    for y in range(picture.shape[0]):
        row, out = picture[y], bright[y]
        if divided:
            for x in range(len(row)):
                out[x] = min(np.float32(row[x]) / times, white)
        else:
            for x in range(len(row)):
                out[x] = min(np.float32(row[x]) * times, white)
    return bright


@njit(cache=True, nogil=True)
def _mirrored_at_the_edge(length: int, reach: int) -> NDArray:
    """The places that stand for −reach … length + reach − 1, as 2 1 0 1 2."""
    places = np.empty(length + 2 * reach, np.int64)
    for i in range(len(places)):
        place = i - reach
        while place < 0 or place >= length:
            place = -place if place < 0 else 2 * length - 2 - place
        places[i] = place
    return places


@njit(cache=True, nogil=True, fastmath={"contract"})
def blur_rows(picture: NDArray, weights: NDArray, begins: NDArray, side: int, out: NDArray) -> None:
    """Convolve some rows of (h, w) float32 along both sides with a symmetric kernel, mirrored at the edges.

    Args:
        weights: (reach + 1,) float32, from the middle of the kernel to its end.
        begins: the first row of each strip of `side` rows. out: (h, w) float32, in which these rows are filled.
    """
    height, width = picture.shape
    reach = len(weights) - 1
    rows, columns = _mirrored_at_the_edge(height, reach), _mirrored_at_the_edge(width, reach)
    line, padded = np.empty(width, np.float32), np.empty(width + 2 * reach, np.float32)
    for place in range(len(begins) * side):
        y = begins[place // side] + place % side
        _scaled(picture[y], weights[0], line)
        for i in range(1, reach, 2):  # two at a time halve the traffic of what is added up
            near = picture[rows[y + reach - i]], picture[rows[y + reach + i]]
            far = picture[rows[y + reach - i - 1]], picture[rows[y + reach + i + 1]]
            _add_pairs(line, near, weights[i], far, weights[i + 1])
        if reach % 2:
            _add_pair(line, picture[rows[y]], picture[rows[y + 2 * reach]], weights[reach])
        for x in range(width + 2 * reach):
            padded[x] = line[columns[x]]
        _along(padded, weights, out[y])


@njit(cache=True, nogil=True, fastmath={"contract"})
def _along(padded: NDArray, weights: NDArray, out: NDArray) -> None:
    """The same for one line that has been continued at its ends."""
    reach, width = len(weights) - 1, len(out)
    _scaled(padded[reach : reach + width], weights[0], out)
    for i in range(1, reach, 2):
        near = padded[reach - i : reach - i + width], padded[reach + i : reach + i + width]
        far = padded[reach - i - 1 : reach - i - 1 + width], padded[reach + i + 1 : reach + i + 1 + width]
        _add_pairs(out, near, weights[i], far, weights[i + 1])
    if reach % 2:
        _add_pair(out, padded[:width], padded[2 * reach :], weights[reach])


@njit(cache=True, nogil=True, fastmath={"contract"})
def _scaled(line: NDArray, weight: float, out: NDArray) -> None:
    for x in range(len(out)):
        out[x] = weight * line[x]


@njit(cache=True, nogil=True, fastmath={"contract"})
def _add_pair(line: NDArray, before: NDArray, after: NDArray, weight: float) -> None:
    for x in range(len(line)):
        line[x] += weight * (before[x] + after[x])


@njit(cache=True, nogil=True, fastmath={"contract"})
def _add_pairs(line: NDArray, near: tuple, weight: float, far: tuple, far_weight: float) -> None:
    before, after = near
    earlier, later = far
    for x in range(len(line)):
        line[x] += weight * (before[x] + after[x]) + far_weight * (earlier[x] + later[x])


@njit(cache=True, nogil=True)
def block_moments(first: NDArray, second: NDArray, seen: NDArray, begins: NDArray, side: int) -> NDArray:
    """(m, 3) float32: the variances in both and the covariance, of each whole block of side · side pixels.

    Args:
        seen: (h, w) bool, or (0, 0) where all is: blocks with a pixel that is not seen are left out.
        begins: the first rows of the rows of blocks that are wanted.
    """
    across = first.shape[1] // side
    moments, count = np.empty((len(begins) * across, 3), np.float32), 0
    columns = np.empty((3, across * side), np.float32)
    for top in begins:
        _moments_of_columns(first[top : top + side], second[top : top + side], side, columns)
        for left in range(0, across * side, side):
            if seen.size and not _all_seen(seen[top : top + side, left : left + side]):
                continue
            for which in range(3):
                moments[count, which] = columns[which, left : left + side].sum() / np.float32(side * side)
            count += 1
    return moments[:count]


@njit(cache=True, nogil=True)
def _all_seen(seen: NDArray) -> bool:
    for y in range(seen.shape[0]):
        for x in range(seen.shape[1]):
            if not seen[y, x]:
                return False
    return True


@njit(cache=True, nogil=True, fastmath={"contract"})
def _moments_of_columns(first: NDArray, second: NDArray, side: int, columns: NDArray) -> None:
    """Of a row of blocks: what each column adds to the squares in both, and to the products, about the means."""
    means, own, others, common = _means(first, second, side, columns.shape[1]), columns[0], columns[1], columns[2]
    columns[:] = 0
    for y in range(side):
        one, other, mean, its_mean = first[y], second[y], means[0], means[1]
        for x in range(len(own)):
            a, b = one[x] - mean[x], other[x] - its_mean[x]
            own[x] += a * a
            others[x] += b * b
            common[x] += a * b


@njit(cache=True, nogil=True)
def _means(first: NDArray, second: NDArray, side: int, width: int) -> NDArray:
    """(2, width) the mean of the block that a column is in, in both."""
    means = np.zeros((2, width), np.float32)
    for y in range(side):
        one, other, sums, its_sums = first[y], second[y], means[0], means[1]
        for x in range(width):
            sums[x] += one[x]
            its_sums[x] += other[x]
    for which in range(2):
        for left in range(0, width, side):
            means[which, left : left + side] = means[which, left : left + side].sum() / np.float32(side * side)
    return means


@njit(cache=True, nogil=True)
def highest_mean(sure: NDArray, unsure: NDArray, unknown: int) -> float:
    """The highest mean that the lowest quarter of some values may have, of which these are upper bounds.

    Args:
        sure, unsure: ascending; the unsure ones may be missing. unknown: how many more values there may be, at most 1.
    """
    highest = -np.inf
    for left_out in range(len(unsure) + 1):  # the mean is highest without those that are lowest
        few = max(1, (len(sure) + len(unsure) - left_out + unknown) // 4)
        total, i, j = 0.0, 0, left_out
        for _ in range(few):
            if i < len(sure) and (j == len(unsure) or sure[i] <= unsure[j]):
                total += sure[i]
                i += 1
            elif j < len(unsure):
                total += unsure[j]
                j += 1
            else:
                total += 1.0
        highest = max(highest, total / few)
    return highest
