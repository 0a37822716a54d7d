"""Compiled loops to rank candidates: distance bounds from one byte per value, then exact comparison of the few left.

Imported late (numba takes a second); the compiled code is kept beside this file until the file changes.
"""

# numba gives the numbers their types: a Python int and an int64 are the same to it.
# mypy: disable-error-code="assignment,arg-type,call-arg,return-value"

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from engine.indexes.kernels.common import distance_to, dot, offer
from engine.indexes.kernels.screening import tighten
from engine.indexes.kernels.threads import parallel

_AHEAD = 64  # rows that are on their way from memory while one is looked at
_ANYWHERE = 4.0  # an error that is beyond all distances of vectors of length 1
_LINE = 64  # bytes that memory sends at a time


@intrinsic
def prefetch(typingctx: Any, address: Any) -> Any:
    """Prefetch the 64 bytes around an address without waiting for them."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        reading, kept, data = (ir.Constant(word, number) for number in (0, 3, 1))
        builder.call(function, [builder.inttoptr(args[0], byte), reading, kept, data])
        return context.get_dummy_value()

    return types.void(types.int64), emit


@njit(cache=True)
def prefetch_row(start: int, row: int, size: int) -> None:
    """Prefetch a whole row of `size` bytes of an array that begins at the address `start`."""
    first = start + row * size
    for address in range(first, first + size, _LINE):
        prefetch(address)


@parallel
def encode_rows(
    vectors: NDArray, cosine: bool, lows: NDArray, scale: float, least: float, codes: NDArray, errors: NDArray
) -> None:
    """Write (n, d) vectors as bytes, value ≈ lows[j] + scale · byte, and the distance of each from its decoded bytes.

    Args:
        cosine: scale to length 1 first; a zero vector, which has no direction, gets an error beyond all.
        least: added to every error. codes: (n, d) uint8 and errors: (n,) float32, filled.
    """
    for i in prange(vectors.shape[0]):
        length = np.sqrt(dot(vectors[i], vectors[i])) if cosine else 1.0
        factor, lost = 1.0 / length if length > 0.0 else 0.0, 0.0
        for j in range(vectors.shape[1]):
            value = np.float64(vectors[i, j]) * factor - lows[j]
            code = min(max(np.floor(value / scale + 0.5), 0.0), 255.0)
            lost += (value - scale * code) ** 2
            codes[i, j] = np.uint8(code)
        errors[i] = np.sqrt(lost) * (1 + 1e-6) + least if length > 0.0 else _ANYWHERE


@njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def code_distance(asked: NDArray, code: NDArray) -> float:
    """The squared distance of a point (d,) float32 to a row of bytes, in single precision."""
    total = np.float32(0)
    for i in range(asked.shape[0]):
        step = asked[i] - np.float32(code[i])
        total += step * step
    return total


@njit(cache=True)
def promising(asked: NDArray, blur: float, bytes_: tuple, found: NDArray, count: int, k: int) -> int:
    """Move the rows that may be among the k nearest to the front of found[:count], in order; returns their number.

    Args:
        asked: (d,) float32, the query in the units of the bytes. blur: how far it may be from the query itself;
            infinite where the bytes are of no use, and all stay.
        bytes_: the codes (n, d), their errors (n,), their scale and the largest error.
    """
    if blur == np.inf:
        return count
    codes, errors, scale, worst = bytes_
    start, rounding = codes.ctypes.data, (codes.shape[1] + 16) * 2.0**-24
    lows, ups = np.empty(count, np.float32), np.empty(count, np.float32)
    held, limit, cut, full = 0, np.float32(np.inf), np.inf, 4 * k + 64
    for j in range(count):
        if j + _AHEAD < count:
            prefetch_row(start, np.int64(found[j + _AHEAD]), codes.shape[1])
        row = found[j]
        square = np.float64(code_distance(asked, codes[row]))
        if square > cut:  # whatever the error of this row: most go here
            continue
        distance = scale * np.sqrt(square)
        away = distance * rounding + errors[row] + blur
        low = np.float32(distance - away)
        if low <= limit:
            lows[held], ups[held], found[held] = low, np.float32(distance + away), row
            held += 1
            if held == full:
                held, limit = tighten(lows, ups, found, held, k, 0.0, 0.0)
                cut = ((limit + worst + blur) / (scale * (1 - 2 * rounding))) ** 2
                full = 2 * held + 4 * k + 64
    return tighten(lows, ups, found, held, k, 0.0, 0.0)[0]


@njit(cache=True)
def rank_rows(
    query: NDArray, asked: NDArray, blur: float, bytes_: tuple, vectors: NDArray, cosine: bool, found: NDArray,
    count: int, distances: NDArray, nearest: NDArray,
) -> None:  # fmt: skip
    """Fill (k,) exact distances and nearest rows from the distinct rows found[:count], which is reordered."""
    count = promising(asked, blur, bytes_, found, count, distances.shape[0])
    length, held, size = dot(query, query), 0, vectors.shape[1] * vectors.itemsize
    for j in range(count):
        if j + _AHEAD < count:
            prefetch_row(vectors.ctypes.data, np.int64(found[j + _AHEAD]), size)
        row = np.int64(found[j])
        held = offer(distances, nearest, held, distance_to(query, length, vectors[row], cosine), row)
