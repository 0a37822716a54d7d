"""The arithmetic of parts: which ids go where, and merging of answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.indexes.index import Ids, Neighbours


def no_ids() -> Ids:
    """An empty answer."""
    return np.empty(0, dtype=np.int64)


@dataclass(eq=False)
class Piece:
    """The coordinator's view of a part: handles to its copies, the folder of each, and the ids it answers for."""

    folders: list[Path]
    handles: list[Any]
    ids: Ids = field(default_factory=no_ids)

    def first(self) -> Piece:
        """The part reduced to its first copy."""
        return Piece(self.folders[:1], self.handles[:1], self.ids)


def even_parts(count: int, parts: int, seed: int) -> list[NDArray[np.int64]]:
    """Rows 0 to count − 1 randomly split into parts whose sizes differ by at most one, each ascending."""
    order = np.random.default_rng(seed).permutation(count)
    return [np.sort(rows) for rows in np.array_split(order, parts)]


def shares_for(held: Sequence[Ids], more: int, seed: int) -> list[list[Ids]]:
    """The random rows that each of m parts hands to each of `more` new parts, so that all are equally large.

    A part below its even share keeps everything. `[i][j]` is what part i gives to the new part j.
    """
    rng, total = np.random.default_rng(seed), sum(map(len, held))
    # The first parts keep the remainder of the division.
    kept = [total // (len(held) + more) + (number < total % (len(held) + more)) for number in range(len(held))]
    given = [rng.permutation(ids)[: max(0, len(ids) - keep)] for ids, keep in zip(held, kept, strict=True)]
    # Each giver starts at a different new part, which spreads the remainders over them as well.
    return [_rolled([np.sort(one) for one in np.array_split(ids, more)], n) for n, ids in enumerate(given)]


def _rolled(shares: list[Ids], by: int) -> list[Ids]:
    by %= len(shares)
    return shares[-by:] + shares[:-by] if by else shares


def merged(answers: Sequence[tuple[Any, ...]], k: int, share: float, repeats: bool = False) -> Neighbours:
    """The k nearest of the parts' answers, by distance and then by id; `examined` is summed.

    Args:
        repeats: whether two parts may return the same vector, which is then deduplicated.
    """
    ids = np.concatenate([answer[0] for answer in answers], axis=1)
    distances = np.concatenate([answer[1] for answer in answers], axis=1)
    if repeats:
        ids, distances = _without_repeats(ids, distances)
    ids, distances = _near_enough(ids, distances, k)
    order = np.lexsort((ids, distances))[:, :k]
    examined = np.stack([answer[2] for answer in answers])
    price = np.where((examined < 0).any(axis=0), -1, examined.sum(axis=0))
    return Neighbours(np.take_along_axis(ids, order, 1), np.take_along_axis(distances, order, 1), price, share)


def _near_enough(ids: Ids, distances: NDArray[np.float32], k: int) -> tuple[Ids, NDArray[np.float32]]:
    """The columns in which some query has one of its k nearest, equals of the last included: few of many parts'."""
    if distances.shape[1] <= 4 * k:
        return ids, distances
    last = np.partition(distances, k - 1, axis=1)[:, k - 1 : k]
    kept = np.flatnonzero((distances <= last).any(axis=0))
    return ids[:, kept], distances[:, kept]


def _without_repeats(ids: Ids, distances: NDArray[np.float32]) -> tuple[Ids, NDArray[np.float32]]:
    order = np.lexsort((distances, ids))
    ids, distances = np.take_along_axis(ids, order, 1), np.take_along_axis(distances, order, 1)
    again = np.zeros(ids.shape, dtype=bool)
    again[:, 1:] = ids[:, 1:] == ids[:, :-1]
    return np.where(again, -1, ids), np.where(again, np.float32(np.inf), distances)
