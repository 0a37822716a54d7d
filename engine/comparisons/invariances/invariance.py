"""Tables of invariances on disk (see `engine.comparisons.comparison`), and their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Images
from engine.comparisons.comparison import Comparison
from engine.comparisons.invariances.plan import SHOWN, InvarianceCell, InvariancePlan
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.storage import digest_of
from engine.evaluation.statistics.proportion import clopper_pearson, mean_share_interval

Ranks = NDArray[np.int64]


@dataclass(frozen=True)
class Share:
    """The share of queries whose picture is found at one strength, with its exact 95 % interval."""

    strength: float
    share: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class InvarianceRow:
    """One measured cell.

    Attributes:
        key: the cell's. encoder: with weights and pooling. alteration: its name. strengths: (s,) from 0 on.
        ids: (q,) of the queries. ranks: (s, q) of the unaltered picture in the collection, 0 beyond the first eight.
        made_of: changes with the pictures or the weights. error: why it could not be measured, else "".
    """

    key: str
    encoder: str
    alteration: str
    strengths: tuple[float, ...] = ()
    ids: tuple[int, ...] = ()
    ranks: tuple[tuple[int, ...], ...] = ()
    made_of: str = ""
    error: str = ""

    @property
    def queries(self) -> int:
        """How many pictures were altered."""
        return len(self.ids)

    def found(self, count: int = 1) -> NDArray[np.bool_]:
        """(s, q): whether the picture is among the first `count` results, of at most eight."""
        ranks = np.array(self.ranks, dtype=np.int64).reshape(len(self.strengths), -1)
        return (ranks >= 1) & (ranks <= count)

    def shares(self, count: int = 1) -> list[Share]:
        """The share of queries found among the first `count` results at every strength."""
        hits = self.found(count).sum(1).tolist()
        return [
            Share(strength, hit / self.queries, clopper_pearson(int(hit), self.queries))
            for strength, hit in zip(self.strengths, hits, strict=True)
        ]

    def of_queries(self, count: int = 1) -> NDArray[np.float64]:
        """(q,) the share of all strengths beyond 0 at which each picture is found among the first `count`."""
        return np.asarray(self.found(count)[1:].mean(0), dtype=np.float64)

    def invariance(self, count: int = 1) -> tuple[float, tuple[float, float]]:
        """The mean of `of_queries`, with its 95 % interval over the queries."""
        single = self.of_queries(count)
        return float(single.mean()), mean_share_interval(single)

    def half(self, count: int = 1) -> float | None:
        """The weakest strength at which only half of the pictures are found, between strengths by a straight line.

        None if more are found at all strengths.
        """
        shares = self.found(count).mean(1)
        for place in range(1, len(shares)):
            if shares[place] < 0.5:
                before, after = float(shares[place - 1]), float(shares[place])
                along = max(0.0, (before - 0.5) / (before - after)) if before > after else 0.0
                low, high = self.strengths[place - 1], self.strengths[place]
                return low + along * (high - low)
        return None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> InvarianceRow:
        """The row of `as_dict`; BadParameter for unknown keys or a table of another shape."""
        if not set(values) <= set(cls.__dataclass_fields__):
            raise BadParameter("keys", "a row of results", "those that rows have", sorted(values))
        lists = {name: tuple(values.get(name, ())) for name in ("strengths", "ids")}
        row = cls(**{**values, **lists, "ranks": tuple(tuple(line) for line in values.get("ranks", ()))})
        if {len(line) for line in row.ranks} - {len(row.ids)} or len(row.ranks) != len(row.strengths):
            raise BadParameter("ranks", "a row of results", "one for each strength and query", len(row.ranks))
        return row


@dataclass(frozen=True)
class Invariances(Comparison[InvariancePlan, InvarianceCell, InvarianceRow]):
    """A table of invariances, read from its folder."""

    kind = "invariance"
    noun = "table of invariances"
    command = "python -m engine invariance --list"
    format = 1
    plans = InvariancePlan
    lines = InvarianceRow


def ranks_within(ranks: Ranks) -> Ranks:
    """The ranks as they are kept: 0 beyond the first eight."""
    return np.where(ranks <= SHOWN, ranks, 0)


def pictures_digest(images: Images) -> str:
    """Changes whenever a picture is added, removed or changed; `InvarianceRow.made_of` begins with it."""
    return digest_of(*images.ids.tolist(), *images.hashes)


def invariance_table(home: Home, name: str) -> Invariances:
    """The table of that name; NotFound if there is none, Corrupt if its plan is damaged."""
    return Invariances.find(home.invariances, name)


def invariance_tables(home: Home) -> list[Invariances]:
    """Every readable table, newest first."""
    return Invariances.every(home.invariances)
