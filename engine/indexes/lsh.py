"""Locality sensitive hashing with random hyperplanes, several tables, multi-probe and exact re-ranking.

Charikar, "Similarity estimation techniques from rounding algorithms" (STOC 2002); Lv, Josephson, Wang, Charikar, Li,
"Multi-probe LSH" (VLDB 2007).
"""

from __future__ import annotations

from typing import Any

from engine.core.settings import Choice, Setting
from engine.indexes.hashing.functions import HashFunctions
from engine.indexes.hashing.hash_index import BITS, FURTHER, PROBES, RERANK, TABLES, HashIndex, lookup_setting
from engine.indexes.hashing.hyperplanes import DIRECTIONS, Hyperplanes, draw_hyperplanes
from engine.indexes.hashing.lookup import Lookup
from engine.indexes.hashing.tuning import Sizes
from engine.indexes.index import Vectors

_PLANES_HELP = "Which random planes serve: as drawn, each moved to the median, or those that split in half by chance."
_PLANES = {"plain": "As drawn", "median": "Moved to the median", "balanced": "Balanced ones"}
_LARGEST_HELP = "A bucket with more pictures is hashed again inside, as often as needed; 0: never."
_DIRECTIONS_HELP = "Number of leading principal directions in which planes are drawn."
_SIZES = Sizes(
    tables=(4, 8, 12, 16, 24, 32, 48, 64),
    bits=(2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 20),
)


class LSH(HashIndex):
    """Random planes: the union of the query's buckets, or the nearest codes, ranked by the true distance."""

    name = "lsh"
    title = "LSH"
    rank = 10
    summary = "Sorts pictures into buckets by random hyperplanes and searches only the query's buckets (multi-probe)."
    settings = (
        TABLES, BITS, PROBES, lookup_setting("buckets"), RERANK, FURTHER,
        Setting("largest", "Largest bucket", _LARGEST_HELP, 0, 10_000_000, 0),
        Choice("selection", "Planes", _PLANES_HELP, _PLANES, "plain"),
        Setting("directions", "Directions", _DIRECTIONS_HELP, 1, 4096, DIRECTIONS),
    )  # fmt: skip
    nested = True

    def __init__(
        self,
        metric: str,
        tables: int | None = None,
        bits: int | None = None,
        probes: int | None = None,
        lookup: str = "buckets",
        selection: str = "plain",
        directions: int = DIRECTIONS,
        planes: Hyperplanes | None = None,
        **others: Any,
    ) -> None:
        super().__init__(metric, tables, bits, probes, lookup, **({"functions": planes} | others))
        self.selection = selection
        self.directions = directions

    def fit(self, vectors: Vectors, tables: int, bits: int) -> Hyperplanes:
        return draw_hyperplanes(vectors, self.metric, tables, bits, self.seed, self.selection, self.directions)

    def sizes(self, dimensions: int) -> Sizes:
        return _SIZES

    def axes(self, dimensions: int) -> int:
        return min(dimensions, self.directions)

    @property
    def planes(self) -> HashFunctions | None:
        """External functions that replace its own."""
        return self.functions

    @planes.setter
    def planes(self, planes: Hyperplanes | None) -> None:
        self.functions = planes

    def _in_force(self, lookup: Lookup) -> dict[str, int | str]:
        return super()._in_force(lookup) | {"selection": self.selection, "directions": self.directions}
