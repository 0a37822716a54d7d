"""Compiled loops of exact search: bounds on all distances from 8-bit codes, and the few vectors they leave undecided.

The inner loop is written in LLVM's language, because no compiler finds the instruction that multiplies and adds four
bytes at a time (vpdpbusd) from plain code. Where the processor lacks it, the same sums are spelled out. The compiled
code is kept beside this file until the file changes.
"""

# numba gives the numbers their types: a Python int and an int64 are the same to it.
# mypy: disable-error-code="assignment,arg-type,call-arg,return-value"

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from engine.indexes.kernels.common import distance_to, dot, offer
from engine.indexes.kernels.threads import parallel

LANES = 16  # rows in a block
QUERIES = 8  # queries in a tile
_PAIR = 2  # blocks that are worked on at once
_I32, _I16, _F32 = ir.IntType(32), ir.IntType(16), ir.FloatType()
_INTS, _FLOATS = ir.VectorType(_I32, LANES), ir.VectorType(_F32, LANES)


def has_vnni() -> bool:
    """Whether this processor multiplies and adds bytes in one instruction."""
    return bool(llvm.get_host_cpu_features().get("avx512vnni", False))


def multiply_add_bytes(builder: Any, total: Any, unsigned: Any, signed: Any, *, vnni: bool) -> Any:
    """IR for 16 lanes of: total + the inner product of four unsigned and four signed bytes."""
    if vnni:
        kind = ir.FunctionType(_INTS, [_INTS, _INTS, _INTS])
        instruction = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.vpdpbusd.512")
        return builder.call(instruction, [total, unsigned, signed])
    for byte in range(4):
        up = ir.Constant(_INTS, [24 - 8 * byte] * LANES)
        down = ir.Constant(_INTS, [24] * LANES)
        left = builder.lshr(builder.shl(unsigned, up), down)
        right = builder.ashr(builder.shl(signed, up), down)
        total = builder.add(total, builder.mul(left, right))
    return total


def _splat(builder: Any, value: Any, kind: Any) -> Any:
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(single, ir.Constant(kind, ir.Undefined), ir.Constant(_INTS, [0] * LANES))


def _load(builder: Any, address: Any, kind: Any, *, align: int = 4) -> Any:
    value = builder.load(builder.inttoptr(address, kind.as_pointer()))
    value.align = align
    return value


def _store(builder: Any, value: Any, address: Any) -> None:
    builder.store(value, builder.inttoptr(address, value.type.as_pointer())).align = 4


