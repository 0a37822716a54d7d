"""Choosing the numbers of hashing from the data: the cheapest setting that finds a sample's true neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.indexes.hashing.buckets import MAX_PROBES
from engine.indexes.hashing.functions import HashFunctions
from engine.indexes.hashing.hamming import HammingRanking
from engine.indexes.sample_truth import true_neighbours
from engine.indexes.table.rows import Rows, RowTable
from engine.indexes.table.sampling import MANY, NEIGHBOURS, WANTED_RECALL, sample_rows

PROBES = (0, 1, 2, 4, 8, 16, 24)
_MORE_PROBES = (*PROBES, 32, 48, 64, 96)  # for searches with large k
_STRANGERS = 400  # random vectors to estimate how many a query would be compared with
_ASKERS = 48  # queries to estimate with
_LEAST_RERANK = 8 * NEIGHBOURS


@dataclass(frozen=True)
class Sizes:
    """Numbers of tables and bits to choose from, ascending."""

    tables: Sequence[int]
    bits: Sequence[int]

    def bits_for(self, rows: int) -> list[int]:
        """The bit counts with non-negligible average bucket sizes; always the smallest."""
        return [bits for bits in self.bits if bits <= np.log2(max(rows, 2)) + 2] or list(self.bits[:1])


@dataclass(frozen=True)
class Setup:
    """A setting with the recall and the number of comparisons estimated on the sample."""

    functions: HashFunctions
    bits: int
    tables: int
    probes: int
    recall: float
    examined: float

    @property
    def cost(self) -> float:
        """The cost in units of one comparison with 128 bytes, about 25 ns; a bucket costs 25 units of latency."""
        lookups = self.tables * (1 + self.probes)
        comparing = self.examined * (0.4 + 0.6 * self.functions.dimensions / 128)
        return comparing + 25 * lookups + self.tables * self.bits


def choose(
    fits: Sequence[tuple[HashFunctions, Sequence[int]]],
    table: RowTable,
    metric: str,
    tables: Sequence[int],
    probes: int | None,
    seed: int = 0,
    neighbours: int = NEIGHBOURS,
    recall: float = WANTED_RECALL,
) -> Setup:
    """The cheapest setting that reaches the target recall on a sample of vectors, else the one with the highest recall.

    Args:
        fits: functions, and how many of their first bits may be used. tables: numbers of tables to choose from.
        probes: kept if given. recall: the wanted share of that many nearest `neighbours`, 0 to 1.
    """
    sample, nearest = true_neighbours(table, metric, seed, neighbours)
    strangers = np.tile(sample_rows(table, _STRANGERS, seed + 2), (min(_ASKERS, len(sample)), 1))
    setups: list[Setup] = []
    for functions, lengths in fits:
        near = _Hashed.of(functions, table, metric, sample, nearest)
        far = _Hashed.of(functions, table, metric, sample[:_ASKERS], strangers)
        for bits in lengths:
            setups.extend(_setups(functions, bits, tables, probes, near, far, nearest >= 0, table.size))
    return _cheapest(setups, recall)


def choose_more_probes(best: Setup, table: RowTable, metric: str, seed: int = 0, recall: float = WANTED_RECALL) -> int:
    """The extra buckets this setting needs for the target recall of a hundred neighbours, else the maximum."""
    sample, nearest = true_neighbours(table, metric, seed, MANY)
    there, most = nearest >= 0, min(_MORE_PROBES[-1], 2**best.bits - 1)
    if not there.any():
        return best.probes
    functions = best.functions.first(best.tables, best.functions.bits)
    needed = _Hashed.of(functions, table, metric, sample, nearest).probes_needed(best.bits, most)[..., -1][there]
    enough = [extra for extra in _MORE_PROBES if extra <= most and (needed <= extra).mean() >= recall]
    return max(best.probes, min(enough, default=most))


def _setups(
    functions: HashFunctions, bits: int, tables: Sequence[int], probes: int | None, near: _Hashed, far: _Hashed,
    there: NDArray[np.bool_], size: int,
) -> Iterator[Setup]:  # fmt: skip
    """The estimates for every number of tables and probes with codes of that length."""
    extras = [probes] if probes is not None else [extra for extra in PROBES if extra <= 2.0**bits - 1]
    most = min(max(extras), MAX_PROBES)
    found, met = near.probes_needed(bits, most), far.probes_needed(bits, most)
    for count in tables:
        reached, touched = found[..., count - 1][there], met[..., count - 1].ravel()
        for extra in extras:
            recall = float((reached <= extra).mean()) if len(reached) else 1.0
            share = float((touched <= extra).mean()) if len(touched) else 1.0
            yield Setup(functions, bits, count, extra, recall, share * size)


def _cheapest(setups: list[Setup], recall: float) -> Setup:
    good = [setup for setup in setups if setup.recall >= recall]
    if not good:
        return max(setups, key=lambda setup: (setup.recall, -setup.cost))
    return min(good, key=lambda setup: setup.cost)


def choose_rerank(
    ranking: HammingRanking, seed: int = 0, neighbours: int = NEIGHBOURS, recall: float = WANTED_RECALL
) -> int:
    """How many of the nearest codes must be re-ranked to reach the target recall on a sample."""
    sample, nearest = true_neighbours(ranking.table, ranking.metric, seed, neighbours)
    there, least = nearest >= 0, max(_LEAST_RERANK, neighbours)
    if not there.any():
        return least
    places = ranking.places(ranking.table.vectors[sample], nearest)[there]
    return max(least, int(np.quantile(places, recall, method="higher")))


@dataclass(frozen=True)
class _Hashed:
    """Queries, and vectors that each should share a bucket with (or should not), all hashed once.

    margins: (q, T, b). codes: (T, q). others: (m', T), the codes of the distinct vectors. places: (q, m).
    """

    margins: NDArray[np.float32]
    codes: NDArray
    others: NDArray
    places: NDArray[np.int64]

    @classmethod
    def of(cls, functions: HashFunctions, table: RowTable, metric: str, askers: Rows, others: Rows) -> _Hashed:
        codes, margins = functions.codes(table.vectors[askers], metric)
        distinct, places = np.unique(np.maximum(others, 0), return_inverse=True)
        other_codes = np.ascontiguousarray(functions.codes(table.vectors[distinct], metric)[0].T)
        shaped = margins.reshape(len(askers), functions.tables, functions.bits)
        return cls(shaped, codes, other_codes, places.reshape(others.shape))

    def probes_needed(self, bits: int, most: int) -> NDArray[np.uint8]:
        """(q, m, T): how many extra buckets of `bits` bits lead to each vector, in the best of the first t tables."""
        from engine.indexes.kernels.lsh import probes_needed

        tables, cut = self.margins.shape[1], self.margins.shape[2] - bits
        needed = np.full((*self.places.shape, tables), 255, dtype=np.uint8)
        if needed.size:
            shorter = np.ascontiguousarray(self.margins[:, :, :bits])
            probes_needed(shorter, self.codes, self.others, self.places, cut, most, needed)
        return np.minimum.accumulate(needed, axis=2)
