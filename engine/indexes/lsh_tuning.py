"""Choosing the numbers of LSH from the data: the cheapest setting that finds a sample's true neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.indexes.hyperplanes import Hyperplanes
from engine.indexes.rows import Rows, RowTable
from engine.indexes.sampling import WANTED_RECALL, sample_rows, true_neighbours

BITS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 20)
TABLES = (4, 8, 12, 16, 24, 32, 48, 64)
PROBES = (0, 1, 2, 4, 8, 16, 24)
_STRANGERS = 400  # vectors drawn to learn how many a query would be compared with
_ASKERS = 48  # queries that are asked of them


@dataclass(frozen=True)
class Choice:
    """A setting with the recall and the number of compared vectors that the sample promises."""

    bits: int
    tables: int
    probes: int
    recall: float
    examined: float

    def cost(self, dimensions: int) -> float:
        """In comparisons of two 128-dimensional vectors: looking into a bucket costs about as much as three."""
        lookups = self.tables * (1 + self.probes)
        return self.examined * (0.3 + dimensions / 128) + 3 * lookups + 0.1 * self.tables * self.bits


def choose(table: RowTable, metric: str, planes: Hyperplanes, fixed: dict[str, int | None], seed: int = 0) -> Choice:
    """The cheapest choice that reaches the wanted recall on a sample, else the one with the best recall.

    `planes` hold at least as many tables and bits as may be chosen; a number in `fixed` is kept as it is.
    """
    sample, neighbours = true_neighbours(table, metric, seed)
    strangers = sample_rows(table, _STRANGERS, seed + 2)
    askers = sample[:_ASKERS]
    near = _Hashed.of(planes, table, metric, sample, neighbours)
    far = _Hashed.of(planes, table, metric, askers, np.tile(strangers, (len(askers), 1)))
    there = neighbours >= 0
    choices = []
    for bits in _options(fixed["bits"], BITS, planes.bits, np.log2(max(table.size, 2)) + 2):
        probes = _options(fixed["probes"], PROBES, 250, 2.0**bits - 1)
        found, met = near.probes_needed(bits, max(probes)), far.probes_needed(bits, max(probes))
        for tables in _options(fixed["tables"], TABLES, planes.tables, planes.tables):
            reached, touched = found[..., tables - 1][there], met[..., tables - 1].ravel()
            for extra in probes:
                recall = float((reached <= extra).mean()) if len(reached) else 1.0
                share = float((touched <= extra).mean()) if len(touched) else 1.0
                choices.append(Choice(bits, tables, extra, recall, share * table.size))
    return _cheapest(choices, table.dimensions)


def _cheapest(choices: list[Choice], dimensions: int) -> Choice:
    good = [choice for choice in choices if choice.recall >= WANTED_RECALL]
    if not good:
        return max(choices, key=lambda choice: (choice.recall, -choice.cost(dimensions)))
    return min(good, key=lambda choice: choice.cost(dimensions))


def _options(fixed: int | None, options: tuple[int, ...], most: int, sensible: float) -> list[int]:
    if fixed is not None:
        return [fixed]
    return [option for option in options if option <= min(most, sensible)] or [min(options[0], most)]


@dataclass(frozen=True)
class _Hashed:
    """Queries and the vectors that each of them should, or should rather not, be led to, all hashed once.

    margins: (q, T, b). codes: (T, q). others: (m', T), the codes of the distinct vectors. places: (q, m).
    """

    margins: NDArray[np.float32]
    codes: NDArray
    others: NDArray
    places: NDArray[np.int64]

    @classmethod
    def of(cls, planes: Hyperplanes, table: RowTable, metric: str, askers: Rows, others: Rows) -> _Hashed:
        codes, margins = planes.codes(table.vectors[askers], metric)
        distinct, places = np.unique(np.maximum(others, 0), return_inverse=True)
        other_codes = np.ascontiguousarray(planes.codes(table.vectors[distinct], metric)[0].T)
        shaped = margins.reshape(len(askers), planes.tables, planes.bits)
        return cls(shaped, codes, other_codes, places.reshape(others.shape))

    def probes_needed(self, bits: int, most: int) -> NDArray[np.uint8]:
        """(q, m, T): how many extra buckets, with `bits` planes, lead there in the best of the first t tables."""
        from engine.indexes.lsh_kernels import probes_needed

        tables, cut = self.margins.shape[1], self.margins.shape[2] - bits
        needed = np.full((*self.places.shape, tables), 255, dtype=np.uint8)
        if needed.size:
            shorter = np.ascontiguousarray(self.margins[:, :, :bits])
            probes_needed(shorter, self.codes, self.others, self.places, cut, most, needed)
        return np.minimum.accumulate(needed, axis=2)
