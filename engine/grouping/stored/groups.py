"""The current groups: from labels and vectors to titles, ordered members, and outliers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.collections.images import row_among
from engine.core.distances import Matrix
from engine.core.distances import metric as known_metric
from engine.core.errors import NotFound
from engine.grouping.clusterer import NOISE, Labels
from engine.grouping.stored.edits import State
from engine.grouping.stored.palette import colour_of

UNGROUPED = "Ungrouped"
_FENCE = 1.5  # interquartile ranges beyond the third quartile: Tukey's fence for outliers
_FEWEST_FOR_ODD = 5


@dataclass(frozen=True)
class Group:
    """One group; number −1 holds the ungrouped images.

    Attributes:
        title: the name given, else "Group 1" and so on. named: whether a user gave it.
        ids: its images, the closest to its centre first. distances: to the centre, in the same order.
        odd: how many at the end are outliers. colour: index into `palette.COLOURS`, −1 for grey.
    """

    number: int
    title: str
    named: bool
    ids: NDArray[np.int64]
    distances: NDArray[np.float32]
    odd: int
    colour: int

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Groups:
    """All groups, largest first and the ungrouped images last; `labels` (n,) are their numbers by `ids` (n,)."""

    ids: NDArray[np.int64]
    labels: Labels
    groups: list[Group]

    def of(self, id: int) -> Group:
        """The group of an image; NotFound if the grouping does not contain it."""
        row = row_among(self.ids, id)
        if row is None:
            raise NotFound(f"Picture {id} is not part of this grouping.")
        return self.group(int(self.labels[row]))

    def group(self, number: int) -> Group:
        """The group of that number; NotFound if there is none."""
        for group in self.groups:
            if group.number == number:
                return group
        raise NotFound(f"Group {number} no longer exists.")


def groups_of(ids: NDArray[np.int64], state: State, space: Matrix, metric: str) -> Groups:
    """The groups of (n,) ascending ids: (n, d) vectors give each member's distance to its group's centre."""
    if not len(ids):
        return Groups(ids, state.labels, [])
    numbers, counts = np.unique(state.labels, return_counts=True)
    found = sorted(zip(numbers.tolist(), counts.tolist(), strict=True), key=lambda n: (n[0] < 0, -n[1], n[0]))
    order = np.argsort(state.labels, kind="stable")
    rows = dict(zip(numbers.tolist(), np.split(order, np.cumsum(counts)[:-1]), strict=True))
    groups = [_group(ids, rows[number], state, space, metric, number) for number, _ in found]
    return Groups(ids, state.labels, groups)


def _group(
    ids: NDArray[np.int64], rows: NDArray[np.int64], state: State, space: Matrix, metric: str, number: int
) -> Group:
    inside = np.asarray(space[rows])
    away = known_metric(metric).between(inside.mean(axis=0, keepdims=True), inside)[0]
    order = np.argsort(away, kind="stable")
    odd, named = 0 if number == NOISE else _odd(away), number in state.titles
    title = state.titles[number] if named else _free_title(number, state.titles.values())
    return Group(number, title, named, ids[rows[order]], away[order], odd, colour_of(number))


def _free_title(number: int, taken: Collection[str]) -> str:
    """The title of an unnamed group: "Group 1" and so on, numbered if another group was given that name."""
    plain = UNGROUPED if number == NOISE else f"Group {number + 1}"
    others = (f"{plain} ({again})" for again in count(2))
    return next(title for title in chain([plain], others) if title not in taken)


def _odd(away: NDArray[Any]) -> int:
    """How many lie beyond Tukey's fence; none in a small group."""
    if len(away) < _FEWEST_FOR_ODD:
        return 0
    low, high = np.percentile(away, [25, 75])
    return int((away > high + _FENCE * (high - low) + 1e-6).sum())
