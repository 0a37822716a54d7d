"""Search by hash codes: the base of all hashing methods, which differ in how their functions are fitted."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from engine.core.errors import BadParameter
from engine.core.settings import AnySetting, Choice, Setting
from engine.core.storage import read_json, write_json
from engine.indexes.hashing.buckets import MAX_PROBES, PREFIX, Buckets
from engine.indexes.hashing.functions import BUCKET_BITS, MAX_BITS, HashFunctions
from engine.indexes.hashing.hamming import MAX_RERANK, HammingRanking
from engine.indexes.hashing.hyperplanes import Hyperplanes
from engine.indexes.hashing.lookup import Growth, Lookup
from engine.indexes.hashing.tuning import Sizes, choose, choose_more_probes, choose_rerank
from engine.indexes.index import BuildCost, Ids, Neighbours, Vectors
from engine.indexes.table.rows import RowIndex, RowTable, built, checked_k
from engine.indexes.table.sampling import MANY, NEIGHBOURS, WANTED_RECALL

TABLES = Setting("tables", "Tables", "Number of hash tables; more find more.", 1, 512)
BITS = Setting("bits", "Bits", "Length of a code; more bits make smaller buckets and finer ranking.", 1, MAX_BITS)
PROBES = Setting("probes", "Probes", "Neighbouring buckets that are searched too (multi-probe).", 0, MAX_PROBES)
RERANK = Setting(
    "rerank", "Re-ranked", "Candidates, nearest by Hamming distance, that are compared exactly.", 1, MAX_RERANK
)
FURTHER = Choice(
    "further",
    "Too few results",
    "If the buckets hold too few candidates: whether to search further buckets.",
    {"yes": "Look further", "no": "Return fewer"},
    "yes",
)
_RECALL = Setting("recall", "Recall", "", 0.01, 1, WANTED_RECALL, whole=False)
_INNER_BITS = 16  # functions that subdivide large buckets
_USUAL_TABLES, _USUAL_BITS = 16, 12  # about what is chosen from the data for buckets
_RANKED_TABLES, _RANKED_BITS = 4, 64  # defaults for Hamming ranking: 32 bytes per vector
_MOST_RANKED = 8192  # bits of all tables together: a kilobyte per vector
_LOOKUP_HELP = "Only the query's buckets, or all codes by the number of bits in which they differ from the query's."
_LOOKUPS = {"buckets": "In buckets", "hamming": "By Hamming distance"}


def lookup_setting(default: str) -> Choice:
    """The choice between buckets and Hamming ranking."""
    return Choice("lookup", "Look-up", _LOOKUP_HELP, _LOOKUPS, default)


class HashIndex(RowIndex):
    """Candidates found by code and ranked by true distance.

    `functions` fitted elsewhere replace its own, so that the parts of a collection can share one set. `seed` fixes the
    randomness of its own. Settings chosen from the data reach `recall` for that many `neighbours`; searches for more
    probe further.
    """

    family = "hashing"
    settings: ClassVar[tuple[AnySetting, ...]] = (TABLES, BITS, PROBES, lookup_setting("hamming"), RERANK, FURTHER)
    functions_kind: ClassVar[type[HashFunctions]] = Hyperplanes
    nested: ClassVar[bool] = False  # whether the first bits and tables are what a fit for fewer would give

    def __init__(
        self,
        metric: str,
        tables: int | None = None,
        bits: int | None = None,
        probes: int | None = None,
        lookup: str = "hamming",
        rerank: int | None = None,
        functions: HashFunctions | None = None,
        seed: int = 0,
        largest: int = 0,
        neighbours: int = NEIGHBOURS,
        recall: float = WANTED_RECALL,
        further: str = "yes",
    ) -> None:
        super().__init__(metric)
        self.neighbours = checked_k(neighbours)
        self.recall = _RECALL.checked(recall, f"the method {self.name}")
        self._check_bits(lookup, bits or 0)
        self.tables = tables
        self.bits = bits
        self.probes = probes
        self.lookup = lookup
        self.rerank = rerank
        self.functions = functions
        self.seed = seed
        self.largest = largest
        self.further = FURTHER.checked(further, f"the method {self.name}")

    @abstractmethod
    def fit(self, vectors: Vectors, tables: int, bits: int) -> HashFunctions:
        """Hash functions for (n, d) vectors; BadParameter if these cannot provide that many bits."""

    @abstractmethod
    def sizes(self, dimensions: int) -> Sizes:
        """The candidate settings for buckets."""

    def most_bits(self, dimensions: int) -> int:
        """The maximum code length of a table for vectors of that many dimensions."""
        return MAX_BITS

    def with_functions(self, functions: HashFunctions) -> Self:
        """Use these functions for all later builds."""
        self.functions = functions
        return self

    def chosen_for(self, vectors: Vectors) -> Lookup:
        """The look-up with the functions and numbers of an index over (n, d) vectors, without building all of it."""
        return self._choose(RowTable(np.arange(len(vectors)), vectors))

    def fitted(self, vectors: Vectors) -> HashFunctions:
        """The functions that an index over (n, d) vectors would use; they may then serve others."""
        return self.chosen_for(vectors).functions

    def tuned(self, vectors: Vectors) -> dict[str, int | str]:
        """The effective settings of an index over (n, d) vectors, without a full build."""
        return self._in_force(self.chosen_for(vectors))

    def foreseen(self, count: int, dimensions: int) -> BuildCost:
        """For every table: its functions, the start of each bucket, and a code and a position for each vector."""
        usual = (_RANKED_TABLES, _RANKED_BITS) if self.lookup == "hamming" else (_USUAL_TABLES, _USUAL_BITS)
        tables, bits = self.tables or usual[0], self._with_inner(self.bits or usual[1])
        buckets = 0 if self.lookup == "hamming" else 4 << min(bits, PREFIX)
        return BuildCost(
            tables * (4 * bits * self.axes(dimensions) + buckets + 12 * count), tables * bits * dimensions * count
        )

    def axes(self, dimensions: int) -> int:
        """The number of coefficients of each hash function."""
        return min(dimensions, MAX_BITS)

    def build(self, ids: Ids, vectors: Vectors) -> Self:
        table = RowTable(ids, vectors)
        self._lookup = self._choose(table)
        self._table = table
        if isinstance(self._lookup, Buckets):
            self._lookup.fill()
        self._lookup.bytes.fill()
        return self

    def _choose(self, table: RowTable) -> Lookup:
        """The look-up with its functions and numbers: as given, else chosen from the data."""
        self._check_functions(table.dimensions)
        return self._ranking(table) if self.lookup == "hamming" else self._buckets(table)

    def _check_functions(self, dimensions: int) -> None:
        """Raise BadParameter if external functions do not match this method or these vectors."""
        given = self.functions
        if given is None:
            return
        if not isinstance(given, self.functions_kind):
            raise BadParameter("functions", f"the method {self.name}", "of its own kind", type(given).__name__)
        if given.dimensions != dimensions:
            raise BadParameter("functions", f"the method {self.name}", f"for {dimensions} dimensions", given.dimensions)
        self._check_bits(self.lookup, given.bits)

    def _check_bits(self, lookup: str, bits: int) -> None:
        if lookup == "buckets" and bits > BUCKET_BITS:
            raise BadParameter("bits", f"the method {self.name}", f"at most {BUCKET_BITS} for buckets", bits)

    def _ranking(self, table: RowTable) -> HammingRanking:
        given = self.functions
        tables, bits = self.tables or _RANKED_TABLES, self.bits or min(_RANKED_BITS, self.most_bits(table.dimensions))
        if given is not None:
            tables, bits = given.tables, given.bits
        if tables * bits > _MOST_RANKED:
            wanted = f"at most {_MOST_RANKED // bits} by Hamming distance with {bits} bits"
            raise BadParameter("tables", f"the method {self.name}", wanted, tables)
        functions = given or self.fit(table.vectors, tables, bits)
        ranking = HammingRanking(functions, self.metric, table)
        ranking.fill()
        ranking.rerank = self.rerank or choose_rerank(ranking, self.seed, self.neighbours, self.recall)
        if not self.rerank:
            ranking.growth = self._growth(ranking.rerank, lambda: choose_rerank(ranking, self.seed, MANY, self.recall))
        return ranking

    def _growth(self, chosen: int, choose_for_many: Callable[[], int]) -> Growth:
        """How a number chosen for `neighbours` grows for larger k."""
        return Growth(self.neighbours, chosen if self.neighbours >= MANY else choose_for_many())

    def _buckets(self, table: RowTable) -> Buckets:
        given = self.functions
        tables, bits = (given.tables, self._outer(given)) if given is not None else (self.tables, self.bits)
        if tables and bits and self.probes is not None:
            functions = given or self.fit(table.vectors, tables, self._with_inner(bits))
            return self._made(functions, table, self.probes, bits)
        sizes = self.sizes(table.dimensions)
        counts = [tables] if tables else sizes.tables
        fits = self._fits(table, max(counts), bits)
        best = choose(fits, table, self.metric, counts, self.probes, 0, self.neighbours, self.recall)
        functions = best.functions.first(best.tables, min(self._with_inner(best.bits), best.functions.bits))
        buckets = self._made(functions, table, best.probes, best.bits)
        if self.probes is None:
            more = partial(choose_more_probes, best, table, self.metric, 0, self.recall)
            buckets.growth = self._growth(best.probes, more)
        return buckets

    def _made(self, functions: HashFunctions, table: RowTable, probes: int, bits: int) -> Buckets:
        return Buckets(functions, self.metric, table, probes, bits, self.largest)

    def _fits(self, table: RowTable, tables: int, bits: int | None) -> list[tuple[HashFunctions, Sequence[int]]]:
        """Candidate functions with their code lengths: one set if shorter codes are prefixes of it, else one per
        length.
        """
        if self.functions is not None:
            return [(self.functions, [self._outer(self.functions)])]
        if bits:
            return [(self.fit(table.vectors, tables, self._with_inner(bits)), [bits])]
        sizes = self.sizes(table.dimensions)
        lengths = sizes.bits_for(table.size)
        if self.nested:
            return [(self.fit(table.vectors, tables, self._with_inner(max(sizes.bits))), lengths)]
        return [(self.fit(table.vectors, tables, length), [length]) for length in lengths]

    def _with_inner(self, bits: int) -> int:
        """The number of functions to fit: `bits`, plus those that subdivide large buckets."""
        return min(bits + _INNER_BITS, BUCKET_BITS) if self.largest else bits

    def _outer(self, functions: HashFunctions) -> int:
        """The number of bits per bucket with external functions: as requested if the others subdivide, else all."""
        return min(self.bits, functions.bits) if self.largest and self.bits else functions.bits

    def add(self, ids: Ids, vectors: Vectors) -> None:
        rows = self._rows.add(ids, vectors)
        self._lookup.bytes.append(rows)
        self._lookup.append(rows)

    def remove(self, ids: Ids) -> None:
        self._rows.remove(ids)

    def search(self, queries: Vectors, k: int) -> Neighbours:
        return self._found(queries, k, self.further == "yes")

    def in_own_buckets(self, queries: Vectors, k: int) -> Neighbours:
        """As `search`, but only in the queries' own buckets, which may hold fewer than k."""
        return self._found(queries, k, False)

    def in_wider_buckets(self, queries: Vectors, k: int, probes: int) -> Neighbours:
        """As `in_own_buckets`, with that many extra buckets, or EVERYTHING; not for Hamming ranking."""
        built(self._table)
        lookup = self._lookup
        if not isinstance(lookup, Buckets):
            raise BadParameter("lookup", f"the method {self.name}", "buckets", self.lookup)
        return self._filled(queries, k, partial(lookup.look_wider, probes=probes))

    def _found(self, queries: Vectors, k: int, further: bool) -> Neighbours:
        built(self._table)
        return self._filled(queries, k, partial(self._lookup.search, further=further))

    def _filled(self, queries: Vectors, k: int, look: Callable[..., None]) -> Neighbours:
        table, k = self._rows, checked_k(k)
        queries = table.checked_queries(queries)
        distances, rows = np.full((len(queries), k), np.inf), np.full((len(queries), k), -1, dtype=np.int64)
        examined = np.zeros(len(queries), dtype=np.int64)
        look(queries, distances, rows, examined)
        return table.neighbours(distances, rows, self.metric, examined)

    def candidates(self, queries: Vectors) -> list[Ids]:
        """The ids that each query is compared with before further probing, ascending."""
        table = self._rows
        queries = table.checked_queries(queries)
        return [np.sort(table.ids[self._lookup.candidates(queries[i : i + 1])]) for i in range(len(queries))]

    @property
    def functions_in_force(self) -> HashFunctions:
        """The functions that the index was built with, external or fitted."""
        built(self._table)
        return self._lookup.functions

    def save(self, folder: Path) -> None:
        kept = self._rows.save(folder)
        self._lookup.functions.save(folder)
        self._lookup.save(folder, kept)
        self._lookup.bytes.save(folder, kept)
        write_json(folder / f"{self.name}.json", self._lookup.numbers | {"growth": asdict(self._lookup.growth)})

    def load(self, folder: Path) -> Self:
        table, numbers = RowTable.load(folder), read_json(folder / f"{self.name}.json")
        functions = self.functions_kind.load(folder)
        kind = Buckets if "probes" in numbers else HammingRanking
        growth = Growth(**numbers.pop("growth", {}))  # absent in older files
        self._lookup = kind(functions, self.metric, table, **numbers)
        self._lookup.growth = growth
        self._lookup.load(folder)
        self._lookup.bytes.load(folder)
        self._table = table
        return self

    @property
    def chosen(self) -> dict[str, int | str]:
        built(self._table)
        return self._in_force(self._lookup)

    def _in_force(self, lookup: Lookup) -> dict[str, int | str]:
        """The effective settings, including those that do not apply to this kind of look-up."""
        given = {"probes": self.probes, "rerank": self.rerank, "largest": self.largest or None}
        kept: dict[str, int | str] = {name: value for name, value in given.items() if value is not None}
        functions = lookup.functions
        manner: dict[str, int | str] = {"lookup": self.lookup, "further": self.further}
        return kept | {"tables": functions.tables, "bits": functions.bits} | manner | lookup.numbers
