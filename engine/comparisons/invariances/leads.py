"""Which encoder keeps finding altered pictures best, where that is decided: the same queries, asked of all encoders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.comparisons.invariances.invariance import InvarianceRow
from engine.core.cache import Cache
from engine.evaluation.statistics.decision import Decision, holm, p_text
from engine.evaluation.statistics.paired import paired_difference

_MOST_NAMED = 3
_kept: Cache[dict[str, InvarianceLead]] = Cache(32)


@dataclass(frozen=True)
class InvarianceLead:
    """The encoder with the highest invariance to one alteration, against every other.

    Attributes:
        alteration: its name. best: the key of its row.
        against: its lead over each other row by key; p is corrected for all pairs of encoders under all alterations.
    """

    alteration: str
    best: str
    against: dict[str, Decision] = field(default_factory=dict)

    @property
    def decided(self) -> bool:
        """Whether it is better than every other."""
        return bool(self.against) and all(one.outcome == "better" for one in self.against.values())

    def marked(self, key: str) -> bool:
        """Whether a row is to be marked as the best: only if that is decided."""
        return self.decided and key == self.best

    def sentence(self, names: dict[str, str]) -> str:
        """Whether there is a best encoder, to follow the alteration; `names` by key. "" with one encoder."""
        if not self.against:
            return ""
        if self.decided:
            return f"{names[self.best]} ({p_text(max(one.p for one in self.against.values()))})"
        near = [names[key] for key, one in self.against.items() if not one.decided]
        named = ", ".join(near[:_MOST_NAMED])
        named += f" and {len(near) - _MOST_NAMED} more" if len(near) > _MOST_NAMED else ""
        return f"not decided: {names[self.best]} is highest, with no decided lead over {named}"


def invariance_leads(rows: Sequence[InvarianceRow], count: int = 1) -> dict[str, InvarianceLead]:
    """By alteration, how the encoder with the highest invariance leads over the queries that all encoders share.

    Args:
        count: results among which a picture counts as found, at most eight.
    """
    measured = [row for row in rows if not row.error]
    stamp = tuple((row.key, row.made_of, row.ids) for row in measured)
    return _kept.get((count, stamp), lambda: _compared(measured, count))


def _compared(rows: Sequence[InvarianceRow], count: int) -> dict[str, InvarianceLead]:
    by_way: dict[str, list[InvarianceRow]] = {}
    for row in rows:
        by_way.setdefault(row.alteration, []).append(row)
    pairs = sum(len(own) * (len(own) - 1) // 2 for own in by_way.values())
    found = [_tested(own, count) for own in by_way.values()]
    corrected = iter(holm([one for _, tested in found for one in tested.values()], pairs=pairs))
    return {
        way: InvarianceLead(way, best, {key: next(corrected) for key in tested})
        for way, (best, tested) in zip(by_way, found, strict=True)
    }


def _tested(rows: Sequence[InvarianceRow], count: int) -> tuple[str, dict[str, Decision]]:
    """The key of the row with the highest mean, and its uncorrected leads over the others, by their keys."""
    figures = _of_shared_queries(rows, count)
    first = max(figures, key=lambda key: float(figures[key].mean())) if figures else rows[0].key
    return first, {key: paired_difference(figures[first], own) for key, own in figures.items() if key != first}


def _of_shared_queries(rows: Sequence[InvarianceRow], count: int) -> dict[str, NDArray[np.float64]]:
    """The figures of the queries that all rows have, by key; none if there is no such query."""
    shared = set.intersection(*(set(row.ids) for row in rows))
    return {row.key: row.of_queries(count)[np.isin(row.ids, list(shared))] for row in rows} if shared else {}
