"""What breaks a match: its rank and distance as the query is altered, and the strength at which it is first lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.core.distances import metric as known_metric
from engine.core.recipe import MAX_K
from engine.evidence.alterations import STRENGTHS, Alteration
from engine.indexes.index import Index, Neighbours

GRID = 17  # strengths from 0 to 1 that are tried before the breaking point is narrowed down
SHOWN = 8  # results among which a match is counted as found
TIE = 1e-6  # relative difference below which distances are equal, in single precision

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Standing:
    """The rank and distance of a match for the query altered at one strength.

    Attributes:
        rank: from 1 on, 0 if it is not among the first 1,000. distance: to the query. nearest: the id of the nearest
            picture, -1 if there is none.
    """

    strength: float
    rank: int
    distance: float
    nearest: int

    def among(self, count: int) -> bool:
        """Whether it is among the first `count` results."""
        return 1 <= self.rank <= count


@dataclass(frozen=True)
class BreakingPoint:
    """The weakest tested strength at which a match is lost.

    Attributes:
        strength: None if it is never lost, 0 if it is not found unaltered either.
        back: the weakest strength beyond at which it is found again, None if it stays lost: what is lost is not always
            lost for all that is stronger.
    """

    strength: float | None
    back: float | None = None

    def in_words(self, alteration: Alteration) -> str:
        """In words, to follow "lost at"."""
        if self.strength is None:
            return "never"
        if not self.strength:
            return "unaltered"
        again = "" if self.back is None else f", back at {alteration.in_words(self.back)}"
        return alteration.in_words(self.strength) + again


@dataclass(frozen=True)
class Breaking:
    """A match under one alteration.

    Attributes:
        alteration: its name. standings: by ascending strength, the evenly spread ones and those tried in between.
        first: where another picture is nearer. shown: where it leaves the eight.
    """

    alteration: str
    standings: tuple[Standing, ...]
    first: BreakingPoint
    shown: BreakingPoint

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return asdict(self)


def lost_unaltered(found: Sequence[Breaking]) -> str:
    """A sentence if the match is not among the eight of the unaltered query, so that nothing can break it; else ""."""
    if not found or any(one.shown.strength != 0 for one in found):
        return ""
    return f"Unaltered, the query does not have the match among its first {SHOWN} either: there is nothing to break."


@dataclass(frozen=True)
class Pair:
    """A query picture and a match in a collection.

    Attributes:
        picture: the query, RGB. embed: its vectors, (q, d), from altered pictures. index: exact search over the
            collection. match: the id of the match, and `vector` its (d,) vector. left_out: the id of the query, which
            is never its own result; None for a picture from outside.
    """

    picture: Image.Image
    embed: Callable[[Sequence[Image.Image]], Matrix]
    index: Index
    match: int
    vector: Matrix
    left_out: int | None = None

    def standings(self, alteration: Alteration, strengths: Sequence[float]) -> list[Standing]:
        """Where the match stands at each strength."""
        vectors = self.embed([alteration(self.picture, strength) for strength in strengths])
        found = self.index.search(vectors, min(self.index.size, MAX_K))
        away = known_metric(self.index.metric).between(vectors, self.vector[None])[:, 0]
        left_out = None if self.left_out == self.match else self.left_out
        ranks = ranks_of(found, np.full(len(vectors), self.match), left_out)
        nearest = [_nearest(ids, left_out) for ids in found.ids]
        figures = zip(strengths, ranks.tolist(), away.tolist(), nearest, strict=True)
        return [Standing(*one) for one in figures]


def ranks_of(found: Neighbours, wanted: NDArray[np.int64], left_out: int | None = None) -> NDArray[np.int64]:
    """(q,) ranks of the (q,) ids among the results, 0 where one is not among them.

    What is no farther than rounding does not count as nearer, so of equal pictures all are first.
    """
    kept = found.ids >= 0 if left_out is None else (found.ids >= 0) & (found.ids != left_out)
    own = found.ids == wanted[:, None]
    away = np.where(own, found.distances, np.inf).min(1, initial=np.inf)
    slack = TIE * np.maximum(1, np.where(np.isfinite(away), away, 1))
    nearer = (found.distances < (away - slack)[:, None]) & kept & np.isfinite(away)[:, None]
    return np.where(own.any(1), 1 + nearer.sum(1), 0).astype(np.int64)


def _nearest(ids: NDArray[np.int64], left_out: int | None) -> int:
    return next((int(id) for id in ids.tolist() if id >= 0 and id != left_out), -1)


def breaking(pair: Pair, alteration: Alteration) -> Breaking:
    """The match under an alteration: an even grid first, then bisection in front of the first loss on it.

    A loss between two neighbours of the grid that both find the match goes unnoticed.
    """
    known = {one.strength: one for one in pair.standings(alteration, np.linspace(0, 1, GRID).tolist())}
    points = []
    for count in (1, SHOWN):
        points.append(breaking_point(known, lambda strength: pair.standings(alteration, [strength])[0], count))
    return Breaking(alteration.name, tuple(known[strength] for strength in sorted(known)), *points)


def breaking_point(known: dict[float, Standing], ask: Callable[[float], Standing], count: int = SHOWN) -> BreakingPoint:
    """The weakest strength at which a match is no longer among the first `count`, to 1/256 of the range.

    Args:
        known: standings by strength, 0 among them; those that are asked for in between are added.
    """
    tried = sorted(known)
    lost = next((place for place, strength in enumerate(tried) if not known[strength].among(count)), None)
    if lost is None:
        return BreakingPoint(None)
    low, high = tried[max(lost - 1, 0)], tried[lost]
    back = next((strength for strength in tried[lost:] if known[strength].among(count)), None)
    while (high - low) * STRENGTHS > 1:
        middle = (low + high) / 2
        if middle not in known:
            known[middle] = ask(middle)
        low, high = (middle, high) if known[middle].among(count) else (low, middle)
    return BreakingPoint(high, back)
