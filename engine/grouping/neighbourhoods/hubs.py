"""Hubs and orphans: pictures that are among the results of very many others, and of none.

In many dimensions a few vectors are near to nearly everything. They crowd results without being similar.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.collections.catalogue import ImageRow
from engine.core.errors import BadParameter
from engine.core.humanize import count_of
from engine.core.recipe import Recipe
from engine.core.tables import csv_text
from engine.grouping.neighbourhoods.nearest_lists import LISTED, NearestLists, Search

RESULTS = 10  # of each query
EXACT_UP_TO = 20_000  # pictures, each of which is the query once
_AT_ONCE = 256


@dataclass(frozen=True)
class Occurrences:
    """How often each picture is among the k nearest of others.

    Attributes:
        ids: (n,). counts: (n,) occurrences. k: results of each query. asked: pictures that were the query.
    """

    ids: NDArray[np.int64]
    counts: NDArray[np.int64]
    k: int
    asked: int

    @property
    def exact(self) -> bool:
        """Whether every picture was the query once."""
        return self.asked == len(self.ids)

    @property
    def expected(self) -> float:
        """The mean number of occurrences."""
        return self.asked * self.k / max(1, len(self.ids))

    @cached_property
    def skew(self) -> float:
        """The skewness of the counts: near 0 without hubs, above 1 with clear ones; 0 for equal counts.

        Source: Radovanović, Nanopoulos and Ivanović, "Hubs in space", JMLR 2010.
        """
        from scipy.stats import skew

        return float(skew(self.counts)) if len(self.counts) and np.ptp(self.counts) > 0 else 0.0

    def hubs(self, most: int) -> list[tuple[int, int]]:
        """The ids that occur most, with their counts, ties by id."""
        order = np.lexsort((self.ids, -self.counts))[:most]
        return [(int(self.ids[row]), int(self.counts[row])) for row in order if self.counts[row] > 0]

    @property
    def orphans(self) -> NDArray[np.int64]:
        """The ids that occur never, ascending; after a sample of queries some of them may only seem so."""
        return np.asarray(self.ids[self.counts == 0])


def occurrences(nearness: NearestLists, k: int = RESULTS) -> Occurrences:
    """The occurrences with every picture as the query.

    Raises:
        BadParameter: k is not from 1 to LISTED.
    """
    rows = nearness.rows[:, : _checked(k)]
    counts = np.bincount(rows.ravel(), minlength=len(nearness.ids))
    return Occurrences(nearness.ids, counts.astype(np.int64), rows.shape[1], len(nearness.ids))


def sampled_occurrences(
    ids: NDArray[np.int64], vectors: NDArray[np.float32], search: Search, *, asked: int = EXACT_UP_TO, k: int = RESULTS
) -> Occurrences:
    """The occurrences with some pictures as queries, drawn at random, for large collections; ids ascend."""
    k = min(_checked(k), max(0, len(ids) - 1))
    drawn = np.sort(np.random.default_rng(0).choice(len(ids), min(asked, len(ids)), replace=False))
    counts = np.zeros(len(ids), np.int64)
    for start in range(0, len(drawn), _AT_ONCE):
        own = drawn[start : start + _AT_ONCE]
        found = search(np.ascontiguousarray(vectors[own], dtype=np.float32), k + 1).ids
        itself = np.argsort(found == ids[own][:, None], axis=1, kind="stable")  # the query goes last
        near = np.take_along_axis(found, itself, 1)[:, :k]
        counts += np.bincount(np.searchsorted(ids, near[near >= 0]), minlength=len(ids))
    return Occurrences(ids, counts, k, len(drawn))


def _checked(k: int) -> int:
    if not 1 <= k <= LISTED:
        raise BadParameter("k", "the hubs", f"a whole number from 1 to {LISTED}", k)
    return k


HEADER = ("rank", "occurrences", "expected", "id", "file", "label")


@dataclass(frozen=True)
class Hubs:
    """The occurrences of the pictures of a collection under a recipe, whose method and k do not matter."""

    recipe: Recipe
    found: Occurrences
    pictures: dict[int, ImageRow]

    def sentence(self) -> str:
        """How often pictures are found: the most frequent one, how many never, and the skew."""
        found, orphans = self.found, len(self.found.orphans)
        asked = "every picture" if found.exact else count_of(found.asked, "picture")
        top = max(found.counts.tolist(), default=0)
        never = f"{count_of(orphans, 'picture')} {'is' if orphans == 1 else 'are'} in none"
        return (
            f"Searched with {asked}: the most frequent picture is in {top:,} of the results of {found.k}, "
            f"{found.expected:.3g} are expected, {never}. Skew of these numbers: {found.skew:.2f}."
        )

    def rows(self, most: int | None = None) -> list[list[object]]:
        """A row for each picture, the most frequent first; columns as in HEADER."""
        order = np.lexsort((self.found.ids, -self.found.counts))[:most]
        lines: list[list[object]] = []
        for rank, row in enumerate(order.tolist(), 1):
            id = int(self.found.ids[row])
            facts = self.pictures[id]
            lines.append([rank, int(self.found.counts[row]), f"{self.found.expected:.3g}", id, facts.name, facts.label])
        return lines

    def to_csv(self) -> str:
        return csv_text(HEADER, self.rows())

    def as_dict(self, most: int) -> dict[str, Any]:
        """What the command line prints with --json."""
        found = self.found
        return {
            "recipe": self.recipe.as_dict(),
            "k": found.k,
            "queries": found.asked,
            "exact": found.exact,
            "skew": found.skew,
            "hubs": [dict(zip(HEADER, row, strict=True)) for row in self.rows(most)],
            "orphans": [{"id": int(id), "name": self.pictures[int(id)].name} for id in found.orphans.tolist()],
        }
