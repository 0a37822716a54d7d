"""The hash lab: the codes of a collection under every method, computed once per setting and cached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.comparisons.hashlab.code import Code, Flips, Plane, checked_flips, code_of, flipped, planes_of
from engine.comparisons.hashlab.hashed import FAMILIES, Hashed, Hashing, Space
from engine.comparisons.hashlab.price import Price, Questions, price_of
from engine.core.cache import Cache
from engine.core.distances import metric as metric_named
from engine.core.errors import BadParameter
from engine.indexes import make_index
from engine.indexes.index import Ids, Index, Vectors
from engine.indexes.sample_truth import without_themselves
from engine.indexes.table.rows import Rows, RowTable
from engine.indexes.table.sampling import sample_rows

MOST = 100_000  # vectors; of more, a sample is hashed
NEAREST = 8
FEWEST = 3  # vectors
_QUERIES = 128
_PLANES_OF = 20_000  # pictures that a histogram counts
_SETTINGS_KEPT = 12  # each up to 13 MB with 100,000 vectors and 16 tables
_PRICES_KEPT = 256


@dataclass(frozen=True)
class Change:
    """The candidates that are gained and lost when bits are flipped, nearest first; `near` counts those among the
    nearest eight.

    Attributes:
        stay, come, go: ids. distances: by id. nearest: the ids of the eight nearest of all, nearest first.
    """

    stay: Ids
    come: Ids
    go: Ids
    distances: dict[int, float]
    nearest: Ids

    @property
    def before(self) -> int:
        """The number of candidates before."""
        return len(self.stay) + len(self.go)

    @property
    def after(self) -> int:
        """The number of candidates after."""
        return len(self.stay) + len(self.come)

    @property
    def near(self) -> tuple[int, int]:
        """How many of the nearest are candidates before and after."""
        kept, gone, new = (int(np.isin(self.nearest, ids).sum()) for ids in (self.stay, self.go, self.come))
        return kept + gone, kept + new

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        groups = {name: getattr(self, name).tolist() for name in ("stay", "come", "go", "nearest")}
        return {**groups, "near_before": self.near[0], "near_after": self.near[1]}


class HashLab:
    """Hash codes of (n, d) vectors under (n,) ascending ids; more than 100,000 vectors are sampled.

    `exact` is exact search over these vectors, if there is one already.

    Raises:
        BadParameter: fewer than 3 vectors.
    """

    def __init__(self, ids: Ids, vectors: Vectors, metric: str, exact: Index | None = None) -> None:
        if len(ids) < FEWEST:
            raise BadParameter("number of pictures", "hash codes", f"at least {FEWEST}", len(ids))
        self.total, self.metric = len(ids), metric
        if len(ids) > MOST:
            kept = np.sort(np.random.default_rng(0).choice(len(ids), MOST, replace=False))
            ids, vectors, exact = ids[kept], np.ascontiguousarray(vectors[kept]), None
        self.table = RowTable(ids, vectors)
        self.exact = exact or make_index("exact", metric).build(ids, vectors)
        self.space = Space(self.table, metric)
        self.questions = self._questions()
        self._hashed: Cache[Hashed] = Cache(_SETTINGS_KEPT)
        self._planes: Cache[list[Plane]] = Cache(_SETTINGS_KEPT)
        self._prices: Cache[Price] = Cache(_PRICES_KEPT)

    @property
    def ids(self) -> Ids:
        """(n,) the pictures that are hashed."""
        return self.table.ids

    @property
    def most_bits(self) -> int:
        """The longest code that every method supports here."""
        return self.space.most_bits

    def hashed(self, hashing: Hashing) -> Hashed:
        """The collection hashed; the number of probes does not matter."""
        same = replace(hashing, probes=0)
        return self._hashed.get(same, lambda: self.space.hashed(same))

    def code(self, hashing: Hashing, vector: Vectors) -> Code:
        """The code of a (1, d) vector."""
        return code_of(self.hashed(hashing), self.space.points_of(vector))

    def planes(self, hashing: Hashing, table: int) -> list[Plane]:
        """The pictures on both sides of each bit's boundary in a table, of at most 20,000."""
        rows = sample_rows(self.table, _PLANES_OF, 0)
        key = (replace(hashing, probes=0), table)
        return self._planes.get(
            key, lambda: planes_of(self.hashed(hashing), self.ids[rows], self.space.points[rows], table)
        )

    def change(self, hashing: Hashing, vector: Vectors, flips: Flips = frozenset(), without: int = -1) -> Change:
        """The candidates of a (1, d) vector that are gained and lost when bits are flipped.

        Args:
            flips: (table, bit) pairs, from 0. without: the id of the picture itself, which is left out.

        Raises:
            BadParameter: a bit that the code does not have.
        """
        hashed = self.hashed(hashing)
        code, flips = self.code(hashing, vector), checked_flips(flips, hashed)
        before, after = (
            self._candidates(hashed, code, some, hashing.searched, without) for some in (frozenset(), flips)
        )
        rows = np.union1d(before, after)
        apart = metric_named(self.metric).between(vector, self.table.vectors[rows])[0]
        order = rows[np.argsort(apart, kind="stable")]
        old, new = np.isin(order, before), np.isin(order, after)
        distances = dict(zip(self.ids[rows].tolist(), apart.tolist(), strict=True))
        stay, come, go = (self.ids[order[there]] for there in (old & new, new & ~old, old & ~new))
        return Change(stay, come, go, distances, self._nearest(vector, without))

    def price(self, hashing: Hashing) -> Price:
        """Recall and cost of a hashing, measured with up to 128 pictures of the collection as queries."""
        return self._prices.get(hashing, lambda: price_of(self.hashed(hashing), hashing, self.questions))

    def prices(self, hashing: Hashing) -> list[Price]:
        """Recall and cost of every method with the same numbers of bits, tables and probes."""
        return [self.price(hashing.by(method)) for method in FAMILIES]

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _candidates(self, hashed: Hashed, code: Code, flips: Flips, probes: int, without: int) -> Rows:
        margins = np.ascontiguousarray(code.margins.ravel())
        found = hashed.buckets.candidates_at(flipped(hashed, code, flips), margins, probes)
        return found[self.ids[found] != without]

    def _nearest(self, vector: Vectors, without: int) -> Ids:
        found = self.exact.search(vector, NEAREST + 1).ids[0]
        return found[(found >= 0) & (found != without)][:NEAREST]

    def _questions(self) -> Questions:
        rows = sample_rows(self.table, _QUERIES, 1)
        vectors = np.ascontiguousarray(self.table.vectors[rows])
        near = without_themselves(self.exact.search(vectors, NEAREST + 1).ids, self.ids[rows])
        known = np.searchsorted(self.ids, near)
        return Questions(rows, vectors, np.where(near >= 0, known, -1))


def as_dict(hashing: Hashing, code: Code, flips: Flips, change: Change, prices: Sequence[Price]) -> dict[str, Any]:
    """Everything, for JSON; tables and bits are counted from 1."""
    return {
        "method": str(hashing),
        "codes": [code.text(table) for table in range(len(code.bits))],
        "margins": code.margins.tolist(),
        "flipped": [[table + 1, bit + 1] for table, bit in sorted(flips)],
        **change.as_dict(),
        "prices": [price.as_dict() for price in prices],
    }
