"""Many systems on the same queries: whether the one with the highest mean is better than the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from engine.core.errors import BadParameter
from engine.evaluation.statistics.decision import Decision, Values, checked_values, holm
from engine.evaluation.statistics.paired import paired_difference


@dataclass(frozen=True)
class Lead:
    """The row with the highest mean against every other.

    Attributes:
        first: its place. equals: the places of rows with the same figure for every query.
        against: its lead over each remaining row, by the row's place; p is corrected for all pairs of different rows.
    """

    first: int
    equals: tuple[int, ...]
    against: Mapping[int, Decision]

    @property
    def clear(self) -> bool:
        """Whether it is better than every row that is not the same."""
        return bool(self.against) and all(one.outcome == "better" for one in self.against.values())

    @property
    def undecided(self) -> list[int]:
        """The indexes of the rows that may be as good."""
        return [place for place, one in self.against.items() if not one.decided]


def lead(rows: Sequence[ArrayLike], *, seed: int = 0) -> Lead:
    """The lead of the highest mean; (q,) figures of each row for the same queries in one order.

    Which row is the highest was seen in the same figures, so p is corrected for the number of all pairs, not only of
    those that are tested; rows that are the same to the bit count once.

    Raises:
        BadParameter: no rows, different numbers of values, or values that are not finite.
    """
    figures = _checked(rows)
    first = _ranked(figures)[0]
    same: dict[bytes, list[int]] = {}
    for place, row in enumerate(figures):
        same.setdefault(row.tobytes(), []).append(place)
    equals = same.pop(figures[first].tobytes())
    tested = holm([_pair(figures, first, places[0], seed) for places in same.values()], pairs=_pairs(figures))
    against = {place: one for places, one in zip(same.values(), tested, strict=True) for place in places}
    return Lead(first, tuple(place for place in equals if place != first), dict(sorted(against.items())))


def best_of(rows: Sequence[ArrayLike], *, seed: int = 0) -> int | None:
    """The index of the row that is decidedly better than every different row; None if that is not decided.

    Ends at the first row that may be as good, so it is fast for many rows; p is multiplied by the number of all pairs.
    Raises as `lead`.
    """
    figures = _checked(rows)
    first, *others = _ranked(figures)
    for other in (place for place in others if not np.array_equal(figures[place], figures[first])):
        found = _pair(figures, first, other, seed)
        if replace(found, p=min(1.0, found.p * _pairs(figures))).outcome != "better":
            return None
    return first if _pairs(figures) else None


def _checked(rows: Sequence[ArrayLike]) -> list[Values]:
    figures = [checked_values(row, "a comparison of rows") for row in rows]
    if not figures or len({len(row) for row in figures}) > 1:
        raise BadParameter("rows", "a comparison", "at least one, with as many values each", [len(r) for r in figures])
    return figures


def _ranked(figures: Sequence[Values]) -> list[int]:
    """The places by their means, the highest first."""
    return sorted(range(len(figures)), key=lambda place: -float(figures[place].mean()))


def _pairs(figures: Sequence[Values]) -> int:
    """The number of pairs of different rows."""
    kinds = len({row.tobytes() for row in figures})
    return kinds * (kinds - 1) // 2


def _pair(figures: Sequence[Values], first: int, other: int, seed: int) -> Decision:
    return paired_difference(figures[first], figures[other], seed=seed)
