"""Hash settings of the parts of a distributed index: as given, or as a single index would choose them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from engine.core.settings import Value
from engine.indexes.hashing.buckets import Buckets, probes_for, widths
from engine.indexes.hashing.functions import HashFunctions
from engine.indexes.hashing.hash_index import HashIndex
from engine.indexes.hashing.lookup import Growth
from engine.indexes.index import Index, Vectors

_TABLES = 32  # default without data to choose from


@dataclass(frozen=True)
class Numbers:
    """Tables and bits of every part, and the number of extra buckets to probe."""

    tables: int = _TABLES
    bits: int = 1
    probes: int = 0
    growth: Growth = field(default_factory=Growth)

    @property
    def chosen(self) -> dict[str, Value]:
        """The user settings by name."""
        return {"tables": self.tables, "bits": self.bits, "probes": self.probes}

    def steps(self, k: int, further: bool) -> Iterator[int]:
        """The numbers of extra buckets to probe for k neighbours, tried in turn while too few are found.

        0 stands for as many as `probes`; EVERYTHING may come last.
        """
        first = probes_for(k, self.probes, self.growth)
        yield 0 if first == self.probes else first
        if further:
            yield from widths(first, self.bits)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of `as_dict`; older data have no growth."""
        return cls(**{**values, "growth": Growth(**values.get("growth", {}))})


def numbers_for(index: Index, vectors: Vectors, given: dict[str, int]) -> tuple[Numbers, HashFunctions | None]:
    """The hash settings for parts of (n, d) vectors and functions for all of them; None without hashing.

    Args:
        index: an empty index with the `given` settings.

    Raises:
        BadParameter: these vectors cannot provide that many bits.
    """
    if not isinstance(index, HashIndex) or not len(vectors):
        return Numbers(**given), None  # type: ignore[arg-type]
    lookup = index.chosen_for(vectors)
    assert isinstance(lookup, Buckets)  # parts are asked for what is in buckets
    functions = lookup.functions
    return Numbers(functions.tables, functions.bits, lookup.probes, lookup.growth), functions