def _emit_bounds(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """IR of `bounds`: sums of products, then bounds on the squared distances, then a mask of those within the limit."""
    codes, facts, query_codes, query_facts, groups, masks, lows, values = args
    i64 = groups.type

    def at(base: Any, offset: Any) -> Any:
        return builder.add(base, offset if not isinstance(offset, int) else ir.Constant(i64, offset))

    sums = [[cgutils.alloca_once(builder, _INTS) for _ in range(QUERIES)] for _ in range(_PAIR)]
    for query in range(QUERIES):
        start = _splat(builder, _load(builder, at(query_facts, 20 * query + 16), _I32), _INTS)
        for block in range(_PAIR):
            builder.store(start, sums[block][query])
    stride = builder.mul(groups, ir.Constant(i64, 4 * LANES))
    with cgutils.for_range(builder, groups) as loop:
        place = builder.mul(loop.index, ir.Constant(i64, 4 * LANES))
        own = at(codes, place)
        rows = [_load(builder, own, _INTS), _load(builder, at(own, stride), _INTS)]
        asked = at(query_codes, builder.mul(loop.index, ir.Constant(i64, 4 * QUERIES)))
        for query in range(QUERIES):
            signed = _splat(builder, _load(builder, at(asked, 4 * query), _I32), _INTS)
            for block in range(_PAIR):
                total = builder.load(sums[block][query])
                total = multiply_add_bytes(builder, total, rows[block], signed, vnni=has_vnni())
                builder.store(total, sums[block][query])
    for query in range(QUERIES):
        fact = [_splat(builder, _load(builder, at(query_facts, 20 * query + 4 * i), _F32), _FLOATS) for i in range(4)]
        both, kept = ir.Constant(_I32, 0), []
        for block in range(_PAIR):
            square, scale, error, length = (_load(builder, at(facts, 256 * block + 64 * i), _FLOATS) for i in range(4))
            product = builder.sitofp(builder.load(sums[block][query]), _FLOATS)
            value = builder.fsub(square, builder.fmul(builder.fmul(product, scale), fact[0]))
            margin = builder.fadd(builder.fmul(error, fact[1]), builder.fmul(length, fact[2]))
            low = builder.fsub(value, margin)
            within = builder.bitcast(builder.fcmp_ordered("<=", low, fact[3]), _I16)
            both = builder.or_(both, builder.shl(builder.zext(within, _I32), ir.Constant(_I32, LANES * block)))
            kept.append((value, low))
        _store(builder, both, at(masks, 4 * query))
        with builder.if_then(builder.icmp_unsigned("!=", both, ir.Constant(_I32, 0)), likely=False):
            for block, (value, low) in enumerate(kept):
                _store(builder, value, at(values, 4 * LANES * (_PAIR * query + block)))
                _store(builder, low, at(lows, 4 * LANES * (_PAIR * query + block)))
    return context.get_dummy_value()


@intrinsic
def bounds(
    typingctx: Any, codes: Any, facts: Any, query_codes: Any, query_facts: Any, groups: Any, masks: Any, lows: Any,
    values: Any,
) -> Any:  # fmt: skip
    """Bound the squared distances of 8 queries to 32 rows; all arguments but `groups` are addresses.

    masks (8,) uint32: a bit for each row whose lower bound is within the query's limit; where any is, lows and values
    (8, 32) float32 hold the lower bounds and the values they are bounds of.
    """
    signature = types.void(*[types.int64] * 8)
    return signature, _emit_bounds


@njit(cache=True)
def tighten(
    lows: NDArray, ups: NDArray, rows: NDArray, count: int, k: int, slack: float, share: float
) -> tuple[int, float]:
    """Drop rows that can no longer be among the k nearest; returns the number kept and the limit of their lower bounds.

    slack, share: what rounding in single precision may add up to: slack + share · |the limit|.
    """
    if count < k:
        return count, np.float32(3e38)
    kth = np.partition(ups[:count], k - 1)[k - 1]
    limit = kth + slack + share * abs(kth)
    kept = 0
    for i in range(count):
        if lows[i] <= limit:
            lows[kept], ups[kept], rows[kept] = lows[i], ups[i], rows[i]
            kept += 1
    return kept, np.float32(limit)


@parallel
def screen_codes(
    codes: NDArray, facts: NDArray, query_codes: NDArray, query_facts: NDArray, slacks: NDArray, k: int, tile: int,
    lows: NDArray, ups: NDArray, rows: NDArray, counts: NDArray,
) -> None:  # fmt: skip
    """Collect for every worker and query the rows that may be among its k nearest.

    Args:
        codes: (B, G, 64) uint8, B even: 16 rows of 4 bytes in each group. facts: (B, 4, 16) float32: squared length,
            scale, error, length. query_codes: (t, G, 32) int8. query_facts: (w, t, 8, 5) float32: 2·scale, 2·length of
            the code, 2·error, the limit, and the int32 that the sums start from. slacks: (8t, 2). tile: blocks at once.
        lows, ups, rows: (w, 8t, c) filled; counts: (w, 8t), −1 where more than c rows were in question.
    """
    workers, room, groups, pairs = lows.shape[0], lows.shape[2], codes.shape[1], codes.shape[0] // 2
    for worker in prange(workers):
        masks, low, value = np.empty(8, np.uint32), np.empty((8, 32), np.float32), np.empty((8, 32), np.float32)
        last_pair = pairs * (worker + 1) // workers
        for first in range(pairs * worker // workers, last_pair, tile):
            for t in range(query_codes.shape[0]):
                for pair in range(first, min(first + tile, last_pair)):
                    bounds(
                        codes.ctypes.data + 2 * pair * groups * 64, facts.ctypes.data + 2 * pair * 256,
                        query_codes.ctypes.data + t * groups * 32,
                        query_facts.ctypes.data + (worker * query_codes.shape[0] + t) * 160, groups,
                        masks.ctypes.data, low.ctypes.data, value.ctypes.data,
                    )  # fmt: skip
                    for j in range(8):
                        if masks[j] == 0:
                            continue
                        q = t * 8 + j
                        held = counts[worker, q]
                        for lane in range(32):
                            if not (masks[j] >> np.uint32(lane)) & np.uint32(1):
                                continue
                            if held == room:
                                held, limit = tighten(
                                    lows[worker, q],
                                    ups[worker, q],
                                    rows[worker, q],
                                    held,
                                    k,
                                    slacks[q, 0],
                                    slacks[q, 1],
                                )
                                query_facts[worker, t, j, 3] = limit
                                if (
                                    held > room - room // 8
                                ):  # hardly anything was dropped: leave this query to another way
                                    held, query_facts[worker, t, j, 3] = -1, np.float32(-3e38)
                                    break
                            lows[worker, q, held] = low[j, lane]
                            ups[worker, q, held] = 2 * value[j, lane] - low[j, lane]
                            rows[worker, q, held] = 32 * pair + lane
                            held += 1
                        counts[worker, q] = held


@parallel
def screen_products(
    products: NDArray, first: int, facts: NDArray, query_facts: NDArray, limits: NDArray, slacks: NDArray, k: int,
    lows: NDArray, ups: NDArray, rows: NDArray, counts: NDArray,
) -> None:  # fmt: skip
    """As `screen_codes`, for the inner products (q, r) of the queries with rows first:first + r in single precision.

    Args:
        facts: (3, n) float32: squared length, scale, length for the error. query_facts: (q,) float32, 2·γ·length.
    """
    room = lows.shape[1]
    for q in prange(products.shape[0]):
        held, limit, gamma = counts[q], limits[q], query_facts[q]
        for block in range(0, products.shape[1], 64):
            last = min(block + 64, products.shape[1])
            some = False
            for j in range(block, last):
                row = first + j
                value = facts[0, row] - np.float32(2) * facts[1, row] * products[q, j]
                some |= value - gamma * facts[2, row] <= limit
            if not some or held < 0:
                continue
            for j in range(block, last):
                row = first + j
                value = facts[0, row] - np.float32(2) * facts[1, row] * products[q, j]
                margin = gamma * facts[2, row]
                if not value - margin <= limit:
                    continue
                if held == room:
                    held, limit = tighten(lows[q], ups[q], rows[q], held, k, slacks[q, 0], slacks[q, 1])
                    if held > room - room // 8:
                        held, limit = -1, np.float32(-3e38)
                        break
                lows[q, held], ups[q, held], rows[q, held] = value - margin, value + margin, row
                held += 1
        counts[q], limits[q] = held, limit


@parallel
def rank_survivors(
    queries: NDArray, vectors: NDArray, lows: NDArray, ups: NDArray, rows: NDArray, counts: NDArray, slacks: NDArray,
    cosine: bool, distances: NDArray, nearest: NDArray, survivors: NDArray,
) -> None:  # fmt: skip
    """Fill (q, k) exact distances and rows from the survivors of all workers; survivors: (q,), −1 where one gave up."""
    k = distances.shape[1]
    for q in prange(queries.shape[0]):
        total, gave_up = 0, False
        for worker in range(lows.shape[0]):
            gave_up |= counts[worker, q] < 0
            total += max(counts[worker, q], 0)
        if gave_up:
            survivors[q] = -1
            continue
        low, up, row = np.empty(total, np.float32), np.empty(total, np.float32), np.empty(total, np.int32)
        filled = 0
        for worker in range(lows.shape[0]):
            held = counts[worker, q]
            low[filled : filled + held] = lows[worker, q, :held]
            up[filled : filled + held] = ups[worker, q, :held]
            row[filled : filled + held] = rows[worker, q, :held]
            filled += held
        kept, _ = tighten(low, up, row, total, k, slacks[q, 0], slacks[q, 1])
        length, held = dot(queries[q], queries[q]), 0
        for i in range(kept):
            distance = distance_to(queries[q], length, vectors[row[i]], cosine)
            held = offer(distances[q], nearest[q], held, distance, np.int64(row[i]))
        survivors[q] = kept


@parallel
def encode_rows(
    vectors: NDArray, rows: NDArray, centre: NDArray, cosine: bool, fixed_scale: float, codes: NDArray, facts: NDArray
) -> None:
    """Write the 8-bit codes of (m, d) vectors and the terms that bound their errors; vector i becomes row rows[i].

    A vector (scaled to length 1 for cosine) is centre + scale · (code − 128) + error. With fixed_scale > 0 that scale
    is used for all, else each vector's own: its largest value over 127.
    """
    for i in prange(vectors.shape[0]):
        block, lane = rows[i] // 16, rows[i] % 16
        length = np.sqrt(dot(vectors[i], vectors[i])) if cosine else 1.0
        factor = 1.0 / length if length > 0.0 else 0.0
        largest, square = 0.0, 0.0
        for j in range(vectors.shape[1]):
            x = np.float64(vectors[i, j]) * factor - centre[j]
            largest = max(largest, abs(x))
            square += x * x
        scale = np.float64(np.float32(fixed_scale if fixed_scale > 0.0 else largest / 127.0))
        inverse = 1.0 / scale if scale > 1e-30 else 0.0
        error = 0.0
        for j in range(vectors.shape[1]):
            x = np.float64(vectors[i, j]) * factor - centre[j]
            code = min(max(np.floor(x * inverse + 0.5), -128.0), 127.0)
            error += (x - scale * code) ** 2
            codes[block, j // 4, lane * 4 + j % 4] = np.uint8(np.int64(code) + 128)
        facts[block, 0, lane] = square + (1.0 if cosine and length <= 0.0 else 0.0) if square < 1e30 else np.nan
        facts[block, 1, lane] = scale
        facts[block, 2, lane] = np.sqrt(error) * (1 + 1e-6)
        facts[block, 3, lane] = np.sqrt(square) * (1 + 1e-6)
