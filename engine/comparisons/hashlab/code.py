"""The code of one picture: its bits, its distance from the boundary of each, and the pictures on either side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.comparisons.hashlab.hashed import Hashed
from engine.core.errors import BadParameter
from engine.indexes.index import Ids

_BARS = 24  # of a histogram
_ENDS = 3  # pictures shown at either end
Flips = frozenset[tuple[int, int]]


@dataclass(frozen=True)
class Code:
    """A picture's code in every table.

    Attributes:
        bits: (T, b) 0 or 1. margins: (T, b) float32, the distance to each bit's boundary, positive where the bit is 1.
    """

    bits: NDArray[np.uint8]
    margins: NDArray[np.float32]

    def order(self, table: int) -> list[int]:
        """The bits of a table in the order in which multi-probe flips them: nearest to its boundary first."""
        return [int(bit) for bit in np.argsort(np.abs(self.margins[table]), kind="stable")]

    def text(self, table: int, flips: Flips = frozenset()) -> str:
        """The bits of a table as text, some of them flipped."""
        return "".join(str(int(bit) ^ ((table, place) in flips)) for place, bit in enumerate(self.bits[table]))


@dataclass(frozen=True)
class Plane:
    """How the pictures are distributed over both sides of one bit's boundary.

    Attributes:
        share: of the pictures that have a 1 there. edges: (25,) of the histogram `counts` (24,), by the margin.
        low, high: ids of the pictures farthest on either side, the farthest first.
    """

    share: float
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    low: Ids
    high: Ids

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        sides = {"low": self.low.tolist(), "high": self.high.tolist()}
        return {"share": self.share, "edges": self.edges.tolist(), "counts": self.counts.tolist(), **sides}


def code_of(hashed: Hashed, point: NDArray[np.float32]) -> Code:
    """The code of a (1, p) point."""
    margins = hashed.margins(point)[0]
    return Code((margins > 0).astype(np.uint8), margins)


def planes_of(hashed: Hashed, ids: Ids, points: NDArray[np.float32], table: int) -> list[Plane]:
    """The planes of a table, one for each bit, over (n, p) points under (n,) ids."""
    if not 0 <= table < hashed.hashing.tables:
        raise BadParameter("table", "hash codes", f"from 0 to {hashed.hashing.tables - 1}", table)
    margins = hashed.margins(points)[:, table]
    return [_plane(ids, margins[:, bit]) for bit in range(margins.shape[1])]


def _plane(ids: Ids, margins: NDArray[np.float32]) -> Plane:
    far = float(np.abs(margins).max(initial=0)) or 1.0
    counts, edges = np.histogram(margins, bins=_BARS, range=(-far, far))
    ends = min(_ENDS, len(ids))
    low, high = (np.argsort(side, kind="stable")[:ends] for side in (margins, -margins))
    return Plane(float((margins > 0).mean()), edges, counts, ids[low[margins[low] <= 0]], ids[high[margins[high] > 0]])


def checked_flips(flips: Flips, hashed: Hashed) -> Flips:
    """The (table, bit) pairs to flip, counted from 0; BadParameter for one that the code does not have."""
    for table, bit in flips:
        if not 0 <= table < hashed.hashing.tables or not 0 <= bit < hashed.hashing.bits:
            wanted = f"in one of {hashed.hashing.tables} tables, of {hashed.hashing.bits} bits each"
            raise BadParameter("bit", "hash codes", wanted, f"bit {bit + 1} of table {table + 1}")
    return flips


def flipped(hashed: Hashed, code: Code, flips: Flips) -> NDArray:
    """The (T,) code in the representation of the tables, with these bits flipped: the first bit is the highest."""
    bits = code.bits.astype(np.uint64)
    for table, bit in flips:
        bits[table, bit] ^= np.uint64(1)
    weights = np.uint64(1) << np.arange(bits.shape[1], dtype=np.uint64)[::-1]
    return np.asarray((bits * weights).sum(1)).astype(hashed.codes.dtype)
