"""A collection hashed by one method with a number of bits and tables, in a space that all methods share."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter
from engine.core.recipe import parse_method
from engine.core.settings import Setting, checked_settings, print_call
from engine.indexes import make_index
from engine.indexes.hashing.buckets import Buckets
from engine.indexes.hashing.functions import HashFunctions, centred
from engine.indexes.hashing.hash_index import HashIndex
from engine.indexes.hashing.principal import centre_of_points, principal_directions, sampled_points
from engine.indexes.index import Vectors
from engine.indexes.table.byte_rows import ByteRows
from engine.indexes.table.rows import RowTable

FAMILIES = ("lsh", "pcah", "spectral", "itq")
BITS = Setting("bits", "Bits", "Length of a code; more bits make smaller buckets.", 1, 32, 12)
TABLES = Setting("tables", "Tables", "Number of hash tables; more find more.", 1, 16, 4)
PROBES = Setting("probes", "Probes", "Neighbouring buckets that are searched too, in each table.", 0, 64, 0)
_SETTINGS = (BITS, TABLES, PROBES)
_SAMPLE = 10_000  # at most so many vectors give the centre and the principal directions
_BLOCK = 8192  # vectors projected at once
Points = NDArray[np.float32]


@dataclass(frozen=True)
class Hashing:
    """A method with its numbers, as in a recipe; those left out have their defaults.

    >>> str(Hashing.parse("itq(bits=16,tables=2)"))
    'itq(bits=16,probes=0,tables=2)'
    """

    method: str = FAMILIES[0]
    bits: int = int(BITS.default or 0)
    tables: int = int(TABLES.default or 0)
    probes: int = int(PROBES.default or 0)

    def __post_init__(self) -> None:
        if self.method not in FAMILIES:
            raise BadParameter("method", "hash codes", "one of " + ", ".join(FAMILIES), self.method)
        given = {"bits": self.bits, "tables": self.tables, "probes": self.probes}
        checked_settings(_SETTINGS, given, f"the method {self.method}")

    @classmethod
    def parse(cls, text: str) -> Hashing:
        """The hashing written like `lsh(bits=8,tables=4,probes=1)`; BadParameter for anything else."""
        method, options = parse_method(text)
        found = cls(method)
        return replace(found, **checked_settings(_SETTINGS, dict(options), f"the method {method}"))

    def __str__(self) -> str:
        return print_call(self.method, (("bits", self.bits), ("probes", self.probes), ("tables", self.tables)))

    @property
    def searched(self) -> int:
        """The effective number of probes: at most the number of other buckets."""
        return min(self.probes, 2**self.bits - 1)

    def by(self, method: str) -> Hashing:
        """The same numbers with another method."""
        return replace(self, method=method)


@dataclass(frozen=True)
class Projected(HashFunctions):
    """Hash functions `inner` after a projection to a few directions, given by `centre` (d,) and `basis` (p, d).

    They serve while a collection is looked at, and are not stored.
    """

    centre: NDArray[np.float32]
    basis: NDArray[np.float32]
    inner: HashFunctions

    @property
    def tables(self) -> int:
        return self.inner.tables

    @property
    def bits(self) -> int:
        return self.inner.bits

    def first(self, tables: int, bits: int) -> Projected:
        return replace(self, inner=self.inner.first(tables, bits))

    def points(self, vectors: Vectors, metric: str) -> NDArray[np.float32]:
        return projected(vectors, metric, self.centre, self.basis)

    def margins(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        return self.inner.margins(self.inner.points(points, "euclidean"))


def projected(vectors: Vectors, metric: str, centre: NDArray[np.float32], basis: NDArray[np.float32]) -> Points:
    """(n, p) coordinates of (n, d) vectors along the directions `basis` (p, d); independent of the batch size."""
    wide = centred(vectors, metric, centre) @ basis.T.astype(np.float64)
    return np.ascontiguousarray(wide, dtype=np.float32)


class Space:
    """The 32 leading principal directions of a table of vectors, in which all methods are fitted.

    None of them looks at more directions for codes of at most 32 bits, so nothing that they would see is lost; and
    the vectors are read once, not once for every setting.

    Attributes:
        points: (n, p) float32, the vectors along p directions, at most 32.
    """

    def __init__(self, table: RowTable, metric: str) -> None:
        self.table, self.metric = table, metric
        width = min(int(BITS.high), table.dimensions)
        sample = sampled_points(table.vectors, metric, _SAMPLE, 2 * width, np.random.default_rng(0))
        self.centre = centre_of_points(sample).astype(np.float32)
        self.basis = principal_directions(sample - self.centre, width).astype(np.float32)
        starts = range(0, len(table.ids), _BLOCK)
        self.points = np.concatenate([self.points_of(table.vectors[start : start + _BLOCK]) for start in starts])
        self.bytes = ByteRows(table, metric)
        self.bytes.fill()

    @property
    def most_bits(self) -> int:
        """The longest code that every method supports here."""
        return int(self.points.shape[1])

    def points_of(self, vectors: Vectors) -> Points:
        """(n, d) vectors to (n, p) points of this space."""
        return projected(vectors, self.metric, self.centre, self.basis)

    def hashed(self, hashing: Hashing) -> Hashed:
        """Every row hashed; BadParameter for more bits than the vectors have values."""
        if hashing.bits > self.most_bits:
            wanted = f"at most {self.most_bits}, the values of a vector"
            raise BadParameter("bits", f"the method {hashing.method}", wanted, hashing.bits)
        index = make_index(hashing.method, "euclidean")
        assert isinstance(index, HashIndex)
        inner = index.fit(self.points, hashing.tables, hashing.bits)
        codes = inner.only_codes(self.points, "euclidean")
        buckets = Buckets(Projected(self.centre, self.basis, inner), self.metric, self.table, 0)
        buckets.bytes = self.bytes
        buckets.sort_in(codes.copy())
        return Hashed(hashing, inner, buckets, codes)


@dataclass(frozen=True)
class Hashed:
    """A collection's codes: `inner` functions over its points, the sorted `buckets`, and `codes` (T, n) by row."""

    hashing: Hashing
    inner: HashFunctions
    buckets: Buckets
    codes: NDArray

    def margins(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, T, b): how far each point lies from each bit's boundary; positive where the bit is 1."""
        found = self.inner.margins(self.inner.points(points, "euclidean"))
        return found.reshape(len(points), self.inner.tables, self.inner.bits)

    def used(self) -> int:
        """The number of non-empty buckets of the first table."""
        return len(np.unique(self.codes[0]))

    def largest(self) -> int:
        """The number of pictures in the fullest bucket of the first table."""
        return int(np.unique(self.codes[0], return_counts=True)[1].max(initial=0))
